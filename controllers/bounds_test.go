// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// patternCases holds, for each pattern of the schema, texts that it admits and texts that it refuses.
var patternCases = map[string]struct{ admitted, refused []string }{
	`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`: {
		[]string{"5s", "1500ms", "1.5s", "1m30s"},
		[]string{"", "5", "s", "-5s", "1d", "5 s", "5us", "5S", "1m-30s"},
	},
	`^[0-9]{1,2}(\.[0-9]{1,4})?$`: {
		[]string{"99", "99.9", "99.9999"},
		[]string{"", "100", "99.", ".9", "99,9", "9.99999", "99%", "-99", "x"},
	},
	`^[0-9]{2}(\.[0-9]{1,2})?$`: {
		[]string{"50", "99", "99.99"},
		[]string{"", "100", "9", "9.999", "p99", "99%"},
	},
	`^([1-9]|[1-8][0-9]|90)d$`: {
		[]string{"1d", "30d", "90d"},
		[]string{"", "0d", "91d", "00d", "30", "4w", "72h"},
	},
	`^(0(\.[0-9]{1,6})?|1(\.0{1,6})?)$`: {
		[]string{"0", "0.000001", "0.5", "1", "1.0"},
		[]string{"", "1.1", "2", "-0.1", ".5", "5%", "0.00001x"},
	},
	`^[-A-Za-z0-9]+$`: {
		[]string{"Host", "X-Probe-2"},
		[]string{"", "a b", "a:b", "ä", "a_b"},
	},
	`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`: {
		[]string{"a", "billing-2", "2"},
		[]string{"", "-a", "a-", "Billing", "a.b", "a/b"},
	},
	`^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$`: {
		[]string{"256Mi"},
		[]string{"", "lots", "256MB", "256 Mi"},
	},
	`^[a-zA-Z_:][a-zA-Z0-9_:]*$`: {
		[]string{"a", "_a", "job:a:rate5m", "http_request_duration_seconds"},
		[]string{"", "2a", "a-b", "a.b", "a{b}", "ä"},
	},
	`^[a-zA-Z_][a-zA-Z0-9_]*$`: {
		[]string{"code", "_code", "grpc_code2"},
		[]string{"", "2a", "a:b", "a-b", "a\"", "ä"},
	},
	`^/[A-Za-z0-9._~/-]*$`: {
		[]string{"/", "/metrics", "/a/b-c_d.e~f"},
		[]string{"", "metrics", "/a b", "/a?b=c", "/a#b", "/%41"},
	},
}

// fullSpec is the sample that shows every field.
func fullSpec(t *testing.T) map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "config", "samples", "goservice_full.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(text))["spec"].(map[string]any)
}

