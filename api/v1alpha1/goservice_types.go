// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// GoService is a Go service in production. From the objectives in spec.slo, the operator derives settings that people
// usually guess: replica bounds, CPU target, pool and queue sizes, and grace periods. It shows each with its reason in
// status.plan, creates every object that the service needs, and changes the live settings of running pods without a restart.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:shortName=gosvc,categories=all
// +kubebuilder:subresource:status
// +kubebuilder:subresource:scale:specpath=.spec.replicas,statuspath=.status.replicas,selectorpath=.status.selector
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Replicas",type=string,JSONPath=`.status.summary.replicas`,description="ready / wanted pods"
// +kubebuilder:printcolumn:name="Tuned",type=string,JSONPath=`.status.summary.tuned`,description="pods that confirmed the latest live settings / all pods"
// +kubebuilder:printcolumn:name="SLO",type=string,JSONPath=`.status.summary.slo`,description="whether the declared objectives hold"
// +kubebuilder:printcolumn:name="Limit",type=string,JSONPath=`.status.summary.limit`,description="admitted requests per second"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Behind",type=boolean,priority=1,JSONPath=`.status.template.behind`,description="whether the operator has a newer pod template, for the next rollout"
// +kubebuilder:printcolumn:name="URL",type=string,priority=1,JSONPath=`.status.url`,description="where clients outside reach the service"
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.status.template) || (has(self.spec.pod) && has(self.spec.pod.selector)) == (has(oldSelf.spec.pod) && has(oldSelf.spec.pod.selector)) && (!has(self.spec.pod) || !has(self.spec.pod.selector) || self.spec.pod.selector == oldSelf.spec.pod.selector)",fieldPath=".spec.pod.selector",message="pod.selector must not change once the Deployment exists: Kubernetes does not allow it"
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 63",message="metadata.name must be at most 63 characters, because the Service has the same name"
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",message="metadata.name must start with a letter and consist of lower-case letters, digits and '-', because the Service has the same name"
type GoService struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard metadata of an object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the desired state. All fields are optional: the operator derives values for unset fields and shows them in
	// status.plan.
	//
	// Fields marked Live reach running pods within about a second, without a restart. Fields marked Rolling replace the pods
	// one after another.
	// +kubebuilder:default={}
	// +optional
	Spec GoServiceSpec `json:"spec,omitzero"`
	// status is the state that the operator observed, and what it derived.
	// +optional
	// +kubebuilder:default={"observedGeneration":-1}
	Status GoServiceStatus `json:"status,omitzero"`
}

// GoServiceList is a list of GoServices.
//
// +kubebuilder:object:root=true
type GoServiceList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []GoService `json:"items"`
}

