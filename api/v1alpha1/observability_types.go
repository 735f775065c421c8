// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ObservabilitySpec configures metrics, logs, traces and profiles.
type ObservabilitySpec struct {
	// metrics configures how Prometheus scrapes the pods. It replaces no pod.
	// +optional
	Metrics *MetricsSpec `json:"metrics,omitempty"`
	// logging configures the log.
	// +optional
	Logging *LoggingSpec `json:"logging,omitempty"`
	// tracing sends OpenTelemetry traces. Default: none.
	// +optional
	Tracing *TracingSpec `json:"tracing,omitempty"`
	// profiling configures pprof.
	// +optional
	Profiling *ProfilingSpec `json:"profiling,omitempty"`
}

// MetricsSpec configures how Prometheus scrapes the pods.
type MetricsSpec struct {
	// interval between scrapes, 1s to 5m. Live. Default: 15s.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('5m')",message="observability.metrics.interval must be from 1s to 5m"
	Interval *metav1.Duration `json:"interval,omitempty"`

	// labels are added to the ServiceMonitor and the PrometheusRule, for a Prometheus that selects them by label. Live.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.all(k, !format.qualifiedName().validate(k).hasValue())",message="observability.metrics.labels must have label keys such as team or example.com/team"
	Labels map[string]LabelValue `json:"labels,omitempty"`
}

// LoggingSpec configures the log.
type LoggingSpec struct {
	// level is debug, info, warn, error or none. Live.
	// +optional
	// +kubebuilder:default=info
	// +kubebuilder:validation:Enum=debug;info;warn;error;none
	Level string `json:"level,omitempty"`
}

// TracingSpec sends OpenTelemetry traces.
type TracingSpec struct {
	// endpoint of an OTLP/HTTP collector, such as http://collector.observability:4318. Rolling.
	// +required
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.matches('^[hH][tT][tT][pP][sS]?://(\\\\[[0-9a-fA-F:.]+\\\\]|[^]/?#@:[ ]+)(:[0-9]{1,5})?(/[^?# ]*)?$') && isURL(self) && (url(self).getPort() == '' || int(url(self).getPort()) >= 1 && int(url(self).getPort()) <= 65535)",message="observability.tracing.endpoint must be an absolute http or https URL of an OTLP/HTTP collector such as http://collector.observability:4318: a host, an optional port from 1 to 65535 and an optional path, without user, query or fragment"
	Endpoint string `json:"endpoint"`

	// sampleRatio is the ratio of new traces that are recorded, as a decimal string from "0" to "1". Live.
	// +optional
	// +kubebuilder:default="0.01"
	// +kubebuilder:validation:MaxLength=8
	// +kubebuilder:validation:Pattern=`^(0(\.[0-9]{1,6})?|1(\.0{1,6})?)$`
	SampleRatio string `json:"sampleRatio,omitempty"`
}

// ProfilingSpec configures pprof.
type ProfilingSpec struct {
	// enabled serves pprof on the pod's loopback port 6060, reachable by kubectl port-forward only. Rolling. Default: true.
	// +optional
	// +kubebuilder:default=true
	Enabled *bool `json:"enabled,omitempty"`
}
