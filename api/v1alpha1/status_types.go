// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// GoServiceStatus is the observed state of a GoService.
type GoServiceStatus struct {
	// observedGeneration is the generation of the spec that the operator processed most recently.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions are Ready, Applied, Available, Progressing, Tuned, Planned, Monitored; with an slo Measured, SLOMet; with an
	// autoscaler Scaling; with expose Exposed; on the toolkit QueueShared; only while they are True Paused, Stalled,
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

	// url of the first of expose.hosts without a wildcard, and the first path. Whether it answers, the condition Exposed says.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	URL string `json:"url,omitempty"`

	// summary holds the columns of kubectl get.
	// +optional
	Summary StatusSummary `json:"summary,omitempty"`

	// plan holds every derived value with its reason.
	// +optional
	Plan *PlanStatus `json:"plan,omitempty"`

	// figures holds the numbers of plan and slo as integers, for tools.
	// +optional
	Figures *FiguresStatus `json:"figures,omitempty"`

	// liveSettings reports which pods have applied the latest live settings.
	// +optional
	LiveSettings *LiveSettingsStatus `json:"liveSettings,omitempty"`

	// template reports which pod template the pods run and whether the operator has a newer one.
	// +optional
	Template *TemplateStatus `json:"template,omitempty"`

	// handOff reports the key by which pods that share their queue know each other. Empty while there is none.
	// +optional
	HandOff *HandOffStatus `json:"handOff,omitempty"`

	// slo reports how well the objectives are met. Empty without objectives, and until something is measured.
	// +optional
	SLO *SLOStatus `json:"slo,omitempty"`

	// decisions lists the last changes by measurements, at most 10, the latest one last.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	Decisions []TuningDecision `json:"decisions,omitempty"`

	// recommended is what tuning would change of the plan; only with tuning.mode Recommend.
	// +optional
	Recommended *RecommendedStatus `json:"recommended,omitempty"`

	// learned holds what the operator measured, so that it can continue after a restart. It is not meant for people.
	// +optional
	Learned *LearnedStatus `json:"learned,omitempty"`
}

// HandOffStatus reports the key by which pods that share their queue know each other, and what sharing brings.
type HandOffStatus struct {
	// secret that holds the key.
	// +required
	// +kubebuilder:validation:MaxLength=253
	Secret string `json:"secret"`
	// revision of the Secret, a digest that tells nothing of the key.
	// +required
	// +kubebuilder:validation:MaxLength=64
	Revision string `json:"revision"`
	// changedAt is when the operator wrote it.
	// +required
	ChangedAt metav1.Time `json:"changedAt"`
	// movedPercent of the requests ran in another pod, as measured.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	MovedPercent *int32 `json:"movedPercent,omitempty"`
	// hopMicroseconds that a move took.
	// +optional
	// +kubebuilder:validation:Minimum=0
	HopMicroseconds *int64 `json:"hopMicroseconds,omitempty"`
}

// SLOStatus reports how well the objectives are met.
type SLOStatus struct {
	// measuredSince is from when on requests were counted: the objectives' window, or less since the operator started.
	// +required
	MeasuredSince metav1.Time `json:"measuredSince"`
	// availability is the percentage of requests that did not fail.
	// +required
	// +kubebuilder:validation:MaxLength=256
	Availability string `json:"availability"`
	// fastEnough is the percentage of answered requests within the latency threshold.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	FastEnough string `json:"fastEnough,omitempty"`
	// p99 is the 99th percentile of request durations over the last minute.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	P99 string `json:"p99,omitempty"`
	// errorBudgetLeft is the remaining error budget of whichever objective is closer to exhausting it.
	// +required
	// +kubebuilder:validation:MaxLength=256
	ErrorBudgetLeft string `json:"errorBudgetLeft"`
}

// TuningDecision is a value that measurements changed.
type TuningDecision struct {
	// at is the time of the change.
	// +required
	At metav1.Time `json:"at"`
	// what was changed: replica floor, utilization, pool or gogc.
	// +required
	// +kubebuilder:validation:MaxLength=256
	What string `json:"what"`
	// from is the previous value.
	// +required
	// +kubebuilder:validation:MaxLength=256
	From string `json:"from"`
	// to is the new value.
	// +required
	// +kubebuilder:validation:MaxLength=256
	To string `json:"to"`
	// reason explains it in one sentence.
	// +required
	// +kubebuilder:validation:MaxLength=2048
	Reason string `json:"reason"`
}

// StatusSummary holds the columns of kubectl get.
type StatusSummary struct {
	// replicas is "ready/wanted".
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Replicas string `json:"replicas,omitempty"`
	// tuned is "confirmed/all" pods.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Tuned string `json:"tuned,omitempty"`
	// slo is "met", "missed", "declared" until something is measured, or "-" without objectives.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	SLO string `json:"slo,omitempty"`
	// limit is the admitted rate, "-" without one.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Limit string `json:"limit,omitempty"`
}