// GoServiceSpec defines the desired state of a GoService. All fields are optional. The operator derives values for unset
// fields and shows them in status.plan.
//
// Fields marked Live reach running pods within about a second, without a restart. Fields marked Rolling replace the pods
// one after another.
//
// +kubebuilder:validation:XValidation:rule="has(self.observability) && has(self.observability.metrics) && has(self.observability.metrics.indicators) && self.observability.metrics.indicators != 'Toolkit' || !has(self.port) || !(self.port in [9100, 6060])",message="port must be neither 9100 (metrics and probes) nor 6060 (profiling), which belong to the toolkit: choose another"
// +kubebuilder:validation:XValidation:rule="has(self.observability) && has(self.observability.metrics) && has(self.observability.metrics.indicators) && self.observability.metrics.indicators != 'Toolkit' || !has(self.ports) || self.ports.all(p, p.protocol != 'TCP' || !(p.port in [9100, 6060]))",fieldPath=".ports",message="ports must have neither 9100 (metrics and probes) nor 6060 (profiling), which belong to the toolkit: choose another"
// +kubebuilder:validation:XValidation:rule="!(has(self.observability) && has(self.observability.metrics) && has(self.observability.metrics.indicators) && self.observability.metrics.indicators != 'Toolkit') || has(self.image) && !has(self.rateLimit) && !has(self.pool) && !has(self.runtime) && !has(self.upstreams) && !has(self.routes) && !has(self.trustedProxies) && !has(self.settings)",fieldPath=".observability.metrics.indicators",message="observability.metrics.indicators other than Toolkit needs image, and none of rateLimit, pool, routes, runtime, trustedProxies, upstreams and settings, which only the toolkit carries out"
// +kubebuilder:validation:XValidation:rule="!(has(self.observability) && has(self.observability.metrics) && has(self.observability.metrics.indicators) && self.observability.metrics.indicators != 'Toolkit') || !has(self.probes) || ((has(self.probes.startup) ? [dyn(self.probes.startup)] : []) + (has(self.probes.liveness) ? [dyn(self.probes.liveness)] : []) + (has(self.probes.readiness) ? [dyn(self.probes.readiness)] : [])).all(p, (!has(p.httpGet) || !has(p.httpGet.port) || p.httpGet.port != 'admin') && (!has(p.tcpSocket) || !has(p.tcpSocket.port) || p.tcpSocket.port != 'admin'))",fieldPath=".probes",message="probes must not name the port admin, which belongs to the toolkit, while observability.metrics.indicators is another than Toolkit"
// +kubebuilder:validation:XValidation:rule="!has(self.observability) || !has(self.observability.tracing) || !has(self.env) || self.env.all(e, e.name != 'OTEL_EXPORTER_OTLP_ENDPOINT')",fieldPath=".env",message="env must not name OTEL_EXPORTER_OTLP_ENDPOINT beside observability.tracing, which sets it: remove one of the two"
// +kubebuilder:validation:XValidation:rule="!has(self.ports) || self.ports.all(p, p.protocol != 'TCP' || p.port != (has(self.port) ? self.port : 8080))",fieldPath=".ports",message="ports must not have the number of spec.port with the protocol TCP: that one is named http"
// +kubebuilder:validation:XValidation:rule="!has(self.ports) || self.ports.all(p, has(p.hidden) && p.hidden || p.protocol != 'TCP' || (has(p.servicePort) ? p.servicePort : p.port) != (has(self.service) && has(self.service.port) ? self.service.port : has(self.tls) ? 443 : 80))",fieldPath=".ports",message="ports must not have the servicePort that leads to spec.port: set another servicePort, or service.port"
// +kubebuilder:validation:XValidation:rule="!has(self.probes) || ((has(self.probes.startup) ? [dyn(self.probes.startup)] : []) + (has(self.probes.liveness) ? [dyn(self.probes.liveness)] : []) + (has(self.probes.readiness) ? [dyn(self.probes.readiness)] : [])).all(p, (!has(p.httpGet) || !has(p.httpGet.port) || type(p.httpGet.port) == int || p.httpGet.port in ['http', 'admin'] || has(self.ports) && self.ports.exists(q, q.name == p.httpGet.port)) && (!has(p.tcpSocket) || !has(p.tcpSocket.port) || type(p.tcpSocket.port) == int || p.tcpSocket.port in ['http', 'admin'] || has(self.ports) && self.ports.exists(q, q.name == p.tcpSocket.port)))",fieldPath=".probes",message="probes must not name a port other than http, admin and those of ports"
// +kubebuilder:validation:XValidation:rule="!has(self.tls) || !has(self.tls.clientCASecretName) || !has(self.probes) || ((has(self.probes.startup) ? [dyn(self.probes.startup)] : []) + (has(self.probes.liveness) ? [dyn(self.probes.liveness)] : []) + (has(self.probes.readiness) ? [dyn(self.probes.readiness)] : [])).all(p, !has(p.httpGet) || has(p.httpGet.port) && p.httpGet.port != 'http' && p.httpGet.port != (has(self.port) ? self.port : 8080))",fieldPath=".probes",message="probes must not have httpGet on spec.port while tls.clientCASecretName is set: the kubelet has no client certificate; answer on another port, or use tcpSocket"
// +kubebuilder:validation:XValidation:rule="!has(self.tls) || !has(self.probes) || ((has(self.probes.startup) ? [dyn(self.probes.startup)] : []) + (has(self.probes.liveness) ? [dyn(self.probes.liveness)] : []) + (has(self.probes.readiness) ? [dyn(self.probes.readiness)] : [])).all(p, !has(p.grpc) || p.grpc.port != (has(self.port) ? self.port : 8080))",fieldPath=".probes",message="probes must not have grpc on spec.port while tls is set: the kubelet asks without TLS; answer on another port, or use tcpSocket"
// +kubebuilder:validation:XValidation:rule="!has(self.initContainers) || self.initContainers.all(c, c.name != (has(self.pod) && has(self.pod.containerName) ? self.pod.containerName : 'service'))",fieldPath=".initContainers",message="initContainers[].name must not be that of the service's own container: pod.containerName, or service without it"
// +kubebuilder:validation:XValidation:rule="!has(self.volumeMounts) || self.volumeMounts.all(m, has(self.volumes) && self.volumes.exists(v, v.name == m.name))",fieldPath=".volumeMounts",message="volumeMounts must name volumes of spec.volumes"
// +kubebuilder:validation:XValidation:rule="!has(self.expose) || !has(self.expose.port) || self.expose.port == 'http' || has(self.ports) && self.ports.exists(p, p.name == self.expose.port && p.protocol == 'TCP' && !(has(p.hidden) && p.hidden))",fieldPath=".expose",message="expose.port must be http or the name of a TCP port of ports that is not hidden"
// +kubebuilder:validation:XValidation:rule="!has(self.initContainers) || self.initContainers.all(c, !has(c.volumeMounts) || c.volumeMounts.all(m, has(self.volumes) && self.volumes.exists(v, v.name == m.name)))",fieldPath=".initContainers",message="initContainers must mount volumes of spec.volumes"
type GoServiceSpec struct {
	// image is the container image to run. Rolling.
	// Default: the bundled workload of the operator that was running when a Rolling field changed last.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="self.matches('^((\\\\[[0-9a-fA-F:]+\\\\]|[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?([.][a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?)*)(:[0-9]{1,5})?/)?[a-z0-9]+(([.]|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+(([.]|_|__|-+)[a-z0-9]+)*)*(:[a-zA-Z0-9_][-a-zA-Z0-9_.]{0,127})?(@(sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128}))?$') && !self.matches('^[a-f0-9]{64}$')",message="image must be an image reference such as registry.example/team/checkout:v1: lower-case repository, optional tag, optional sha256 or sha512 digest"
	Image string `json:"image,omitempty"`

	// imagePullPolicy is Always, IfNotPresent or Never. Rolling.
	// Default: Always for the tag latest or none, IfNotPresent otherwise.
	// +optional
	// +kubebuilder:validation:Enum=Always;IfNotPresent;Never
	ImagePullPolicy corev1.PullPolicy `json:"imagePullPolicy,omitempty"`

	// imagePullSecrets name Secrets in the same namespace with credentials for the image. Rolling.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	ImagePullSecrets []SecretReference `json:"imagePullSecrets,omitempty"`

	// command replaces the image's entry point. $(NAME) is replaced by the value of an environment variable. Rolling.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=32768
	Command []string `json:"command,omitempty"`

	// args are passed to the command. $(NAME) is replaced by the value of an environment variable. Rolling.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MaxLength=32768
	Args []string `json:"args,omitempty"`

	// workingDir of the command. Rolling. Default: the image's.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	WorkingDir string `json:"workingDir,omitempty"`

	// port is the port that the container serves on, 1 to 65535 except 9100 and 6060. The container finds it in $PORT. Port 80
	// of the Service leads to it, or port 443 if spec.tls is set. Rolling.
	// +optional
	// +kubebuilder:default=8080
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`

	// ports are further ports of the container. The Service leads to them too. Rolling, except for appProtocol, servicePort and
	// hidden.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:XValidation:rule="self.all(p, !(p.name in ['http', 'https', 'admin', 'metrics']))",message="ports[].name must not be http, https, admin or metrics: the operator has ports of these names"
	// +kubebuilder:validation:XValidation:rule="self.all(p, self.exists_one(q, q.port == p.port && q.protocol == p.protocol))",message="ports must not have the same port and protocol twice"
	// +kubebuilder:validation:XValidation:rule="self.all(p, has(p.hidden) && p.hidden || self.exists_one(q, !(has(q.hidden) && q.hidden) && q.protocol == p.protocol && (has(q.servicePort) ? q.servicePort : q.port) == (has(p.servicePort) ? p.servicePort : p.port)))",message="ports must not have the same servicePort and protocol twice"
	Ports []PortSpec `json:"ports,omitempty"`

	// service configures the Service that clients call. It replaces no pod.
	// +optional
	Service *ServiceSpec `json:"service,omitempty"`

	// expose makes the service reachable from outside of the cluster. It replaces no pod. Default: inside only.
	// +optional
	Expose *ExposeSpec `json:"expose,omitempty"`

	// networkPolicy limits who may connect to the pods; the operator and Prometheus always may. It replaces no pod. Default: there is no
	// NetworkPolicy.
	// +optional
	// +structType=atomic
	NetworkPolicy *NetworkPolicySpec `json:"networkPolicy,omitempty"`

	// env lists environment variables of the container. The operator sets PORT, GOMEMLIMIT and all names that start with
	// GOSERVICE_; env cannot. If GOGC is set here, measurements do not change it. Rolling.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:XValidation:rule="self.all(e, !e.name.startsWith('GOSERVICE_') && e.name != 'PORT' && e.name != 'GOMEMLIMIT')",message="env must not name PORT, GOMEMLIMIT or anything that starts with GOSERVICE_: the operator sets those from spec.port, resources.limits.memory (90% of it) and the other fields"
	Env []EnvVar `json:"env,omitempty"`

	// envFrom takes environment variables from ConfigMaps and Secrets. Rolling; so is a change of their data, unless rollout.followData is false.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	EnvFrom []EnvFromSource `json:"envFrom,omitempty"`

	// replicas is the number of pods, 0 to 10000, if nothing autoscales the service. An external autoscaler writes it through
	// the scale subresource (autoscaling.mode External). If this operator autoscales, replicas is the initial number: a change
	// is applied once, within the bounds, and the autoscaler continues from there. 0 switches the service off until the next
	// change. Live: no running pod is replaced.
	// +optional
	// +kubebuilder:default=2
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10000
	Replicas *int32 `json:"replicas,omitempty"`

	// slo declares the objectives. Scaling, tuning and alerts are derived from them. Live, except for latency.threshold, which
	// is Rolling.
	// +optional
	SLO *SLOSpec `json:"slo,omitempty"`

	// autoscaling limits the number of pods. Live.
	// Default: derived from slo.
	// +optional
	Autoscaling *AutoscalingSpec `json:"autoscaling,omitempty"`

	// paused stops all writes of the operator for this service: it creates, changes and removes no child and retunes no pod
	// until paused is false again. It still updates the status. Live.
	// +optional
	Paused bool `json:"paused,omitempty"`

	// tuning controls whether the operator adjusts derived values to measurements. Live.
	// +optional
	Tuning *TuningSpec `json:"tuning,omitempty"`

	// rateLimit limits incoming requests. Requests above the limit get status 429. Live.
	// Default: unlimited.
	// +optional
	RateLimit *RateLimitSpec `json:"rateLimit,omitempty"`

	// pool limits the requests and jobs that run and wait at the same time in each pod. Requests above the limit get status
	// 503. Live. Default: each pod sizes its pool itself, from the workers in status.plan on.
	// +optional
	Pool *PoolSpec `json:"pool,omitempty"`

	// routes sets how single routes are served. Live.
	// +optional
	// +listType=map
	// +listMapKey=pattern
	// +kubebuilder:validation:MaxItems=64
	Routes []RouteSpec `json:"routes,omitempty"`

	// handOff is Automatic or Disabled. With Automatic, pods that are built on the toolkit share their queue: a request that would wait
	// runs in another pod that is free. Rolling. Default: Automatic.
	// +optional
	HandOff HandOffMode `json:"handOff,omitempty"`

	// shutdown configures graceful termination. Rolling. The termination grace period is always preStopDelay + drainTimeout +
	// 5 s.
	// +optional
	Shutdown *ShutdownSpec `json:"shutdown,omitempty"`

	// trustedProxies are the peers whose X-Forwarded-* headers are believed, as CIDRs. Live. Default: none.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	TrustedProxies []CIDR `json:"trustedProxies,omitempty"`

	// upstreams lists the services that this one calls. Names and URLs are Rolling, limits and timeouts are Live.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	Upstreams []UpstreamSpec `json:"upstreams,omitempty"`

	// resources of the container. Rolling.
	// Default: requests of 250m CPU and 128Mi memory, a limit of 256Mi memory and none for CPU. If resources is set, a request
	// of CPU or memory that it lacks is the limit of the same resource, or else the default; the only limits are those that it
	// has, so without limits.memory there is none.
	// +optional
	Resources *ResourcesSpec `json:"resources,omitempty"`

	// runtime configures the Go garbage collector. Live.
	// +optional
	Runtime *RuntimeSpec `json:"runtime,omitempty"`

	// settings are live settings that the service's own code registers (service.LiveSetting): objects by their names. What the
	// service does not know is ignored. Live.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	Settings map[string]SettingsSection `json:"settings,omitempty"` //nolint:kubeapilinter // one line each for those who write them

	// observability configures metrics, logs, traces and profiles.
	// +optional
	Observability *ObservabilitySpec `json:"observability,omitempty"`

	// tls makes the container serve TLS on port, and the Service offer port 443 instead of 80. Rolling; a renewed Secret takes
	// effect without a restart.
	// +optional
	TLS *TLSSpec `json:"tls,omitempty"`

	// probes configures the probes of the kubelet. Rolling. Default: the paths of the toolkit on port 9100.
	// +optional
	Probes *ProbesSpec `json:"probes,omitempty"`

	// volumes can be mounted by the containers. Rolling.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Volumes []Volume `json:"volumes,omitempty"`

	// volumeMounts mount volumes into the container. Rolling.
	// +optional
	// +listType=map
	// +listMapKey=mountPath
	// +kubebuilder:validation:MaxItems=32
	VolumeMounts []VolumeMount `json:"volumeMounts,omitempty"`

	// initContainers run one after another before the service starts, such as for a migration. One with restartPolicy Always is a
	// sidecar: the next one starts when it has started, it runs beside the service, and it stops after it. Rolling.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=6
	// +kubebuilder:validation:XValidation:rule="self.all(c, has(c.restartPolicy) || !has(c.startupProbe) && !has(c.livenessProbe) && !has(c.readinessProbe))",message="initContainers[] must not have probes without restartPolicy Always: they run once"
	InitContainers []Container `json:"initContainers,omitempty"`

	// securityContext holds the security settings of the container. Rolling. Default: what the Pod Security level restricted demands.
	// +optional
	SecurityContext *SecurityContext `json:"securityContext,omitempty"`

	// rollout configures how pods are replaced. It replaces no pod itself. Default: new pods first, a quarter at a time.
	// +optional
	Rollout *RolloutSpec `json:"rollout,omitempty"`

	// disruptionBudget configures the PodDisruptionBudget. Live. Default: a quarter of the fewest pods may be evicted at a time, at
	// least one.
	// +optional
	DisruptionBudget *DisruptionBudgetSpec `json:"disruptionBudget,omitempty"`

	// pod holds more settings of the pods: labels, annotations, scheduling, and the ServiceAccount. Rolling.
	// +optional
	Pod *PodSpec `json:"pod,omitempty"`
}
