// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
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

// IndicatorsPreset says in which metrics a service counts its requests.
type IndicatorsPreset string

// The presets; all but IndicatorsToolkit are for images that are not built on the toolkit.
const (
	IndicatorsToolkit       IndicatorsPreset = "Toolkit"
	IndicatorsOpenTelemetry IndicatorsPreset = "OpenTelemetry"
	IndicatorsPrometheus    IndicatorsPreset = "Prometheus"
	IndicatorsGRPC          IndicatorsPreset = "GRPC"
	IndicatorsCustom        IndicatorsPreset = "Custom"
)

// DurationUnit is that of a histogram's values.
type DurationUnit string

// Units of durations.
const (
	UnitSeconds      DurationUnit = "Seconds"
	UnitMilliseconds DurationUnit = "Milliseconds"
)

// MetricsSpec configures how the pods are measured.
// +kubebuilder:validation:XValidation:rule="(has(self.indicators) && self.indicators == 'Custom') == has(self.custom)",message="observability.metrics.custom must be set if, and only if, indicators is Custom"
// +kubebuilder:validation:XValidation:rule="(has(self.indicators) && self.indicators != 'Toolkit') || !(has(self.port) || has(self.path) || has(self.scheme))",message="observability.metrics.port, path and scheme must not be set unless indicators is another than Toolkit: the toolkit serves its metrics on port 9100"
type MetricsSpec struct {
	// enabled lets Prometheus and the operator measure the pods. Live. Default: true. If false there are no SLIs, alerts or tuning.
	// +optional
	Enabled *bool `json:"enabled,omitempty"`

	// indicators says in which metrics the service counts its requests: Toolkit, OpenTelemetry (http.server.request.duration),
	// Prometheus (http_request_duration_seconds), GRPC, or Custom. All but Toolkit are for images that are not built on
	// the toolkit: these have no live settings. Live, but Rolling from and to Toolkit. Default: Toolkit.
	// +optional
	// +kubebuilder:validation:Enum=Toolkit;OpenTelemetry;Prometheus;GRPC;Custom
	Indicators IndicatorsPreset `json:"indicators,omitempty"`

	// port on which the pods serve their metrics, 1 to 65535. Live. Default: spec.port.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port *int32 `json:"port,omitempty"`

	// path of the metrics. Live. Default: /metrics.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^/[A-Za-z0-9._~/-]*$`
	Path string `json:"path,omitempty"`

	// scheme of the metrics, HTTP or HTTPS, whose certificate is not verified. Live. Default: HTTP.
	// +optional
	// +kubebuilder:validation:Enum=HTTP;HTTPS
	Scheme corev1.URIScheme `json:"scheme,omitempty"`

	// custom names the histogram of indicators Custom. Live.
	// +optional
	Custom *CustomIndicators `json:"custom,omitempty"`

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

// CustomIndicators is a histogram of request durations.
type CustomIndicators struct {
	// histogram is its name without _bucket, _sum and _count, such as myapp_request_duration_seconds.
	// +required
	// +kubebuilder:validation:MaxLength=200
	// +kubebuilder:validation:Pattern=`^[a-zA-Z_:][a-zA-Z0-9_:]*$`
	Histogram string `json:"histogram"`

	// unit of its values, Seconds or Milliseconds. Default: Seconds.
	// +optional
	// +kubebuilder:validation:Enum=Seconds;Milliseconds
	Unit DurationUnit `json:"unit,omitempty"`

	// resultLabel holds the result of a request, such as code. Without it, no request counts as failed.
	// +optional
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:Pattern=`^[a-zA-Z_][a-zA-Z0-9_]*$`
	ResultLabel string `json:"resultLabel,omitempty"`

	// failed are the results that count as failed, as a regular expression that matches whole values. Default: 5..
	// +optional
	// +kubebuilder:validation:MaxLength=200
	// +kubebuilder:validation:XValidation:rule="!self.contains('{') && ''.matches('^(' + self + ')$') in [true, false]",message="observability.metrics.custom.failed must be a regular expression (RE2) without {"
	Failed string `json:"failed,omitempty"`

	// ignored are the results that count neither as good nor as failed, likewise. Default: none.
	// +optional
	// +kubebuilder:validation:MaxLength=200
	// +kubebuilder:validation:XValidation:rule="!self.contains('{') && ''.matches('^(' + self + ')$') in [true, false]",message="observability.metrics.custom.ignored must be a regular expression (RE2) without {"
	Ignored string `json:"ignored,omitempty"`
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
