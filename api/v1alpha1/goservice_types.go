// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// GoService is one Go service in production. From the objectives in spec.slo the operator derives the numbers that people
// normally guess – replica bounds, CPU target, pool and queue sizes, grace periods, memory limit – shows each with its
// reason in status.plan, creates every object that the service needs, and retunes running pods without a restart.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:shortName=gosvc,categories=all
// +kubebuilder:subresource:status
// +kubebuilder:subresource:scale:specpath=.spec.replicas,statuspath=.status.replicas,selectorpath=.status.selector
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Replicas",type=string,JSONPath=`.status.summary.replicas`,description="ready / wanted pods"
// +kubebuilder:printcolumn:name="Tuned",type=string,JSONPath=`.status.summary.tuned`,description="pods that confirmed the newest live settings / all pods"
// +kubebuilder:printcolumn:name="SLO",type=string,JSONPath=`.status.summary.slo`,description="whether the declared objectives hold"
// +kubebuilder:printcolumn:name="Limit",type=string,JSONPath=`.status.summary.limit`,description="admitted requests per second"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 63",message="metadata.name must be at most 63 characters, because the Service has the same name"
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",message="metadata.name must start with a letter and consist of lower-case letters, digits and '-', because the Service has the same name"
type GoService struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +optional
	Spec GoServiceSpec `json:"spec,omitempty"`
	// +optional
	Status GoServiceStatus `json:"status,omitempty"`
}

// GoServiceList is a list of GoServices.
//
// +kubebuilder:object:root=true
type GoServiceList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []GoService `json:"items"`
}

