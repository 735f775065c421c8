// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"crypto/sha256"
	"encoding/hex"
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
		"TLS":                    `{tls: {secretName: a, clientCASecretName: b}, probes: {liveness: {httpGet: {path: /}}}}`,
		"empty volumes":          `{volumes: [{name: a, emptyDir: {}}, {name: b, emptyDir: {medium: "", sizeLimit: 0}}], volumeMounts: [{name: a, mountPath: /tmp}], pod: {writableTmp: true}}`,
		"one volume, two places": `{volumes: [{name: a, emptyDir: {}}], volumeMounts: [{name: a, mountPath: /a}, {name: a, mountPath: /a/b, subPath: c}]}`,
		"an upstream's Secrets":  `{upstreams: [{name: a, url: "https://a", tlsSecretName: b, headersSecretName: c}], volumes: [{name: upstream-a, emptyDir: {}}], volumeMounts: [{name: upstream-a, mountPath: /a}]}`,
		"the same place twice":   `{volumes: [{name: a, emptyDir: {}}], volumeMounts: [{name: a, mountPath: /a}, {name: a, mountPath: /a}]}`,
		"one path twice":         `volumes: [{name: a, projected: {sources: [{secret: {name: a, items: [{key: a, path: b}]}}, {configMap: {name: a, items: [{key: a, path: b}]}}]}}]`,
		"one path below another": `volumes: [{name: a, projected: {sources: [{secret: {name: a, items: [{key: a, path: b}]}}, {configMap: {name: a, items: [{key: a, path: b/c}]}}]}}]`,
		"sidecars":               `{initContainers: [{name: a, image: b}, {name: c, image: d, restartPolicy: Always, resources: {limits: {memory: 1Mi}}}, {name: e, image: f, restartPolicy: Always, startupProbe: {exec: {command: [g]}}}, {name: h, image: i}]}`,
		"a sidecar's ports":      `initContainers: [{name: a, image: b, restartPolicy: Always, ports: [{containerPort: 8080}, {containerPort: 8080, protocol: UDP}, {name: http, containerPort: 9100}]}]`,
		"every probe":            `probes: {startup: {grpc: {port: 1, service: a}, periodSeconds: 3600}, liveness: {exec: {command: [a, ""]}, initialDelaySeconds: 0}, readiness: {httpGet: {path: /, port: admin, httpHeaders: [{name: Host, value: ""}]}, successThreshold: 100}}`,
		"privileges":             `{securityContext: {allowPrivilegeEscalation: true, capabilities: {add: [CAP_SYS_ADMIN]}}, pod: {securityContext: {runAsUser: 0, runAsNonRoot: false, supplementalGroups: [0, 2147483647]}}}`,
		"SYS_ADMIN alone":        `securityContext: {capabilities: {add: [CAP_SYS_ADMIN]}}`,
		"resolver":               `pod: {dnsPolicy: None, dnsConfig: {nameservers: ["::1"], options: [{name: a}]}}`,
		"no resolver":            `pod: {dnsPolicy: None, dnsConfig: {nameservers: []}}`,
		"load balancer":          `service: {type: LoadBalancer, loadBalancerClass: a/b, loadBalancerSourceRanges: ["0.0.0.0/0"], externalTrafficPolicy: Local, sessionAffinity: ClientIP}`,
		"node ports":             `{service: {type: NodePort, port: 65535, externalTrafficPolicy: Cluster}, ports: [{name: a, port: 1, protocol: SCTP}]}`,
		"one surge":              `rollout: {maxSurge: 1000%, maxUnavailable: 100%, minReadySeconds: 3600}`,
		"no surge":               `rollout: {maxSurge: 0%, maxUnavailable: 0%}`,
		"waits longer than told": `rollout: {minReadySeconds: 3600, progressDeadline: 1s}`,
		"recreated":              `rollout: {strategy: Recreate, minReadySeconds: 1}`,
		"a policy":               `{networkPolicy: {}, ports: [{name: a, port: 1, protocol: SCTP}], initContainers: [{name: a, image: b, restartPolicy: Always, ports: [{containerPort: 65535, protocol: UDP}]}]}`,
		"no budget":              `disruptionBudget: {disabled: true}`,
		"all must stay":          `disruptionBudget: {minAvailable: 100%}`,
		"two equal constraints":  `pod: {topologySpreadConstraints: [{maxSkew: 1, topologyKey: a, whenUnsatisfiable: DoNotSchedule}, {maxSkew: 2, topologyKey: a, whenUnsatisfiable: DoNotSchedule}]}`,
		"a whole constraint": `pod: {topologySpreadConstraints: [{maxSkew: 1, topologyKey: a, whenUnsatisfiable: DoNotSchedule, minDomains: 2, nodeAffinityPolicy: Ignore,
			nodeTaintsPolicy: Honor, matchLabelKeys: [pod-template-hash], labelSelector: {matchLabels: {a: b}, matchExpressions: [{key: c, operator: NotIn, values: [d]}]}}]}`,
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
			"peer":               `networkPolicy: {from: [{podSelector: {matchLabels: {%[1]q: a}}, namespaceSelector: {matchLabels: {b: %[1]q}}}]}`,
			"peer's expression":  `networkPolicy: {from: [{namespaceSelector: {matchExpressions: [{key: %q, operator: Exists}]}}]}`,
			"peer's value":       `networkPolicy: {from: [{podSelector: {matchExpressions: [{key: a, operator: NotIn, values: [%q]}]}}]}`,
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
			"probe":              `probes: {liveness: {httpGet: {path: "/%s"}}}`,
			"probe's port":       `probes: {liveness: {tcpSocket: {port: %q}}}`,
			"probe's header":     `probes: {liveness: {httpGet: {path: /, httpHeaders: [{name: %q, value: a}]}}}`,
			"port":               `ports: [{name: %q, port: 1}]`,
			"appProtocol":        `{service: {appProtocol: %[1]q}, ports: [{name: a, port: 1, appProtocol: %[1]q}]}`,
			"Service annotation": `service: {annotations: {%q: a}}`,
			"class":              `service: {type: LoadBalancer, loadBalancerClass: %q}`,
			"volume":             `volumes: [{name: %q, emptyDir: {}}]`,
			"ConfigMap volume":   `volumes: [{name: a, configMap: {name: %q}}]`,
			"claim":              `volumes: [{name: a, persistentVolumeClaim: {claimName: %q}}]`,
			"item":               `volumes: [{name: a, secret: {secretName: b, items: [{key: c, path: %q}]}}]`,
			"item's key":         `volumes: [{name: a, secret: {secretName: b, items: [{key: %q, path: c}]}}]`,
			"field file":         `volumes: [{name: a, downwardAPI: {items: [{path: b, fieldRef: {fieldPath: "metadata.labels['%s']"}}]}}]`,
			"mount":              `{volumes: [{name: a, emptyDir: {}}], volumeMounts: [{name: a, mountPath: "/%s"}]}`,
			"subPath":            `{volumes: [{name: a, emptyDir: {}}], volumeMounts: [{name: a, mountPath: /a, subPath: %q}]}`,
			"subPathExpr":        `{volumes: [{name: a, emptyDir: {}}], volumeMounts: [{name: a, mountPath: /a, subPathExpr: %q}]}`,
			"sidecar":            `initContainers: [{name: %q, image: a}]`,
			"sidecar's image":    `initContainers: [{name: a, image: %q}]`,
			"sidecar's env":      `initContainers: [{name: a, image: b, env: [{name: %q, value: c}]}]`,
			"sidecar's port":     `initContainers: [{name: a, image: b, restartPolicy: Always, ports: [{name: %q, containerPort: 1}]}]`,
			"sidecar's probe":    `initContainers: [{name: a, image: b, restartPolicy: Always, livenessProbe: {tcpSocket: {port: %q}}}]`,
			"init container":     `initContainers: [{name: a, image: b, command: [%[1]q], args: [%[1]q], workingDir: %[1]q}]`,
			"command":            `{command: [%[1]q], args: [%[1]q], workingDir: %[1]q}`,
			"profile":            `securityContext: {seccompProfile: {type: Localhost, localhostProfile: %q}}`,
			"capability":         `securityContext: {capabilities: {add: [%[1]q], drop: [%[1]q]}}`,
			"runtime class":      `pod: {runtimeClassName: %q}`,
			"search":             `pod: {dnsConfig: {searches: [%q]}}`,
			"resolver option":    `pod: {dnsConfig: {options: [{name: %q}]}}`,
			"host alias":         `pod: {hostAliases: [{ip: 192.0.2.1, hostnames: [%q]}]}`,
			"resource":           `resources: {limits: {%q: 1}}`,
			"upstream":           `upstreams: [{name: %q, url: "http://a"}]`,
		} {
			specs[where+" "+name] = fmt.Sprintf(form, name)
		}
	}
	for _, address := range []string{"192.0.2.1", "192.0.2.01", "2001:db8::1", "::ffff:192.0.2.1", "192.0.2.1/32", "192.0.2.1/24", "2001:DB8::/32", "0.0.0.0/0", "fe80::1%eth0", ""} {
		specs["alias "+address] = fmt.Sprintf(`pod: {hostAliases: [{ip: %q, hostnames: [a]}]}`, address)
		specs["resolver "+address] = fmt.Sprintf(`pod: {dnsConfig: {nameservers: [%q]}}`, address)
		specs["peer "+address] = fmt.Sprintf(`networkPolicy: {from: [{ipBlock: {cidr: %q}}]}`, address)
		specs["but not "+address] = fmt.Sprintf(`networkPolicy: {from: [{ipBlock: {cidr: 0.0.0.0/0, except: [%[1]q]}}, {ipBlock: {cidr: "::/0", except: [%[1]q]}}]}`, address)
		specs["no IPv4 but "+address] = fmt.Sprintf(`networkPolicy: {from: [{ipBlock: {cidr: 0.0.0.0/0, except: [%q]}}]}`, address)
		specs["no IPv6 but "+address] = fmt.Sprintf(`networkPolicy: {from: [{ipBlock: {cidr: "::/0", except: [%q]}}]}`, address)
		specs["clients "+address] = fmt.Sprintf(`service: {type: LoadBalancer, loadBalancerSourceRanges: [%q]}`, address)
	}
	long := strings.Repeat("a", 63) // names that become too long are cut, and told apart by a hash
	sum := sha256.Sum256([]byte("upstream-" + long))
	for _, volume := range []string{
		"live-settings", "tmp", "tls", "client-ca", "upstream-a-tls", "upstream-a-headers", "upstream-a-headers-tls",
		("upstream-" + long)[:50] + "-" + hex.EncodeToString(sum[:])[:8] + "-tls",
	} {
		specs["the operator's volume "+volume] = fmt.Sprintf(`{volumes: [{name: %q, emptyDir: {}}], pod: {writableTmp: true}, tls: {secretName: a, clientCASecretName: b},
			upstreams: [{name: a, url: "https://a", tlsSecretName: b, headersSecretName: c}, {name: %q, url: "https://a", tlsSecretName: b}]}`, volume, long)
	}
	for _, share := range []string{"0", "1", "-1", "100000", "0%", "00%", "25%", "100%", "101%", "1000%", "a", "1.5", "50 %"} {
		specs["surge "+share] = fmt.Sprintf(`rollout: {maxSurge: %s}`, share)
		specs["unavailable "+share] = fmt.Sprintf(`rollout: {maxUnavailable: %s}`, share)
		specs["neither "+share] = fmt.Sprintf(`rollout: {maxSurge: %[1]s, maxUnavailable: %[1]s}`, share)
		specs["evicted "+share] = fmt.Sprintf(`disruptionBudget: {maxUnavailable: %s}`, share)
		specs["left "+share] = fmt.Sprintf(`disruptionBudget: {minAvailable: %s}`, share)
		specs["probed port "+share] = fmt.Sprintf(`probes: {readiness: {httpGet: {path: /, port: %s}}}`, share)
	}
	for _, quantity := range []string{"0", "-1", "1", "500m", "1Gi", "1n", "10E", "0.5"} {
		for _, resource := range []string{"cpu", "memory", "ephemeral-storage", "hugepages-2Mi", "example.com/gpu", "pods"} {
			specs["beside CPU "+resource+" "+quantity] = fmt.Sprintf(`resources: {limits: {cpu: 1, %q: %q}}`, resource, quantity)
			specs["size "+quantity] = fmt.Sprintf(`volumes: [{name: a, emptyDir: {sizeLimit: %q}}]`, quantity)
			specs["request "+resource+" "+quantity] = fmt.Sprintf(`resources: {requests: {%s: %q}}`, resource, quantity)
			specs["limit "+resource+" "+quantity] = fmt.Sprintf(`resources: {limits: {%s: %q}}`, resource, quantity)
			specs["sidecar "+resource+" "+quantity] = fmt.Sprintf(`initContainers: [{name: a, image: b, resources: {requests: {%s: %q}}}]`, resource, quantity)
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
			if err != nil && !child.Trial {
				t.Errorf("%s: %s is admitted, but cannot be applied: %v", what, specs[what], err)
			}
		}
	}
	if admitted < 50 || refused < 50 {
		t.Logf("%d admitted, %d refused", admitted, refused)
		t.Errorf("%d admitted, %d refused: the specs do not lie on both sides of the edge", admitted, refused)
	}
}
