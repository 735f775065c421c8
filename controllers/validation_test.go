// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
)

// schemaOfGoService is the schema that the API server enforces.
func schemaOfGoService(t *testing.T) apiextensionsv1.JSONSchemaProps {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "config", "crd", "bases", "goservice.dev_goservices.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var definition apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(text, &definition); err != nil {
		t.Fatal(err)
	}
	return *definition.Spec.Versions[0].Schema.OpenAPIV3Schema
}

// visitSchema calls visit for a node and everything below it, with paths such as spec.upstreams[].name.
func visitSchema(path string, node *apiextensionsv1.JSONSchemaProps, visit func(path string, node *apiextensionsv1.JSONSchemaProps)) {
	visit(path, node)
	for _, name := range slices.Sorted(maps.Keys(node.Properties)) {
		property := node.Properties[name]
		visitSchema(strings.TrimPrefix(path+"."+name, "."), &property, visit)
	}
	if node.Items != nil && node.Items.Schema != nil {
		visitSchema(path+"[]", node.Items.Schema, visit)
	}
	if node.AdditionalProperties != nil && node.AdditionalProperties.Schema != nil {
		visitSchema(path+".*", node.AdditionalProperties.Schema, visit)
	}
}

// admit is the API server's answer to a GoService, which is not stored.
func admit(t *testing.T, namespace, name string, spec map[string]any) error {
	t.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	object.SetGroupVersionKind(v1alpha1.GoServiceKind)
	object.SetNamespace(namespace)
	object.SetName(name)
	return api.Create(t.Context(), object, client.DryRunAll)
}

// ruleCases holds, for the beginning of each rule's message, specs that the rule admits and specs that it refuses.
var ruleCases = map[string]struct{ admitted, refused []string }{
	"port must be neither 9100": {
		[]string{`port: 9099`, `port: 80`},
		[]string{`port: 9100`, `port: 6060`},
	},
	"image must be one image reference": {
		[]string{`image: "registry.example:5000/team/checkout:v1@sha256:4bc4"`},
		[]string{`image: "checkout v1"`},
	},
	"env must not name PORT": {
		[]string{`env: [{name: GOSERVICE, value: x}, {name: PORTS, value: x}, {name: GOGC, value: x}]`},
		[]string{`env: [{name: PORT, value: "1"}]`, `env: [{name: A}, {name: GOMEMLIMIT}]`, `env: [{name: GOSERVICE_NAME}]`},
	},
	"resources.claims is not supported": {
		[]string{`resources: {claims: []}`},
		[]string{`resources: {claims: [{name: gpu}]}`},
	},
	"resources.requests.cpu must not be above": {
		[]string{`resources: {requests: {cpu: 500m}, limits: {cpu: "0.5"}}`, `resources: {requests: {cpu: 2}}`, `resources: {requests: {cpu: 2}, limits: {memory: 1Gi}}`},
		[]string{`resources: {requests: {cpu: 501m}, limits: {cpu: "0.5"}}`, `resources: {requests: {cpu: 2}, limits: {cpu: 1}}`},
	},
	"resources.requests.memory must not be above": {
		[]string{`resources: {requests: {memory: 1024Mi}, limits: {memory: 1Gi}}`},
		[]string{`resources: {requests: {memory: 1025Mi}, limits: {memory: 1Gi}}`},
	},
	"resources.limits.memory must be at least 16Mi": {
		[]string{`resources: {limits: {memory: 16Mi}}`, `resources: {limits: {cpu: 1}}`},
		[]string{`resources: {limits: {memory: 16M}}`, `resources: {limits: {memory: 128}}`},
	},
	"slo must declare at least one of": {
		[]string{`slo: {availability: "99"}`, `slo: {latency: {threshold: 1s}}`, `slo: {load: {peakRequestsPerSecond: 1}}`},
		[]string{`slo: {}`, `slo: {window: 7d}`},
	},
	"slo.availability must be": {
		[]string{`slo: {availability: "50"}`, `slo: {availability: "99.9999"}`},
		[]string{`slo: {availability: "49.9999"}`, `slo: {availability: "1"}`},
	},
	"slo.latency.threshold must be": {
		[]string{`slo: {latency: {threshold: 1ms}}`, `slo: {latency: {threshold: 9m60s}}`},
		[]string{`slo: {latency: {threshold: 0.9ms}}`, `slo: {latency: {threshold: 10m1s}}`},
	},
	"slo.latency.percentile must be": {
		[]string{`slo: {latency: {threshold: 1s, percentile: "50"}}`, `slo: {latency: {threshold: 1s, percentile: "99.99"}}`},
		[]string{`slo: {latency: {threshold: 1s, percentile: "49.9"}}`},
	},
	"autoscaling.minReplicas must not be above": {
		[]string{`autoscaling: {minReplicas: 3, maxReplicas: 3}`, `autoscaling: {minReplicas: 9}`},
		[]string{`autoscaling: {minReplicas: 4, maxReplicas: 3}`},
	},
	"shutdown.preStopDelay must be": {
		[]string{`shutdown: {preStopDelay: 0s}`, `shutdown: {preStopDelay: 10m}`},
		[]string{`shutdown: {preStopDelay: 601s}`},
	},
	"shutdown.drainTimeout must be": {
		[]string{`shutdown: {drainTimeout: 1s}`, `shutdown: {drainTimeout: 1h}`},
		[]string{`shutdown: {drainTimeout: 999ms}`, `shutdown: {drainTimeout: 1h0m1s}`},
	},
	"upstreams[].url must be": {
		[]string{`upstreams: [{name: a, url: "http://billing"}]`, `upstreams: [{name: a, url: "https://billing.shop.svc:8443/v1"}]`},
		[]string{
			`upstreams: [{name: a, url: billing}]`, `upstreams: [{name: a, url: "ftp://billing"}]`, `upstreams: [{name: a, url: "http://"}]`,
			`upstreams: [{name: a, url: ""}]`, `upstreams: [{name: a, url: /billing}]`,
		},
	},
	"upstreams[].timeout must be": {
		[]string{`upstreams: [{name: a, url: "http://b", timeout: 1ms}]`, `upstreams: [{name: a, url: "http://b", timeout: 10m}]`},
		[]string{`upstreams: [{name: a, url: "http://b", timeout: 0s}]`, `upstreams: [{name: a, url: "http://b", timeout: 11m}]`},
	},
	"observability.metrics.interval must be": {
		[]string{`observability: {metrics: {interval: 1s}}`, `observability: {metrics: {interval: 5m}}`},
		[]string{`observability: {metrics: {interval: 999ms}}`, `observability: {metrics: {interval: 301s}}`},
	},
	"observability.tracing.endpoint must be": {
		[]string{`observability: {tracing: {endpoint: "http://collector.observability:4318"}}`},
		[]string{`observability: {tracing: {endpoint: "collector:4317"}}`, `observability: {tracing: {endpoint: "grpc://collector"}}`},
	},
	"probes.startupTimeout must be": {
		[]string{`probes: {startupTimeout: 1s}`, `probes: {startupTimeout: 60m}`},
		[]string{`probes: {startupTimeout: 0s}`, `probes: {startupTimeout: 61m}`},
	},
	"pod.labels must not set": {
		[]string{`pod: {labels: {app.kubernetes.io/component: x, team: shop, example.com/goservice.dev: z}}`},
		[]string{
			`pod: {labels: {goservice.dev/a: x}}`, `pod: {labels: {app.kubernetes.io/name: x}}`,
			`pod: {labels: {app.kubernetes.io/instance: x}}`, `pod: {labels: {app.kubernetes.io/managed-by: x}}`,
		},
	},
	"pod.annotations must not set": {
		[]string{`pod: {annotations: {app.kubernetes.io/name: x}}`},
		[]string{`pod: {annotations: {goservice.dev/live-settings-revision: x}}`},
	},
}

