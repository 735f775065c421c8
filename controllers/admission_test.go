// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/plan"
)

// oddSpecs are at the edge of what a user may write, on either side of it.
func oddSpecs() map[string]string {
	specs := map[string]string{
		"requests of everything": `resources: {requests: {cpu: 1, memory: 1Gi, ephemeral-storage: 1Gi, hugepages-2Mi: 4Mi, example.com/gpu: 1}, limits: {hugepages-2Mi: 4Mi, example.com/gpu: 1}}`,
		"requests of nothing":    `resources: {requests: {memory: 0, ephemeral-storage: 0}}`,
		"exponents":              `resources: {requests: {cpu: 1e-1, memory: 1e9}, limits: {cpu: 1.5e0}}`,
		"fieldRef of a label":    `env: [{name: A, valueFrom: {fieldRef: {fieldPath: "metadata.labels['topology.kubernetes.io/zone']"}}}]`,
		"divisor":                `env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.memory, divisor: 1Mi}}}]`,
		"no divisor":             `env: [{name: A, valueFrom: {resourceFieldRef: {resource: requests.ephemeral-storage}}}]`,
		"all of envFrom":         `envFrom: [{prefix: A_, secretRef: {name: a}}, {configMapRef: {name: b, optional: true}}]`,
		"tracing":                `{env: [{name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "http://a"}], observability: {tracing: {endpoint: "http://a"}}}`,
		"TLS":                    `{tls: {secretName: a, clientCASecretName: b}, probes: {port: http}}`,
		"two equal constraints":  `pod: {topologySpreadConstraints: [{maxSkew: 1, topologyKey: a, whenUnsatisfiable: DoNotSchedule}, {maxSkew: 2, topologyKey: a, whenUnsatisfiable: DoNotSchedule}]}`,
		"a whole constraint": `pod: {topologySpreadConstraints: [{maxSkew: 1, topologyKey: a, whenUnsatisfiable: DoNotSchedule, minDomains: 2, nodeAffinityPolicy: Ignore,
			nodeTaintsPolicy: Honor, matchLabelKeys: [pod-template-hash], labelSelector: {matchLabels: {a: b}, matchExpressions: [{key: c, operator: NotIn, values: [d]}]}}]}`,
		"empty affinity":  `pod: {affinity: {nodeAffinity: {}, podAffinity: {}, podAntiAffinity: {}}}`,
		"empty terms":     `pod: {affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{}]}, preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, preference: {}}]}}}`,
		"no terms":        `pod: {affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: []}}}}`,
		"keys of a term":  `pod: {affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: a, namespaceSelector: {}, labelSelector: {matchLabels: {a: b}}, matchLabelKeys: [c], mismatchLabelKeys: [d]}]}}}`,
		"weights":         `pod: {affinity: {podAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 0, podAffinityTerm: {topologyKey: a}}]}}}`,
		"all tolerations": `pod: {tolerations: [{operator: Exists}, {key: a, operator: Exists, effect: NoExecute, tolerationSeconds: -1}, {key: a, value: b, effect: PreferNoSchedule}]}`,
	}
	names := []string{"a", "A", "a.b", "a-", "-a", "a_b", "a b", "a/b", "a/b/c", ".", "..", "..a", "a..b", "1", "ä", "a=b", "", strings.Repeat("a", 63), strings.Repeat("a", 64), strings.Repeat("a", 254)}
	for _, name := range names {
		for where, form := range map[string]string{
			"env name":           `env: [{name: %q, value: x}]`,
			"fieldPath":          `env: [{name: A, valueFrom: {fieldRef: {fieldPath: %q}}}]`,
			"fieldPath's label":  `env: [{name: A, valueFrom: {fieldRef: {fieldPath: "metadata.annotations['%s']"}}}]`,
			"Secret":             `env: [{name: A, valueFrom: {secretKeyRef: {name: %q, key: a}}}]`,
			"key":                `env: [{name: A, valueFrom: {secretKeyRef: {name: a, key: %q}}}]`,
			"prefix":             `envFrom: [{prefix: %q, configMapRef: {name: a}}]`,
			"pull secret":        `imagePullSecrets: [{name: %q}]`,
			"label":              `pod: {labels: {%q: a}}`,
			"label value":        `pod: {labels: {a: %q}}`,
			"annotation":         `pod: {annotations: {%q: a}}`,
			"nodeSelector":       `pod: {nodeSelector: {%q: a}}`,
			"nodeSelector value": `pod: {nodeSelector: {a: %q}}`,
			"toleration":         `pod: {tolerations: [{key: %q, operator: Exists}]}`,
			"toleration value":   `pod: {tolerations: [{key: a, value: %q}]}`,
			"effect":             `pod: {tolerations: [{key: a, effect: %q}]}`,
			"topologyKey":        `pod: {topologySpreadConstraints: [{maxSkew: 1, topologyKey: %q, whenUnsatisfiable: ScheduleAnyway}]}`,
			"matchLabelKeys":     `pod: {topologySpreadConstraints: [{maxSkew: 1, topologyKey: a, whenUnsatisfiable: ScheduleAnyway, matchLabelKeys: [%q]}]}`,
			"matchLabels":        `pod: {topologySpreadConstraints: [{maxSkew: 1, topologyKey: a, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {%q: a}}}]}`,
			"priorityClassName":  `pod: {priorityClassName: %q}`,
			"serviceAccountName": `pod: {serviceAccountName: %q}`,
			"TLS Secret":         `tls: {secretName: %q}`,
			"image":              `image: %q`,
			"affinity":           `pod: {affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, preference: {matchExpressions: [{key: %q, operator: Exists}]}}]}}}`,
			"affinity value":     `pod: {affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Gt, values: [%q]}]}]}}}}`,
			"node":               `pod: {affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchFields: [{key: metadata.name, operator: In, values: [%q]}]}]}}}}`,
			"namespace":          `pod: {affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: a, namespaces: [%q]}]}}}`,
			"podAffinity":        `pod: {affinity: {podAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 100, podAffinityTerm: {topologyKey: %q, labelSelector: {}}}]}}}`,
			"probe":              `probes: {livenessPath: "/%s"}`,
			"resource":           `resources: {limits: {%q: 1}}`,
			"upstream":           `upstreams: [{name: %q, url: "http://a"}]`,
		} {
			specs[where+" "+name] = fmt.Sprintf(form, name)
		}
	}
	for _, quantity := range []string{"0", "-1", "1", "500m", "1Gi", "1n", "10E", "0.5"} {
		for _, resource := range []string{"cpu", "memory", "ephemeral-storage", "hugepages-2Mi", "example.com/gpu", "pods"} {
			specs["beside CPU "+resource+" "+quantity] = fmt.Sprintf(`resources: {limits: {cpu: 1, %q: %q}}`, resource, quantity)
			specs["request "+resource+" "+quantity] = fmt.Sprintf(`resources: {requests: {%s: %q}}`, resource, quantity)
			specs["limit "+resource+" "+quantity] = fmt.Sprintf(`resources: {limits: {%s: %q}}`, resource, quantity)
			specs["both "+resource+" "+quantity] = fmt.Sprintf(`resources: {requests: {%[1]s: %[2]q}, limits: {%[1]s: %[2]q}}`, resource, quantity)
		}
	}
	return specs
}