// GoServiceSpec says what must hold. Every field is optional: what is not given is derived and shown in status.plan.
//
// Fields marked Live reach running pods within about a second, without a restart; fields marked Rolling replace the pods
// one after another.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.replicas) && has(self.autoscaling))",message="replicas is a fixed size and autoscaling a range: set one of them, remove the other"
// +kubebuilder:validation:XValidation:rule="!has(self.port) || !(self.port in [9100, 6060])",message="port must be neither 9100 (metrics and probes) nor 6060 (profiling): choose another"
type GoServiceSpec struct {
	// image is the container image to run. Rolling.
	// Default: the bundled workload of the operator's own release.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="!self.contains(' ')",message="image must be one image reference without spaces, such as registry.example/team/checkout:v1"
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
	ImagePullSecrets []corev1.LocalObjectReference `json:"imagePullSecrets,omitempty"`

	// port is where the container serves, 1 to 65535 except 9100 and 6060, also given to it as $PORT. The Service's
	// port 80 leads to it. Rolling.
	// +optional
	// +kubebuilder:default=8080
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`

	// env holds environment variables of the container. Names that start with GOSERVICE_ belong to the operator, as do
	// PORT and GOMEMLIMIT. Rolling.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:XValidation:rule="self.all(e, !e.name.startsWith('GOSERVICE_') && e.name != 'PORT' && e.name != 'GOMEMLIMIT')",message="env must not name PORT, GOMEMLIMIT or anything that starts with GOSERVICE_: the operator sets those; use spec.port, spec.runtime and the other fields"
	Env []corev1.EnvVar `json:"env,omitempty"`

	// envFrom takes environment variables from ConfigMaps and Secrets. Rolling.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	EnvFrom []corev1.EnvFromSource `json:"envFrom,omitempty"`

	// replicas fixes the number of pods, 0 to 10000, and excludes autoscaling. Live: no running pod is replaced.
	// Default: derived from slo and autoscaling; 2 where neither is given.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10000
	Replicas *int32 `json:"replicas,omitempty"`

	// slo declares what must hold; scaling, tuning and alerts are derived from it. Live, but for latency.threshold.
	// +optional
	SLO *SLOSpec `json:"slo,omitempty"`

	// autoscaling bounds the number of pods. Live.
	// Default: derived from slo.
	// +optional
	Autoscaling *AutoscalingSpec `json:"autoscaling,omitempty"`

	// tuning sets whether measurements may move what is derived. Live.
	// +optional
	Tuning *TuningSpec `json:"tuning,omitempty"`

	// rateLimit bounds the admitted requests; what is above it is answered with 429. Live.
	// Default: unlimited.
	// +optional
	RateLimit *RateLimitSpec `json:"rateLimit,omitempty"`

	// pool bounds the requests and jobs that run and wait at once in each pod; what does not fit is answered with 503. Live.
	// Default: derived from slo and resources.
	// +optional
	Pool *PoolSpec `json:"pool,omitempty"`

	// shutdown sets how a pod leaves. Rolling. The termination grace period is always computed:
	// preStopDelay + drainTimeout + 5 s.
	// +optional
	Shutdown *ShutdownSpec `json:"shutdown,omitempty"`

	// upstreams are services that this one calls, by name. Names and URLs are Rolling, limits and timeouts Live.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	Upstreams []UpstreamSpec `json:"upstreams,omitempty"`

	// resources of the container. Rolling.
	// Default: requests of 250m CPU and 128Mi memory, a limit of 256Mi memory and none for CPU.
	// +optional
	// +kubebuilder:validation:XValidation:rule="!has(self.claims) || self.claims.size() == 0",message="resources.claims is not supported: remove it"
	// +kubebuilder:validation:XValidation:rule="!has(self.requests) || !has(self.limits) || !('cpu' in self.requests) || !('cpu' in self.limits) || quantity(string(self.requests['cpu'])).compareTo(quantity(string(self.limits['cpu']))) <= 0",message="resources.requests.cpu must not be above resources.limits.cpu"
	// +kubebuilder:validation:XValidation:rule="!has(self.requests) || !has(self.limits) || !('memory' in self.requests) || !('memory' in self.limits) || quantity(string(self.requests['memory'])).compareTo(quantity(string(self.limits['memory']))) <= 0",message="resources.requests.memory must not be above resources.limits.memory"
	// +kubebuilder:validation:XValidation:rule="!has(self.limits) || !('memory' in self.limits) || quantity(string(self.limits['memory'])).compareTo(quantity('16Mi')) >= 0",message="resources.limits.memory must be at least 16Mi: a Go service cannot start with less"
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`

	// runtime sets Go's garbage collector. Live.
	// +optional
	Runtime *RuntimeSpec `json:"runtime,omitempty"`

	// observability sets metrics, logs, traces and profiles.
	// +optional
	Observability *ObservabilitySpec `json:"observability,omitempty"`

	// tls makes the container serve TLS on port. Rolling; a renewed Secret is picked up without a restart.
	// +optional
	TLS *TLSSpec `json:"tls,omitempty"`

	// probes say where the container answers the kubelet. Rolling.
	// Default: what services built on the toolkit answer on port 9100.
	// +optional
	Probes *ProbesSpec `json:"probes,omitempty"`

	// pod holds settings of the pods that people end up needing. Rolling.
	// +optional
	Pod *PodSpec `json:"pod,omitempty"`
}

// SLOSpec declares the objectives. At least one of availability, latency and load must be given.
//
// +kubebuilder:validation:XValidation:rule="has(self.availability) || has(self.latency) || has(self.load)",message="slo must declare at least one of availability, latency and load"
type SLOSpec struct {
	// availability is the share of requests in percent that must not fail, as a decimal string from "50" to below "100",
	// such as "99.9".
	// +optional
	// +kubebuilder:validation:Pattern=`^[0-9]{1,2}(\.[0-9]{1,4})?$`
	// +kubebuilder:validation:MaxLength=7
	// +kubebuilder:validation:XValidation:rule="double(self) >= 50.0",message="slo.availability must be a percentage from \"50\" to below \"100\", such as \"99.9\""
	Availability string `json:"availability,omitempty"`

	// latency is how fast requests must be answered.
	// +optional
	Latency *LatencyObjective `json:"latency,omitempty"`

	// window over which the objectives must hold, "1d" to "90d".
	// +optional
	// +kubebuilder:default="30d"
	// +kubebuilder:validation:Pattern=`^([1-9]|[1-8][0-9]|90)d$`
	Window string `json:"window,omitempty"`

	// load is the traffic to be ready for.
	// +optional
	Load *LoadObjective `json:"load,omitempty"`
}

