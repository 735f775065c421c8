// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package v1alpha1

// AutoscalingSpec bounds the number of pods; what is not given is derived from slo.
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

	// targetCPUUtilization is the CPU use to steer for, in percent of the container's request, 10 to 100.
	// Default: derived from slo.latency.
	// +optional
	// +kubebuilder:validation:Minimum=10
	// +kubebuilder:validation:Maximum=100
	TargetCPUUtilization *int32 `json:"targetCPUUtilization,omitempty"`
}

// AutoscalingMode says who sets the number of pods.
//
// +kubebuilder:validation:Enum=Automatic;External
type AutoscalingMode string

const (
	// AutoscalingAutomatic lets the operator create a HorizontalPodAutoscaler and move its floor.
	AutoscalingAutomatic AutoscalingMode = "Automatic"
	// AutoscalingExternal leaves the number of pods to whoever writes spec.replicas.
	AutoscalingExternal AutoscalingMode = "External"
)

// TuningMode says whether measurements may move what is derived.
//
// +kubebuilder:validation:Enum=Automatic;Recommend;Disabled
type TuningMode string

const (
	// TuningAutomatic measures the pods of services with an slo and moves replica floor, CPU target, pool and collector.
	TuningAutomatic TuningMode = "Automatic"
	// TuningRecommend measures and shows in status what Automatic would do, and does none of it.
	TuningRecommend TuningMode = "Recommend"
	// TuningDisabled measures nothing: what the formulas say from the spec alone stays.
	TuningDisabled TuningMode = "Disabled"
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
	// mode is Automatic (services with an slo are measured and tuned; what is set by hand stays), Recommend (measured, and
	// what would be tuned is only shown in status) or Disabled (not measured).
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
