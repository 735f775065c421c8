// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// GoServiceStatus is what the operator sees and decided.
type GoServiceStatus struct {
	// observedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions are Ready, Applied, Available, Progressing, Tuned, Planned, Monitored; with an slo Measured, SLOMet; with an
	// autoscaler Scaling; only while they are True Paused, Stalled,
	// Reconciling, EvictionBlocked.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=32
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// replicas is the number of pods that exist.
	// +optional
	Replicas int32 `json:"replicas,omitempty"`
	// readyReplicas is the number of pods that take traffic.
	// +optional
	ReadyReplicas int32 `json:"readyReplicas,omitempty"`
	// selector of the pods, for the scale subresource.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Selector string `json:"selector,omitempty"`

	// summary holds the short texts that kubectl get prints.
	// +optional
	Summary StatusSummary `json:"summary,omitempty"`

	// plan holds every derived number with its reason.
	// +optional
	Plan *PlanStatus `json:"plan,omitempty"`

	// figures holds the numbers of plan and slo as integers, for tools.
	// +optional
	Figures *FiguresStatus `json:"figures,omitempty"`

	// liveSettings says which live settings are in force where.
	// +optional
	LiveSettings *LiveSettingsStatus `json:"liveSettings,omitempty"`

	// template says which pod template the pods run and whether the operator has a newer one.
	// +optional
	Template *TemplateStatus `json:"template,omitempty"`

	// slo says how the objectives hold; empty without any, or while nothing is measured.
	// +optional
	SLO *SLOStatus `json:"slo,omitempty"`

	// decisions are the last figures that measurements moved, the newest last, at most 10.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	Decisions []TuningDecision `json:"decisions,omitempty"`

	// learned is what measurements taught the operator, for the next operator to go on from; not meant for people.
	// +optional
	Learned *LearnedStatus `json:"learned,omitempty"`
}

// SLOStatus says how the objectives hold, as far as this operator has seen.
type SLOStatus struct {
	// measuredSince is from when on requests were counted: the objectives' window, or less since the operator started.
	// +required
	MeasuredSince metav1.Time `json:"measuredSince"`
	// availability is the share of requests that did not fail.
	// +required
	// +kubebuilder:validation:MaxLength=256
	Availability string `json:"availability"`
	// fastEnough is the share of answered requests within the latency threshold.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	FastEnough string `json:"fastEnough,omitempty"`
	// p99 of the last minute's durations.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	P99 string `json:"p99,omitempty"`
	// errorBudgetLeft of the objective that has spent more of its budget.
	// +required
	// +kubebuilder:validation:MaxLength=256
	ErrorBudgetLeft string `json:"errorBudgetLeft"`
}

// TuningDecision is one figure that measurements moved.
type TuningDecision struct {
	// at is when.
	// +required
	At metav1.Time `json:"at"`
	// what was moved: replica floor, utilization, pool or gogc.
	// +required
	// +kubebuilder:validation:MaxLength=256
	What string `json:"what"`
	// from the value before.
	// +required
	// +kubebuilder:validation:MaxLength=256
	From string `json:"from"`
	// to the value since.
	// +required
	// +kubebuilder:validation:MaxLength=256
	To string `json:"to"`
	// reason in one sentence.
	// +required
	// +kubebuilder:validation:MaxLength=2048
	Reason string `json:"reason"`
}

// StatusSummary holds the short texts that kubectl get prints.
type StatusSummary struct {
	// replicas is "ready/wanted".
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Replicas string `json:"replicas,omitempty"`
	// tuned is "confirmed/all" pods.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Tuned string `json:"tuned,omitempty"`
	// slo says whether the objectives hold: "declared" until they are measured, "-" without any.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	SLO string `json:"slo,omitempty"`
	// limit is the admitted rate, "-" without one.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Limit string `json:"limit,omitempty"`
}

// PlannedValue is one derived number.
type PlannedValue struct {
	// value as a person reads it.
	// +required
	// +kubebuilder:validation:MaxLength=512
	Value string `json:"value"`
	// reason in one sentence.
	// +required
	// +kubebuilder:validation:MaxLength=2048
	Reason string `json:"reason"`
}