// LatencyObjective is a threshold that a share of requests must keep.
type LatencyObjective struct {
	// threshold within which a request must be answered, 1ms to 10m, such as "50ms". Rolling: the pods count requests at
	// exactly this boundary.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1ms') && duration(self) <= duration('10m')",message="slo.latency.threshold must be from 1ms to 10m"
	Threshold metav1.Duration `json:"threshold"`

	// percentile of requests that must keep the threshold, as a decimal string from "50" to "99.99".
	// +optional
	// +kubebuilder:default="99"
	// +kubebuilder:validation:Pattern=`^[0-9]{2}(\.[0-9]{1,2})?$`
	// +kubebuilder:validation:MaxLength=5
	// +kubebuilder:validation:XValidation:rule="double(self) >= 50.0",message="slo.latency.percentile must be from \"50\" to \"99.99\", such as \"99\""
	Percentile string `json:"percentile,omitempty"`
}

// LoadObjective is the traffic to be ready for.
type LoadObjective struct {
	// peakRequestsPerSecond is the highest load of the whole service to be ready for, 1 to 10000000.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000000
	PeakRequestsPerSecond int32 `json:"peakRequestsPerSecond"`
}

// AutoscalingSpec bounds the number of pods; what is not given is derived from slo.
//
// +kubebuilder:validation:XValidation:rule="!has(self.minReplicas) || !has(self.maxReplicas) || self.minReplicas <= self.maxReplicas",message="autoscaling.minReplicas must not be above autoscaling.maxReplicas"
type AutoscalingSpec struct {
	// minReplicas is the lowest number of pods, 1 to 10000.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000
	MinReplicas *int32 `json:"minReplicas,omitempty"`

	// maxReplicas is the highest number of pods, 1 to 10000.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000
	MaxReplicas *int32 `json:"maxReplicas,omitempty"`

	// targetCPUUtilization is the CPU use to steer for, in percent of the container's request, 10 to 100.
	// Default: derived from slo.latency.
	// +optional
	// +kubebuilder:validation:Minimum=10
	// +kubebuilder:validation:Maximum=100
	TargetCPUUtilization *int32 `json:"targetCPUUtilization,omitempty"`
}

// TuningMode says whether measurements may move what is derived.
//
// +kubebuilder:validation:Enum=Automatic;Off
type TuningMode string

const (
	// TuningAutomatic measures the pods of services with an slo and moves replica floor, CPU target, pool and collector.
	TuningAutomatic TuningMode = "Automatic"
	// TuningOff measures nothing: what the formulas say from the spec alone stays.
	TuningOff TuningMode = "Off"
)

// TuningSource says where measurements come from.
//
// +kubebuilder:validation:Enum=Pods;Prometheus
type TuningSource string

const (
	// SourcePods reads each pod's own metrics, every 2 s; of many pods a sample.
	SourcePods TuningSource = "Pods"
	// SourcePrometheus asks the Prometheus that the operator was started with.
	SourcePrometheus TuningSource = "Prometheus"
)

// TuningSpec sets whether measurements may move what is derived, and where they come from.
type TuningSpec struct {
	// mode is Automatic (services with an slo are measured; what is set by hand stays) or Off.
	// +optional
	// +kubebuilder:default=Automatic
	Mode TuningMode `json:"mode,omitempty"`

	// source is Pods (the operator reads the pods' metrics every 2 s, of many pods a sample) or Prometheus (it asks the
	// one named by its flag --prometheus-address, for networks where it cannot reach the pods; a step in load then shows
	// only with the next scrapes).
	// +optional
	// +kubebuilder:default=Pods
	Source TuningSource `json:"source,omitempty"`
}

// RateLimitScope says whose budget a rate limit is.
//
// +kubebuilder:validation:Enum=Service;Pod
type RateLimitScope string

const (
	// ScopeService is one budget that all pods share.
	ScopeService RateLimitScope = "Service"
	// ScopePod gives each pod the whole budget.
	ScopePod RateLimitScope = "Pod"
)

// RateLimitSpec is a token bucket.
type RateLimitSpec struct {
	// requestsPerSecond admitted on average, 1 to 10000000.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000000
	RequestsPerSecond int32 `json:"requestsPerSecond"`

	// burst is how many requests may be admitted at once after a pause, 1 to 10000000.
	// Default: a tenth of a second's worth, and at least the smaller of 20 and one second's worth.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000000
	Burst *int32 `json:"burst,omitempty"`

	// scope is Service (one budget, divided among the pods that can take traffic) or Pod (each pod has its own).
	// +optional
	// +kubebuilder:default=Service
	Scope RateLimitScope `json:"scope,omitempty"`
}