// nameCases holds the same for the rules on metadata.name.
var nameCases = map[string]struct{ admitted, refused []string }{
	"metadata.name must be at most 63 characters": {
		[]string{strings.Repeat("a", 63)},
		[]string{strings.Repeat("a", 64), strings.Repeat("a", 253)},
	},
	"metadata.name must start with a letter": {
		[]string{"a", "checkout-2"},
		[]string{"2-checkout", "checkout.shop"},
	},
}

func TestEveryRuleAdmitsAndRefuses(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	schema := schemaOfGoService(t)
	unused := map[string]bool{}
	for prefix := range ruleCases {
		unused[prefix] = true
	}
	for prefix := range nameCases {
		unused[prefix] = true
	}
	visitSchema("", &schema, func(path string, node *apiextensionsv1.JSONSchemaProps) {
		for _, rule := range node.XValidations {
			field := strings.TrimPrefix(path, "spec.")
			if path != "" && path != "spec" && !strings.HasPrefix(rule.Message, field) {
				t.Errorf("the message of a rule on %s does not begin with %q: %s", path, field, rule.Message)
			}
			covered := false
			for prefix, cases := range ruleCases {
				if strings.HasPrefix(rule.Message, prefix) {
					covered = true
					delete(unused, prefix)
					t.Run(prefix, func(t *testing.T) { checkRule(t, namespace, rule.Message, cases.admitted, cases.refused) })
				}
			}
			for prefix, cases := range nameCases {
				if strings.HasPrefix(rule.Message, prefix) {
					covered = true
					delete(unused, prefix)
					t.Run(prefix, func(t *testing.T) { checkNames(t, namespace, rule.Message, cases.admitted, cases.refused) })
				}
			}
			if !covered {
				t.Errorf("no case covers the rule on %s: %s", path, rule.Message)
			}
		}
	})
	if len(unused) > 0 {
		t.Errorf("no rule has these messages any more: %q", slices.Sorted(maps.Keys(unused)))
	}
}

func checkRule(t *testing.T, namespace, message string, admitted, refused []string) {
	t.Helper()
	for _, spec := range admitted {
		if err := admit(t, namespace, serviceName, parse(t, spec)); err != nil {
			t.Errorf("%s: %v", spec, err)
		}
	}
	for _, spec := range refused {
		expectRefusal(t, spec, admit(t, namespace, serviceName, parse(t, spec)), message)
	}
}

func checkNames(t *testing.T, namespace, message string, admitted, refused []string) {
	t.Helper()
	for _, name := range admitted {
		if err := admit(t, namespace, name, map[string]any{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range refused {
		expectRefusal(t, name, admit(t, namespace, name, map[string]any{}), message)
	}
}

func expectRefusal(t *testing.T, what string, err error, message string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s is admitted, want: %s", what, message)
	} else if !strings.Contains(err.Error(), message) {
		t.Errorf("%s is refused by %v, want: %s", what, err, message)
	}
}
