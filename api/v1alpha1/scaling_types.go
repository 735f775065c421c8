// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package v1alpha1

// AutoscalingSpec limits the number of pods. Unset fields are derived from slo.
//
// +kubebuilder:validation:XValidation:rule="!has(self.minReplicas) || !has(self.maxReplicas) || self.minReplicas <= self.maxReplicas",message="autoscaling.minReplicas must not be above autoscaling.maxReplicas"
type AutoscalingSpec struct {
	// mode is Automatic (the operator creates a HorizontalPodAutoscaler) or External (it creates none: something else, such
	// as KEDA, writes spec.replicas through the scale subresource of the GoService).
	// +optional
	// +kubebuilder:default=Automatic
	Mode AutoscalingMode `json:"mode,omitempty"`

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

	// targetCPUUtilization is the target CPU utilization, in percent of the container's request, 10 to 100.
	// Default: derived from slo.latency, 70 without it.
	// +optional
	// +kubebuilder:validation:Minimum=10
	// +kubebuilder:validation:Maximum=100
	TargetCPUUtilization *int32 `json:"targetCPUUtilization,omitempty"`
}

// AutoscalingMode is who sets the number of pods.
//
// +kubebuilder:validation:Enum=Automatic;External
type AutoscalingMode string

const (
	// AutoscalingAutomatic lets the operator create a HorizontalPodAutoscaler and move its floor.
	AutoscalingAutomatic AutoscalingMode = "Automatic"
	// AutoscalingExternal leaves the number of pods to another autoscaler, which writes spec.replicas.
	AutoscalingExternal AutoscalingMode = "External"
)

// TuningMode is whether the operator adjusts derived values to measurements.
//
// +kubebuilder:validation:Enum=Automatic;Recommend;Disabled
type TuningMode string

const (
	// TuningAutomatic measures the pods of services with an slo and moves replica floor, CPU target, pool and collector.
	TuningAutomatic TuningMode = "Automatic"
	// TuningRecommend measures, shows in status what Automatic would do, and applies none of it.
	TuningRecommend TuningMode = "Recommend"
	// TuningDisabled measures nothing: values are derived from the spec alone.
	TuningDisabled TuningMode = "Disabled"
)

// TuningSource is where measurements come from.
//
// +kubebuilder:validation:Enum=Pods;Prometheus
type TuningSource string

const (
	// SourcePods scrapes the metrics of the pods every 2 to 4 s, or of a sample if there are many.
	SourcePods TuningSource = "Pods"
	// SourcePrometheus queries the Prometheus that the operator was started with.
	SourcePrometheus TuningSource = "Prometheus"
)

// TuningSpec controls whether the operator adjusts derived values to measurements, and where those come from.
type TuningSpec struct {
	// mode is Automatic (services with an slo are measured and tuned, except for the values that the user set), Recommend
	// (measured, and recommendations are only shown in status) or Disabled (not measured).
	// +optional
	// +kubebuilder:default=Automatic
	Mode TuningMode `json:"mode,omitempty"`

	// source is Pods (the operator scrapes the pods every 2 to 4 s, or a sample if there are many) or Prometheus (it queries the
	// one that its flag --prometheus-address names, for networks in which it cannot reach the pods; it then sees a step in
	// load only after the next scrapes).
	// +optional
	// +kubebuilder:default=Pods
	Source TuningSource `json:"source,omitempty"`

	// maxStep is the most pods that tuning adds within 15 s, 1 to 10000. It does not bound the HorizontalPodAutoscaler.
	// Default: what that one may add within 15 s: half of its range, at least 8 (4 in a range of fewer), or as many pods as there are.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000
	MaxStep *int32 `json:"maxStep,omitempty"`
}