// PoolSpec bounds work in each pod.
type PoolSpec struct {
	// workers is how many requests and jobs run at once in each pod, 1 to 100000.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	Workers *int32 `json:"workers,omitempty"`

	// queueDepth is how many more may wait in each pod, 0 to 1000000.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000
	QueueDepth *int32 `json:"queueDepth,omitempty"`
}

// ShutdownSpec sets how a pod leaves.
type ShutdownSpec struct {
	// preStopDelay is how long a leaving pod keeps serving so that every node and load balancer learns of it, 0s to 10m,
	// rounded up to whole seconds. Default: 5s. With a cloud load balancer, use its deregistration delay.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) <= duration('10m')",message="shutdown.preStopDelay must be from 0s to 10m"
	PreStopDelay *metav1.Duration `json:"preStopDelay,omitempty"`

	// drainTimeout is how long requests and jobs may take to finish once the pod stops accepting, 1s to 1h, rounded up to
	// whole seconds. Default: derived from slo.latency.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('1h')",message="shutdown.drainTimeout must be from 1s to 1h"
	DrainTimeout *metav1.Duration `json:"drainTimeout,omitempty"`
}

// UpstreamSpec is a service that this one calls.
type UpstreamSpec struct {
	// name by which the workload knows the upstream, as in /proxy/{name}/: a DNS label.
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`

	// url of the upstream, http or https. Rolling.
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() in ['http', 'https'] && url(self).getHost() != ''",message="upstreams[].url must be an absolute http or https URL, such as http://billing.shop.svc"
	URL string `json:"url"`

	// timeout of one attempt, 1ms to 10m. Live. Default: 5s.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1ms') && duration(self) <= duration('10m')",message="upstreams[].timeout must be from 1ms to 10m"
	Timeout *metav1.Duration `json:"timeout,omitempty"`

	// rateLimit bounds the calls to the upstream; calls wait for their turn within the request's deadline. Live.
	// Default: unlimited.
	// +optional
	RateLimit *RateLimitSpec `json:"rateLimit,omitempty"`
}

// RuntimeSpec sets Go's garbage collector.
type RuntimeSpec struct {
	// gogc is the heap growth in percent that starts a collection, 10 to 10000. Live. Default: Go's own, 100.
	// +optional
	// +kubebuilder:validation:Minimum=10
	// +kubebuilder:validation:Maximum=10000
	GOGC *int32 `json:"gogc,omitempty"`
}

// ObservabilitySpec sets metrics, logs, traces and profiles.
type ObservabilitySpec struct {
	// metrics sets how Prometheus scrapes.
	// +optional
	Metrics *MetricsSpec `json:"metrics,omitempty"`
	// logging sets what is logged.
	// +optional
	Logging *LoggingSpec `json:"logging,omitempty"`
	// tracing sends OpenTelemetry traces. Default: none.
	// +optional
	Tracing *TracingSpec `json:"tracing,omitempty"`
	// profiling sets pprof.
	// +optional
	Profiling *ProfilingSpec `json:"profiling,omitempty"`
}

// MetricsSpec sets how Prometheus scrapes.
type MetricsSpec struct {
	// interval between scrapes, 1s to 5m. Default: 15s.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('5m')",message="observability.metrics.interval must be from 1s to 5m"
	Interval *metav1.Duration `json:"interval,omitempty"`

	// labels are added to the ServiceMonitor and the PrometheusRule, for a Prometheus that selects by them.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	Labels map[string]string `json:"labels,omitempty"`
}

// LoggingSpec sets what is logged.
type LoggingSpec struct {
	// level is debug, info, warn, error or off. Live.
	// +optional
	// +kubebuilder:default=info
	// +kubebuilder:validation:Enum=debug;info;warn;error;off
	Level string `json:"level,omitempty"`
}

// TracingSpec sends OpenTelemetry traces.
type TracingSpec struct {
	// endpoint of an OTLP/HTTP collector, such as http://collector.observability:4318. Rolling.
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() in ['http', 'https'] && url(self).getHost() != ''",message="observability.tracing.endpoint must be an absolute http or https URL of an OTLP/HTTP collector, such as http://collector.observability:4318"
	Endpoint string `json:"endpoint"`

	// sampleRatio of new traces that are recorded, as a decimal string from "0" to "1". Live.
	// +optional
	// +kubebuilder:default="0.01"
	// +kubebuilder:validation:Pattern=`^(0(\.[0-9]{1,6})?|1(\.0{1,6})?)$`
	SampleRatio string `json:"sampleRatio,omitempty"`
}

// ProfilingSpec sets pprof.
type ProfilingSpec struct {
	// enabled serves pprof on the pod's loopback port 6060, reachable by kubectl port-forward only. Rolling. Default: true.
	// +optional
	// +kubebuilder:default=true
	Enabled *bool `json:"enabled,omitempty"`
}

// TLSSpec makes the container serve TLS.
type TLSSpec struct {
	// secretName of a Secret of type kubernetes.io/tls in the same namespace.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	SecretName string `json:"secretName"`

	// clientCASecretName of a Secret with a key ca.crt; clients must then present a certificate that it signed.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	ClientCASecretName string `json:"clientCASecretName,omitempty"`
}

// ProbePort names the port that answers the probes.
//
// +kubebuilder:validation:Enum=admin;http
type ProbePort string

const (
	// ProbePortAdmin is port 9100, which services on the toolkit answer.
	ProbePortAdmin ProbePort = "admin"
	// ProbePortHTTP is spec.port, for images that are not built on the toolkit.
	ProbePortHTTP ProbePort = "http"
)

// ProbesSpec says where the container answers the kubelet.
type ProbesSpec struct {
	// port is admin (9100) or http (spec.port).
	// +optional
	// +kubebuilder:default=admin
	Port ProbePort `json:"port,omitempty"`

	// livenessPath fails when the process must be restarted. Default: /livez.
	// +optional
	// +kubebuilder:validation:Pattern=`^/`
	// +kubebuilder:validation:MaxLength=256
	LivenessPath string `json:"livenessPath,omitempty"`

	// readinessPath fails when the pod must not get traffic; also asked while the container starts. Default: /readyz.
	// +optional
	// +kubebuilder:validation:Pattern=`^/`
	// +kubebuilder:validation:MaxLength=256
	ReadinessPath string `json:"readinessPath,omitempty"`

	// startupTimeout is how long the container may take to start, 1s to 1h, rounded up to whole seconds. Default: 60s.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('1h')",message="probes.startupTimeout must be from 1s to 1h"
	StartupTimeout *metav1.Duration `json:"startupTimeout,omitempty"`
}

// PodSpec holds settings of the pods.
type PodSpec struct {
	// labels are added to the pods. The operator's own labels win.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('goservice.dev/') && !(k in ['app.kubernetes.io/name', 'app.kubernetes.io/instance', 'app.kubernetes.io/managed-by']))",message="pod.labels must not set goservice.dev/…, app.kubernetes.io/name, app.kubernetes.io/instance or app.kubernetes.io/managed-by: the operator selects its pods by them"
	Labels map[string]string `json:"labels,omitempty"`
	// annotations are added to the pods.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('goservice.dev/'))",message="pod.annotations must not set goservice.dev/…: those belong to the operator"
	Annotations map[string]string `json:"annotations,omitempty"`
	// nodeSelector names labels that the pods' nodes must have.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	// tolerations let the pods run on tainted nodes.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`
	// affinity constrains where the pods run.
	// +optional
	Affinity *corev1.Affinity `json:"affinity,omitempty"`
	// topologySpreadConstraints spread the pods. Default: over nodes and zones where possible. A constraint without a
	// labelSelector selects this service's pods.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	TopologySpreadConstraints []corev1.TopologySpreadConstraint `json:"topologySpreadConstraints,omitempty"`
	// priorityClassName of the pods.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	PriorityClassName string `json:"priorityClassName,omitempty"`
	// serviceAccountName of an existing ServiceAccount. Default: one of the operator's making, without any rights; its
	// token is never mounted.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
}