// Nothing that the API server admits as a GoService may be refused as one of its children.
func TestWhatIsAdmittedCanBeApplied(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	specs := oddSpecs()
	admitted, refused := 0, 0
	for _, what := range slices.Sorted(maps.Keys(specs)) {
		service := &unstructured.Unstructured{Object: map[string]any{"spec": parse(t, specs[what])}}
		service.SetGroupVersionKind(v1alpha1.GoServiceKind)
		service.SetNamespace(namespace)
		service.SetName(serviceName)
		if err := api.Create(t.Context(), service, client.DryRunAll); err != nil {
			refused++
			continue
		}
		admitted++
		var typed v1alpha1.GoService
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(service.Object, &typed); err != nil {
			t.Fatal(err)
		}
		desired, err := build.Build(&typed, plan.Compute(&typed.Spec, plan.Observed{}), build.Environment{WorkloadImage: testImage})
		if err != nil {
			t.Errorf("%s: %s: %v", what, specs[what], err)
			continue
		}
		for _, child := range desired.Children {
			configuration, err := child.Unstructured()
			if err != nil {
				t.Fatal(err)
			}
			object := &unstructured.Unstructured{Object: configuration}
			err = api.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("test"), client.DryRunAll)
			if err != nil {
				t.Errorf("%s: %s is admitted, but cannot be applied: %v", what, specs[what], err)
			}
		}
	}
	if admitted < 50 || refused < 50 {
		t.Logf("%d admitted, %d refused", admitted, refused)
		t.Errorf("%d admitted, %d refused: the specs do not lie on both sides of the edge", admitted, refused)
	}
}