// rareFields are fields that only few services need, and forms in which no service could have them: each alone is looked at.
const rareFields = `
expose:
  hosts: [a]
  paths: [/]
  port: http
  gateway: {name: a, namespace: a, sectionName: a}
  ingressClassName: a
  tls: {secretName: a, issuer: {name: a, kind: Issuer}}
  annotations: {memory: a}
env:
- name: A
  value: x
  valueFrom:
    fieldRef: {apiVersion: v1, fieldPath: metadata.name}
    resourceFieldRef: {resource: limits.cpu, divisor: 1m}
    configMapKeyRef: {name: a, key: b}
    secretKeyRef: {name: a, key: b}
envFrom: [{prefix: A_, configMapRef: {name: a}, secretRef: {name: a}}]
pod:
  containerName: a
  selector: {memory: a}
  labels: {memory: a}
  annotations: {memory: a}
  nodeSelector: {memory: a}
  tolerations: [{key: a, operator: Equal, value: b, effect: NoExecute}]
  topologySpreadConstraints: [{}]
  priorityClassName: a
  serviceAccountName: a
  runtimeClassName: a
  securityContext: {runAsUser: 1, runAsGroup: 1, fsGroup: 1, fsGroupChangePolicy: Always, supplementalGroups: [1], seccompProfile: {type: Localhost, localhostProfile: a}}
  dnsPolicy: None
  dnsConfig: {nameservers: [192.0.2.1], searches: [a], options: [{name: a, value: b}]}
  hostAliases: [{ip: 192.0.2.1, hostnames: [a]}]
securityContext: &security {runAsUser: 1, runAsGroup: 1, capabilities: {add: [A], drop: [B]}, seccompProfile: {type: Localhost, localhostProfile: a}}
probes:
  startup: &probe
    httpGet: {path: /, port: 1, scheme: HTTP, httpHeaders: [{name: A, value: b}]}
    grpc: {port: 1, service: a}
    tcpSocket: {port: 1}
    exec: {command: [a]}
    initialDelaySeconds: 1
    periodSeconds: 1
    timeoutSeconds: 1
    failureThreshold: 1
    successThreshold: 1
    terminationGracePeriodSeconds: 1
  liveness: *probe
  readiness: *probe
  startupTimeout: 1s
disruptionBudget: {maxUnavailable: 1, minAvailable: 1}
networkPolicy:
  from:
  - podSelector: &selector {matchLabels: {memory: a}, matchExpressions: [{key: a, operator: In, values: [a]}]}
    namespaceSelector: *selector
    ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}
volumes:
- name: a
  configMap: {name: a, items: &items [{key: a, path: b, mode: 1}], defaultMode: 1}
  secret: {secretName: a, items: *items, defaultMode: 1}
  emptyDir: {medium: Memory, sizeLimit: 1Mi}
  persistentVolumeClaim: {claimName: a}
  downwardAPI: {items: [{path: a, mode: 1, fieldRef: {apiVersion: v1, fieldPath: metadata.name}}], defaultMode: 1}
volumeMounts: &mounts [{name: a, mountPath: /a, subPath: b, subPathExpr: c}]
initContainers:
- name: a
  image: b
  imagePullPolicy: Always
  restartPolicy: Always
  command: [a]
  args: [a]
  workingDir: /
  env:
  - name: A
    value: x
    valueFrom:
      fieldRef: {apiVersion: v1, fieldPath: metadata.name}
      resourceFieldRef: {resource: limits.cpu, divisor: 1m}
      configMapKeyRef: {name: a, key: b}
      secretKeyRef: {name: a, key: b}
  envFrom: [{prefix: A_, configMapRef: {name: a}, secretRef: {name: a}}]
  ports: [{name: a, containerPort: 1, protocol: TCP}]
  volumeMounts: *mounts
  resources: {requests: {memory: 1Mi}, limits: {memory: 1Mi}}
  securityContext: *security
  startupProbe: {}
  livenessProbe: {}
  readinessProbe: {}
`

// rareMetrics are such fields of observability.metrics.
const rareMetrics = `
labels: {memory: a}
indicators: Custom
port: 9000
path: /metrics
scheme: HTTP
custom: {histogram: a, unit: Seconds, resultLabel: code, failed: 5.., ignored: 4..}
`

// everyField is the sample with the rare fields.
func everyField(t *testing.T) map[string]any {
	t.Helper()
	spec := fullSpec(t)
	maps.Copy(spec, parse(t, rareFields))
	metrics, _, err := unstructured.NestedMap(spec, "observability", "metrics")
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(metrics, parse(t, rareMetrics))
	if err := unstructured.SetNestedMap(spec, metrics, "observability", "metrics"); err != nil {
		t.Fatal(err)
	}
	if err := unstructured.SetNestedMap(spec, map[string]any{"memory": "a"}, "service", "annotations"); err != nil {
		t.Fatal(err)
	}
	return spec
}

// TestEveryBoundIsEnforced tries the edge of each bound of the schema and what lies one beyond it, in the sample that shows
// every field, completed by the rare ones. What the API server says of other fields then does not matter. A pattern without cases fails the test.
func TestEveryBoundIsEnforced(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	schema := schemaOfGoService(t)
	if err := admit(t, namespace, serviceName, fullSpec(t)); err != nil {
		t.Fatalf("the sample that shows every field is refused: %v", err)
	}
	visitSchema("", &schema, func(path string, node *apiextensionsv1.JSONSchemaProps) {
		if !strings.HasPrefix(path, "spec.") {
			return
		}
		for _, probe := range probesOf(t, path, node) {
			spec := everyField(t)
			set, current := locate(spec, path)
			if set == nil {
				t.Errorf("neither config/samples/goservice_full.yaml nor rareFields has %s", path)
				return
			}
			set(probe.value(current))
			causes := causesAt(t, admit(t, namespace, serviceName, spec), fieldPath(path))
			if refused := strings.Contains(causes, probe.complaint); refused != probe.refused {
				encoded, _ := json.Marshal(probe.value(current))
				t.Errorf("%s = %.80s: refused: %t, want %t with %q; said of the field: %q", path, encoded, refused, probe.refused, probe.complaint, causes)
			}
		}
	})
}

// probe is a value to try for a field, made from its present one.
type probe struct {
	value     func(current any) any
	complaint string
	refused   bool
}

