// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import "strings"

// cases are specs that a rule admits and specs that it refuses, by the beginning of the rule's message.
type cases map[string]struct{ admitted, refused []string }

var specCases = cases{
	"observability.metrics.custom must be set if": {
		[]string{`{image: a, observability: {metrics: {indicators: Custom, custom: {histogram: a_b:c_seconds, resultLabel: code, failed: "5..|err.*", ignored: "429"}}}}`},
		[]string{
			`{image: a, observability: {metrics: {indicators: Custom}}}`, `{image: a, observability: {metrics: {indicators: GRPC, custom: {histogram: a}}}}`,
			`observability: {metrics: {custom: {histogram: a}}}`,
		},
	},
	"observability.metrics.port, path and scheme must not be set unless": {
		[]string{`{image: a, observability: {metrics: {indicators: Prometheus, port: 9100, path: /-/metrics, scheme: HTTPS}}}`},
		[]string{`observability: {metrics: {port: 2112}}`, `observability: {metrics: {indicators: Toolkit, path: /m}}`, `observability: {metrics: {scheme: HTTPS}}`},
	},
	"observability.metrics.indicators other than Toolkit needs image": {
		[]string{`{image: a, port: 9100, ports: [{name: a, port: 6060}], observability: {metrics: {indicators: OpenTelemetry}}}`, `{rateLimit: {requestsPerSecond: 1}, observability: {metrics: {indicators: Toolkit}}}`},
		[]string{
			`observability: {metrics: {indicators: OpenTelemetry}}`, `{image: a, rateLimit: {requestsPerSecond: 1}, observability: {metrics: {indicators: GRPC}}}`,
			`{image: a, pool: {workers: 1}, observability: {metrics: {indicators: GRPC}}}`, `{image: a, runtime: {gogc: 100}, observability: {metrics: {indicators: GRPC}}}`,
			`{image: a, routes: [{pattern: /}], observability: {metrics: {indicators: GRPC}}}`,
			`{image: a, upstreams: [{name: a, url: "http://a"}], observability: {metrics: {indicators: GRPC}}}`,
			`{image: a, trustedProxies: [10.0.0.0/8], observability: {metrics: {indicators: GRPC}}}`,
			`{image: a, settings: {pricing: {discount: 1}}, observability: {metrics: {indicators: GRPC}}}`,
		},
	},
	"probes must not name the port admin": {
		[]string{`{image: a, probes: {liveness: {httpGet: {path: /, port: http}}}, observability: {metrics: {indicators: GRPC}}}`},
		[]string{
			`{image: a, probes: {liveness: {httpGet: {path: /, port: admin}}}, observability: {metrics: {indicators: GRPC}}}`,
			`{image: a, probes: {readiness: {tcpSocket: {port: admin}}}, observability: {metrics: {indicators: GRPC}}}`,
		},
	},
	"observability.metrics.custom.failed": {
		nil, []string{`{image: a, observability: {metrics: {indicators: Custom, custom: {histogram: a, resultLabel: b, failed: "("}}}}`,
			`{image: a, observability: {metrics: {indicators: Custom, custom: {histogram: a, resultLabel: b, failed: ".{999}"}}}}`},
	},
	"observability.metrics.custom.ignored": {
		nil, []string{`{image: a, observability: {metrics: {indicators: Custom, custom: {histogram: a, resultLabel: b, ignored: "[a"}}}}`},
	},
	"port must be neither 9100": {
		[]string{`port: 9099`, `port: 80`},
		[]string{`port: 9100`, `port: 6060`},
	},
	"image must be an image reference": {
		[]string{
			`image: "registry.example:5000/team/checkout:v1@sha256:` + strings.Repeat("4b", 32) + `"`, `image: nginx`, `image: "Registry.example/a__b/c--d:V1.0_x"`,
			`image: "[::1]:5000/checkout"`, `image: "localhost/checkout:latest"`, `image: "checkout@sha512:` + strings.Repeat("4b", 64) + `"`,
		},
		[]string{
			`image: "checkout v1"`, `image: "Checkout:v1"`, `image: "checkout:"`, `image: "/"`, `image: "checkout/"`, `image: "a\tb"`, `image: "checkout@sha256:4bc4"`,
			`image: "https://registry.example/checkout"`, `image: "checkout:v1:v2"`, `image: "checkout:-v1"`, `image: "` + strings.Repeat("4b", 32) + `"`,
		},
	},
	"env must not name PORT": {
		[]string{`env: [{name: GOSERVICE, value: x}, {name: PORTS, value: x}, {name: GOGC, value: x}]`},
		[]string{`env: [{name: PORT, value: "1"}]`, `env: [{name: A}, {name: GOMEMLIMIT}]`, `env: [{name: GOSERVICE_NAME}]`},
	},
	"env must not name OTEL_EXPORTER_OTLP_ENDPOINT": {
		[]string{
			`env: [{name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "http://c:4318"}]`,
			`{env: [{name: OTEL_EXPORTER_OTLP_HEADERS, value: "a=b"}], observability: {tracing: {endpoint: "http://c:4318"}}}`,
		},
		[]string{`{env: [{name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "http://c:4318"}], observability: {tracing: {endpoint: "http://c:4318"}}}`},
	},
	"must not have both value": {
		[]string{
			`env: [{name: A, value: x}, {name: B}, {name: C, value: "", valueFrom: {fieldRef: {fieldPath: metadata.name}}}]`,
		},
		[]string{`env: [{name: A, value: x, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]`},
	},
	"must have exactly one of fieldRef": {
		[]string{`env: [{name: A, valueFrom: {secretKeyRef: {name: a, key: b}}}, {name: B, valueFrom: {configMapKeyRef: {name: a.b, key: .b, optional: true}}}]`},
		[]string{`env: [{name: A, valueFrom: {}}]`, `env: [{name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}, secretKeyRef: {name: a, key: b}}}]`},
	},
	"must be metadata.name, metadata.namespace, metadata.uid, metadata.labels['KEY']": {
		[]string{
			`env: [{name: A, valueFrom: {fieldRef: {fieldPath: status.podIPs, apiVersion: v1}}}]`,
			`env: [{name: A, valueFrom: {fieldRef: {fieldPath: "metadata.labels['topology.kubernetes.io/zone']"}}}]`,
		},
		[]string{
			`env: [{name: A, valueFrom: {fieldRef: {fieldPath: metadata.nmae}}}]`, `env: [{name: A, valueFrom: {fieldRef: {fieldPath: metadata.labels}}}]`,
			`env: [{name: A, valueFrom: {fieldRef: {fieldPath: "metadata.labels['a b']"}}}]`, `env: [{name: A, valueFrom: {fieldRef: {fieldPath: "spec.nodeName['a']"}}}]`,
		},
	},
	"must have the divisor": {
		[]string{
			`env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.memory, divisor: 1Mi}}}, {name: B, valueFrom: {resourceFieldRef: {resource: requests.cpu, divisor: 1m}}}]`,
			`env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.memory}}}, {name: B, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: "0"}}}]`,
		},
		[]string{
			`env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: 1Mi}}}]`,
			`env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.memory, divisor: 1m}}}]`,
		},
	},
	"must be a name that every Kubernetes version accepts": {
		[]string{`env: [{name: _a.B-9}]`, `envFrom: [{prefix: SHOP_, secretRef: {name: a}}]`},
		[]string{
			`env: [{name: 1A}]`, `env: [{name: "A B"}]`, `env: [{name: "A=B"}]`, `env: [{name: ..}]`, `env: [{name: Ä}]`,
			`envFrom: [{prefix: "1", secretRef: {name: a}}]`,
		},
	},
	"must be a key of a ConfigMap or Secret": {
		[]string{`env: [{name: A, valueFrom: {secretKeyRef: {name: a, key: tls.crt}}}]`},
		[]string{`env: [{name: A, valueFrom: {secretKeyRef: {name: a, key: a/b}}}]`, `env: [{name: A, valueFrom: {configMapKeyRef: {name: a, key: ..}}}]`},
	},
	"must have exactly one of configMapRef": {
		[]string{`envFrom: [{secretRef: {name: a}}, {configMapRef: {name: a, optional: true}}]`},
		[]string{`envFrom: [{}]`, `envFrom: [{secretRef: {name: a}, configMapRef: {name: a}}]`},
	},
	"must be the name of an object": {
		[]string{
			`imagePullSecrets: [{name: registry.example}]`, `tls: {secretName: a-1, clientCASecretName: b}`,
			`pod: {serviceAccountName: shop, priorityClassName: system-node-critical}`,
		},
		[]string{
			`imagePullSecrets: [{name: "A B"}]`, `tls: {secretName: "Not A Name!"}`, `tls: {secretName: a, clientCASecretName: a_b}`,
			`pod: {serviceAccountName: -a}`, `pod: {priorityClassName: "a/b"}`, `env: [{name: A, valueFrom: {secretKeyRef: {name: A, key: b}}}]`,
			`envFrom: [{secretRef: {name: a..b}}]`,
		},
	},
	"must not be negative": {
		[]string{`resources: {requests: {memory: 0, ephemeral-storage: 0}}`, `resources: {limits: {ephemeral-storage: 0}}`},
		[]string{
			`resources: {requests: {cpu: -1}}`, `resources: {requests: {memory: -5Mi}}`, `resources: {limits: {cpu: -100m}}`,
			`resources: {limits: {ephemeral-storage: -1}}`,
		},
	},
	"must have cpu above 0: the": {
		[]string{`resources: {requests: {cpu: 1m}}`},
		[]string{`resources: {requests: {cpu: 0}}`, `resources: {requests: {cpu: "0.0"}}`},
	},
	"must have cpu above 0, or": {
		[]string{`resources: {limits: {cpu: 1m}}`},
		[]string{`resources: {limits: {cpu: 0}}`},
	},
	"must be of cpu, memory, ephemeral-storage, huge": {
		[]string{
			`resources: {requests: {cpu: 1, hugepages-2Mi: 4Mi, example.com/gpu: 1}, limits: {hugepages-2Mi: 4Mi, example.com/gpu: 1}}`,
			`resources: {limits: {ephemeral-storage: 1Gi, example.com/gpu: 1}}`,
		},
		[]string{
			`resources: {requests: {gpu: 1}, limits: {gpu: 1}}`, `resources: {requests: {hugepages-x: 1}, limits: {hugepages-x: 1}}`,
			`resources: {limits: {pods: 1}}`, `resources: {limits: {"a b/c": 1}}`,
		},
	},
	"must be of cpu, memory and ephemeral-storage": {
		[]string{`initContainers: [{name: a, image: b, resources: {requests: {cpu: 0, memory: 1Mi}, limits: {memory: 1Mi, ephemeral-storage: 1}}}]`},
		[]string{`initContainers: [{name: a, image: b, resources: {limits: {example.com/gpu: 1}}}]`, `initContainers: [{name: a, image: b, resources: {requests: {pods: 1}}}]`},
	},
	"must have whole numbers of extended": {
		[]string{`resources: {limits: {example.com/gpu: 1k}}`},
		[]string{`resources: {limits: {example.com/gpu: 500m}}`, `resources: {limits: {example.com/gpu: "1.5"}}`},
	},
	"must have the same requests as limits": {
		[]string{`resources: {requests: {example.com/gpu: 1}, limits: {example.com/gpu: 1}}`, `resources: {limits: {example.com/gpu: 1}}`},
		[]string{
			`resources: {requests: {example.com/gpu: 1}}`, `resources: {requests: {example.com/gpu: 1}, limits: {example.com/gpu: 2}}`,
			`resources: {requests: {cpu: 1, hugepages-2Mi: 4Mi}}`,
		},
	},
	"must name cpu or memory beside": {
		[]string{`resources: {limits: {memory: 1Gi, hugepages-2Mi: 4Mi}}`, `resources: {requests: {cpu: 1}, limits: {hugepages-2Mi: 4Mi}}`},
		[]string{`resources: {limits: {hugepages-2Mi: 4Mi}}`},
	},
	"must not have requests.ephemeral-storage above": {
		[]string{`resources: {requests: {ephemeral-storage: 1Gi}, limits: {ephemeral-storage: 1Gi}}`},
		[]string{`resources: {requests: {ephemeral-storage: 2Gi}, limits: {ephemeral-storage: 1Gi}}`},
	},
	"must not have requests.cpu above": {
		[]string{`resources: {requests: {cpu: 500m}, limits: {cpu: "0.5"}}`, `resources: {requests: {cpu: 2}}`, `resources: {requests: {cpu: 2}, limits: {memory: 1Gi}}`},
		[]string{`resources: {requests: {cpu: 501m}, limits: {cpu: "0.5"}}`, `resources: {requests: {cpu: 2}, limits: {cpu: 1}}`},
	},
	"must not have requests.memory above": {
		[]string{`resources: {requests: {memory: 1024Mi}, limits: {memory: 1Gi}}`},
		[]string{`resources: {requests: {memory: 1025Mi}, limits: {memory: 1Gi}}`},
	},
	"must have memory of at least 16Mi": {
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
		[]string{`upstreams: [{name: a, url: "http://billing"}]`, `upstreams: [{name: a, url: "https://billing.shop.svc:8443/v1"}]`, `upstreams: [{name: a, url: "HTTP://[fd00::1]:80"}]`, `upstreams: [{name: a, url: "h2c://billing:9000"}]`},
		[]string{
			`upstreams: [{name: a, url: billing}]`, `upstreams: [{name: a, url: "ftp://billing"}]`, `upstreams: [{name: a, url: "http://"}]`,
			`upstreams: [{name: a, url: ""}]`, `upstreams: [{name: a, url: /billing}]`, `upstreams: [{name: a, url: "http://user:pw@billing"}]`,
			`upstreams: [{name: a, url: "http://billing/?v=2"}]`, `upstreams: [{name: a, url: "http://billing/#x"}]`, `upstreams: [{name: a, url: "http://:8080"}]`,
			`upstreams: [{name: a, url: "http://billing:99999"}]`, `upstreams: [{name: a, url: "http://billing:0"}]`, `upstreams: [{name: a, url: "http://bil ling"}]`,
			`upstreams: [{name: a, url: "http://%zz"}]`, `upstreams: [{name: a, url: "http://billing/%zz"}]`,
		},
	},
	"upstreams[].tlsSecretName needs": {
		[]string{`upstreams: [{name: a, url: "HTTPS://b", tlsSecretName: a}]`},
		[]string{`upstreams: [{name: a, url: "http://b", tlsSecretName: a}]`, `upstreams: [{name: a, url: "h2c://b", tlsSecretName: a}]`},
	},
	"upstreams[].proxy needs": {
		[]string{`upstreams: [{name: a, url: "http://b", proxy: Environment}]`},
		[]string{`upstreams: [{name: a, url: "h2c://b", proxy: Environment}]`},
	},
	"upstreams[].timeout must be": {
		[]string{`upstreams: [{name: a, url: "http://b", timeout: 1ms}]`, `upstreams: [{name: a, url: "http://b", timeout: 10m}]`},
		[]string{`upstreams: [{name: a, url: "http://b", timeout: 0s}]`, `upstreams: [{name: a, url: "http://b", timeout: 11m}]`},
	},
	"routes[].pattern must be": {
		[]string{
			`routes: [{pattern: "/"}, {pattern: "GET /{$}"}, {pattern: "POST  shop.example/orders/{id}/items/"}, {pattern: "/files/{path...}"}]`,
			`routes: [{pattern: "/orders.v1.Orders/Place"}, {pattern: "/café/{_a1}"}]`,
		},
		[]string{
			`routes: [{pattern: ""}]`, `routes: [{pattern: GET}]`, `routes: [{pattern: orders}]`, `routes: [{pattern: "get /orders"}]`, `routes: [{pattern: "/a b"}]`,
			`routes: [{pattern: "/{}"}]`, `routes: [{pattern: "/{id"}]`, `routes: [{pattern: "/x{id}"}]`, `routes: [{pattern: "/{path...}/x"}]`, `routes: [{pattern: "/{$}/x"}]`,
		},
	},
	"routes[].timeout must be": {
		[]string{`routes: [{pattern: /, timeout: 0s}]`, `routes: [{pattern: /, timeout: 24h}]`},
		[]string{`routes: [{pattern: /, timeout: 25h}]`},
	},
	"observability.metrics.interval must be": {
		[]string{`observability: {metrics: {interval: 1s}}`, `observability: {metrics: {interval: 5m}}`},
		[]string{`observability: {metrics: {interval: 999ms}}`, `observability: {metrics: {interval: 301s}}`},
	},
	"observability.tracing.endpoint must be": {
		[]string{`observability: {tracing: {endpoint: "http://collector.observability:4318"}}`},
		[]string{
			`observability: {tracing: {endpoint: "collector:4317"}}`, `observability: {tracing: {endpoint: "grpc://collector"}}`,
			`observability: {tracing: {endpoint: "http://u:p@collector:4318"}}`, `observability: {tracing: {endpoint: "http://collector:4318/?a=b"}}`,
			`observability: {tracing: {endpoint: "http://collector:4318#a"}}`, `observability: {tracing: {endpoint: "http://collector:65536"}}`,
		},
	},
	"probes.startupTimeout must be": {
		[]string{`probes: {startupTimeout: 1s}`, `probes: {startupTimeout: 60m}`},
		[]string{`probes: {startupTimeout: 0s}`, `probes: {startupTimeout: 61m}`},
	},
	"observability.metrics.labels must have label keys": {
		[]string{`observability: {metrics: {labels: {example.com/release: prometheus}}}`},
		[]string{`observability: {metrics: {labels: {"re lease": prometheus}}}`},
	},
	"must be a label value": {
		[]string{`pod: {labels: {team: "", stage: "1.0_a-B"}, nodeSelector: {a: b}}`, `observability: {metrics: {labels: {a: b}}}`},
		[]string{
			`pod: {labels: {team: "a b"}}`, `pod: {labels: {team: -a}}`, `pod: {nodeSelector: {a: "b/c"}}`, `observability: {metrics: {labels: {a: "b c"}}}`,
			`pod: {tolerations: [{key: a, value: "b c"}]}`,
		},
	},
	"must be a label key": {
		[]string{`pod: {tolerations: [{key: example.com/a, operator: Exists}]}`},
		[]string{
			`pod: {tolerations: [{key: "a b", operator: Exists}]}`, `pod: {tolerations: [{key: "a/b/c", operator: Exists}]}`,
		},
	},
	"must have label keys": {
		[]string{`networkPolicy: {from: [{podSelector: {matchLabels: {example.com/a: b}}}]}`},
		[]string{`networkPolicy: {from: [{podSelector: {matchLabels: {"a b": b}}}]}`},
	},
	"must have values with the operators In and NotIn, and none": {
		[]string{
			`networkPolicy: {from: [{podSelector: {matchExpressions: [{key: a, operator: Exists}]}}]}`,
			`networkPolicy: {from: [{podSelector: {matchExpressions: [{key: a, operator: In, values: [b]}]}}]}`,
		},
		[]string{
			`networkPolicy: {from: [{podSelector: {matchExpressions: [{key: a, operator: In}]}}]}`,
			`networkPolicy: {from: [{podSelector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}}]}`,
		},
	},
	"must have a multiple of the size": {
		[]string{`resources: {limits: {cpu: 1, hugepages-2Mi: 4Mi}}`, `resources: {limits: {cpu: 1, hugepages-2Mi: "4194304"}}`},
		[]string{`resources: {limits: {cpu: 1, hugepages-2Mi: 3Mi}}`, `resources: {limits: {cpu: 1, hugepages-2Mi: 1}}`},
	},
	"pod.tolerations[] must have the operator Exists": {
		[]string{`pod: {tolerations: [{operator: Exists}]}`, `pod: {tolerations: [{key: a}]}`},
		[]string{`pod: {tolerations: [{operator: Equal}]}`, `pod: {tolerations: [{}]}`},
	},
	"pod.tolerations[] must have no value": {
		[]string{`pod: {tolerations: [{key: a, operator: Exists}, {key: a, value: b}]}`},
		[]string{`pod: {tolerations: [{key: a, operator: Exists, value: b}]}`},
	},
	"pod.tolerations[] must have the effect NoExecute": {
		[]string{`pod: {tolerations: [{key: a, effect: NoExecute, tolerationSeconds: 30}]}`},
		[]string{`pod: {tolerations: [{key: a, tolerationSeconds: 30}]}`, `pod: {tolerations: [{key: a, effect: NoSchedule, tolerationSeconds: 30}]}`},
	},
	"pod.labels must have label keys": {
		[]string{`pod: {labels: {team: a, example.com/Team: b}}`},
		[]string{`pod: {labels: {"te am": a}}`, `pod: {labels: {"a/b/c": a}}`, `pod: {labels: {"": a}}`, `pod: {labels: {` + strings.Repeat("a", 64) + `: a}}`},
	},
	"pod.nodeSelector must have label keys": {
		[]string{`pod: {nodeSelector: {kubernetes.io/arch: arm64}}`},
		[]string{`pod: {nodeSelector: {"a b": c}}`},
	},
	"pod.annotations must have annotation keys": {
		[]string{`pod: {annotations: {Example.com/a: "any thing: {}"}}`},
		[]string{`pod: {annotations: {"a b": c}}`, `pod: {annotations: {"/a": c}}`},
	},
	"pod.annotations must not have more than": {
		[]string{`pod: {annotations: {a: ` + strings.Repeat("a", 249_999) + `}}`},
		[]string{
			`pod: {annotations: {a: ` + strings.Repeat("a", 250_000) + `}}`, `pod: {annotations: {a: ` + strings.Repeat("ä", 125_000) + `}}`,
			`pod: {annotations: {a: ` + strings.Repeat("a", 125_000) + `, b: ` + strings.Repeat("a", 125_000) + `}}`,
		},
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