// PlanStatus holds every derived number with its reason.
type PlanStatus struct {
	// replicas is the fixed number or the range of pods.
	// +required
	Replicas PlannedValue `json:"replicas"`
	// replicaFloor is the number of pods that the measured demand needs; the HorizontalPodAutoscaler goes no lower.
	// +optional
	ReplicaFloor *PlannedValue `json:"replicaFloor,omitempty"`
	// cpuTarget is the CPU use that the HorizontalPodAutoscaler steers for.
	// +optional
	CPUTarget *PlannedValue `json:"cpuTarget,omitempty"`
	// utilization is ρ, the busy share of a pod's CPU at which waiting still keeps the latency objective; empty where
	// neither slo nor autoscaling is declared.
	// +optional
	Utilization *PlannedValue `json:"utilization,omitempty"`
	// scaleUp is how quickly the HorizontalPodAutoscaler may add pods.
	// +optional
	ScaleUp *PlannedValue `json:"scaleUp,omitempty"`
	// scaleUpTolerance is how far above its target the HorizontalPodAutoscaler leaves the CPU use alone.
	// +optional
	ScaleUpTolerance *PlannedValue `json:"scaleUpTolerance,omitempty"`
	// scaleDownWindow is how long the need for pods must be lower before the HorizontalPodAutoscaler removes any.
	// +optional
	ScaleDownWindow *PlannedValue `json:"scaleDownWindow,omitempty"`
	// concurrency is how many requests a pod has at work at that utilization.
	// +optional
	Concurrency *PlannedValue `json:"concurrency,omitempty"`
	// workers of each pod.
	// +required
	Workers PlannedValue `json:"workers"`
	// queueDepth of each pod.
	// +required
	QueueDepth PlannedValue `json:"queueDepth"`
	// queueTimeout is the longest wait in the queue.
	// +required
	QueueTimeout PlannedValue `json:"queueTimeout"`
	// requestTimeout is the deadline of one request.
	// +required
	RequestTimeout PlannedValue `json:"requestTimeout"`
	// preStopDelay is how long a leaving pod keeps serving.
	// +required
	PreStopDelay PlannedValue `json:"preStopDelay"`
	// drainTimeout is how long running requests may take to finish.
	// +required
	DrainTimeout PlannedValue `json:"drainTimeout"`
	// gracePeriod is the termination grace period of the pods.
	// +required
	GracePeriod PlannedValue `json:"gracePeriod"`
	// gogc is the collector's pace in percent.
	// +optional
	GOGC *PlannedValue `json:"gogc,omitempty"`
	// memoryLimit is GOMEMLIMIT.
	// +optional
	MemoryLimit *PlannedValue `json:"memoryLimit,omitempty"`
	// histogramBoundaries are the upper bounds of the buckets in which the pods count durations.
	// +optional
	HistogramBoundaries *PlannedValue `json:"histogramBoundaries,omitempty"`
	// sharePerPod is each pod's part of the rate limit.
	// +optional
	SharePerPod *PlannedValue `json:"sharePerPod,omitempty"`
	// alerts on the objectives, also those that are left out because they could never fire.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Alerts []PlannedAlert `json:"alerts,omitempty"`
}

// PlannedAlert is the threshold of one alert.
type PlannedAlert struct {
	// name of what is watched, such as "availability × 14.4 over 1h".
	// +required
	// +kubebuilder:validation:MaxLength=512
	Name string `json:"name"`
	// value is the severity and the threshold as a person reads them, or "left out".
	// +required
	// +kubebuilder:validation:MaxLength=512
	Value string `json:"value"`
	// reason in one sentence.
	// +required
	// +kubebuilder:validation:MaxLength=2048
	Reason string `json:"reason"`
}

// LiveSettingsStatus says which live settings are in force where.
type LiveSettingsStatus struct {
	// revision of the newest live settings.
	// +required
	// +kubebuilder:validation:MaxLength=256
	Revision string `json:"revision"`
	// confirmedPods run this revision.
	// +required
	ConfirmedPods int32 `json:"confirmedPods"`
	// totalPods is how many pods there are to tune.
	// +required
	TotalPods int32 `json:"totalPods"`
	// requestsPerSecondPerPod is each pod's share of the rate limit, "-" without one.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	RequestsPerSecondPerPod string `json:"requestsPerSecondPerPod,omitempty"`
	// changedAt is when the operator put this revision in force.
	// +optional
	ChangedAt *metav1.MicroTime `json:"changedAt,omitempty"`
	// confirmedAt is when the last pod confirmed it.
	// +optional
	ConfirmedAt *metav1.MicroTime `json:"confirmedAt,omitempty"`
	// unconfirmed lists pods that did not confirm, at most 10, each with the reason.
	// +optional
	// +listType=map
	// +listMapKey=pod
	// +kubebuilder:validation:MaxItems=10
	Unconfirmed []UnconfirmedPod `json:"unconfirmed,omitempty"`
}

// UnconfirmedPod is a pod that did not confirm the newest live settings.
type UnconfirmedPod struct {
	// pod is the pod's name.
	// +required
	// +kubebuilder:validation:MaxLength=256
	Pod string `json:"pod"`
	// reason in one sentence.
	// +required
	// +kubebuilder:validation:MaxLength=2048
	Reason string `json:"reason"`
}