func probesOf(t *testing.T, path string, node *apiextensionsv1.JSONSchemaProps) []probe {
	t.Helper()
	var probes []probe
	try := func(value any, complaint string, refused bool) {
		probes = append(probes, probe{func(any) any { return value }, complaint, refused})
	}
	if node.Minimum != nil {
		complaint := fmt.Sprintf("greater than or equal to %d", int64(*node.Minimum))
		try(int64(*node.Minimum), complaint, false)
		try(int64(*node.Minimum)-1, complaint, true)
	}
	if node.Maximum != nil {
		complaint := fmt.Sprintf("less than or equal to %d", int64(*node.Maximum))
		try(int64(*node.Maximum), complaint, false)
		try(int64(*node.Maximum)+1, complaint, true)
	}
	if node.MinLength != nil {
		try("", fmt.Sprintf("at least %d chars long", *node.MinLength), true)
	}
	if node.MaxLength != nil {
		try(strings.Repeat("x", int(*node.MaxLength)), "Too long", false)
		try(strings.Repeat("x", int(*node.MaxLength)+1), "Too long", true)
	}
	for _, value := range node.Enum {
		var text string
		if err := json.Unmarshal(value.Raw, &text); err != nil {
			t.Fatal(err)
		}
		try(text, "Unsupported value", false)
		try(text+"-", "Unsupported value", true)
	}
	if node.Pattern != "" {
		cases, covered := patternCases[node.Pattern]
		if !covered {
			t.Errorf("no cases for the pattern of %s: %s", path, node.Pattern)
		}
		for _, text := range cases.admitted {
			try(text, "should match", false)
		}
		for _, text := range cases.refused {
			try(text, "should match", true)
		}
	}
	if node.MinItems != nil {
		try([]any{}, fmt.Sprintf("at least %d items", *node.MinItems), true)
	}
	if node.MaxItems != nil {
		probes = append(probes,
			probe{func(current any) any { return repeated(current, *node.MaxItems) }, "must have at most", false},
			probe{func(current any) any { return repeated(current, *node.MaxItems+1) }, "must have at most", true})
	}
	if node.MaxProperties != nil {
		probes = append(probes,
			probe{func(any) any { return entries(*node.MaxProperties) }, "must have at most", false},
			probe{func(any) any { return entries(*node.MaxProperties + 1) }, "must have at most", true})
	}
	return probes
}

// repeated is a list of n items like the first one, told apart by their names.
func repeated(list any, n int64) []any {
	first, isObject := list.([]any)[0].(map[string]any)
	items := make([]any, n)
	for i := range items {
		if !isObject {
			items[i] = fmt.Sprintf("name-%d", i)
			continue
		}
		item := runtime.DeepCopyJSON(first)
		if _, named := item["name"]; named {
			item["name"] = fmt.Sprintf("name-%d", i)
		}
		items[i] = item
	}
	return items
}

func entries(n int64) map[string]any {
	result := map[string]any{}
	for i := range n {
		result[fmt.Sprintf("key-%d", i)] = "x"
	}
	return result
}

// excluded cannot stand beside another field of the sample.
var excluded = map[string]bool{"spec.replicas": true}

// locate finds the field at a path of the schema, in the first item of each list and the entry "memory" of a map. It returns how to set the field and its present value; no way to set what the sample lacks, unless it is
// excluded there.
func locate(spec map[string]any, path string) (set func(any), current any) {
	current = map[string]any{"spec": spec}
	for step := range strings.SplitSeq(path, ".") {
		name, isList := strings.CutSuffix(step, "[]")
		if name == "*" {
			name = "memory"
		}
		parent, exists := current.(map[string]any)
		if !exists {
			return nil, nil
		}
		value, given := parent[name]
		if !given && !excluded[path] {
			return nil, nil
		}
		set, current = func(value any) { parent[name] = value }, value
		if isList {
			list, _ := current.([]any)
			if len(list) == 0 {
				return nil, nil
			}
			set, current = func(value any) { list[0] = value }, list[0]
		}
	}
	return set, current
}

// fieldPath is how the API server names the field at a path of the schema.
func fieldPath(path string) string {
	return strings.ReplaceAll(strings.ReplaceAll(path, "[]", "[0]"), ".*", ".memory")
}

// causesAt is what the API server complains of at one field.
func causesAt(t *testing.T, err error, field string) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var status *apierrors.StatusError
	if !errors.As(err, &status) || status.ErrStatus.Details == nil {
		t.Fatalf("unexpected error: %v", err)
	}
	var messages []string
	for _, cause := range status.ErrStatus.Details.Causes {
		if cause.Field == field {
			messages = append(messages, cause.Message)
		}
	}
	return strings.Join(messages, "; ")
}