// PlannedValue is a derived value.
type PlannedValue struct {
	// value in human-readable form.
	// +required
	// +kubebuilder:validation:MaxLength=512
	Value string `json:"value"`
	// reason explains it in one sentence.
	// +required
	// +kubebuilder:validation:MaxLength=2048
	Reason string `json:"reason"`
}

// PlanStatus holds every derived value with its reason.
type PlanStatus struct {
	// replicas is the fixed number or the range of pods.
	// +required
	Replicas PlannedValue `json:"replicas"`
	// replicaFloor is the number of pods that the measured demand needs, and the minimum of the HorizontalPodAutoscaler.
	// +optional
	ReplicaFloor *PlannedValue `json:"replicaFloor,omitempty"`
	// cpuTarget is the target CPU utilization of the HorizontalPodAutoscaler.
	// +optional
	CPUTarget *PlannedValue `json:"cpuTarget,omitempty"`
	// utilization is the highest CPU utilization of a pod (ρ) that meets the latency objective despite queueing. Empty if
	// neither slo nor autoscaling is set.
	// +optional
	Utilization *PlannedValue `json:"utilization,omitempty"`
	// scaleUp is how quickly the HorizontalPodAutoscaler may add pods.
	// +optional
	ScaleUp *PlannedValue `json:"scaleUp,omitempty"`
	// scaleUpTolerance is how far above its target CPU utilization may be before the HorizontalPodAutoscaler adds pods.
	// +optional
	ScaleUpTolerance *PlannedValue `json:"scaleUpTolerance,omitempty"`
	// scaleDownWindow is how long demand must be lower before the HorizontalPodAutoscaler removes pods.
	// +optional
	ScaleDownWindow *PlannedValue `json:"scaleDownWindow,omitempty"`
	// concurrency is how many requests a pod processes at the same time at that utilization.
	// +optional
	Concurrency *PlannedValue `json:"concurrency,omitempty"`
	// workers that the pool of each pod starts with, or has if spec.pool.workers is set.
	// +optional
	Workers *PlannedValue `json:"workers,omitempty"`
	// queueDepth is how many requests may wait in each pod.
	// +optional
	QueueDepth *PlannedValue `json:"queueDepth,omitempty"`
	// queueTimeout is the longest wait in the queue.
	// +optional
	QueueTimeout *PlannedValue `json:"queueTimeout,omitempty"`
	// requestTimeout is the deadline of one request.
	// +optional
	RequestTimeout *PlannedValue `json:"requestTimeout,omitempty"`
	// preStopDelay is how long a terminating pod keeps serving.
	// +required
	PreStopDelay PlannedValue `json:"preStopDelay"`
	// drainTimeout is how long running requests may take to finish.
	// +required
	DrainTimeout PlannedValue `json:"drainTimeout"`
	// gracePeriod is the termination grace period of the pods.
	// +required
	GracePeriod PlannedValue `json:"gracePeriod"`
	// gogc is the value of GOGC, in percent.
	// +optional
	GOGC *PlannedValue `json:"gogc,omitempty"`
	// memoryLimit is GOMEMLIMIT.
	// +optional
	MemoryLimit *PlannedValue `json:"memoryLimit,omitempty"`
	// histogramBoundaries are the upper bounds of the buckets of the duration histogram.
	// +optional
	HistogramBoundaries *PlannedValue `json:"histogramBoundaries,omitempty"`
	// sharePerPod is the share of the rate limit that each pod has.
	// +optional
	SharePerPod *PlannedValue `json:"sharePerPod,omitempty"`
	// alerts lists the alerts on the objectives, including those that are left out because they could never fire.
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
	// value is the severity and the threshold in human-readable form, or "left out".
	// +required
	// +kubebuilder:validation:MaxLength=512
	Value string `json:"value"`
	// reason explains it in one sentence.
	// +required
	// +kubebuilder:validation:MaxLength=2048
	Reason string `json:"reason"`
}

// LiveSettingsStatus reports which pods have applied the latest live settings.
type LiveSettingsStatus struct {
	// revision of the latest live settings.
	// +required
	// +kubebuilder:validation:MaxLength=256
	Revision string `json:"revision"`
	// confirmedPods run this revision.
	// +required
	ConfirmedPods int32 `json:"confirmedPods"`
	// totalPods is how many pods take live settings.
	// +required
	TotalPods int32 `json:"totalPods"`
	// requestsPerSecondPerPod is the share of the rate limit that each pod has, "-" without a limit.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	RequestsPerSecondPerPod string `json:"requestsPerSecondPerPod,omitempty"`
	// changedAt is when the operator published this revision.
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

// UnconfirmedPod is a pod that did not confirm the latest live settings.
type UnconfirmedPod struct {
	// pod is the pod's name.
	// +required
	// +kubebuilder:validation:MaxLength=256
	Pod string `json:"pod"`
	// reason explains it in one sentence.
	// +required
	// +kubebuilder:validation:MaxLength=2048
	Reason string `json:"reason"`
}
