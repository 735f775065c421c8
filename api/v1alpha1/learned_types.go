// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// LearnedStatus is everything that must survive a restart of the operator or a change of its leader. The operator writes and
// reads it. It is not meant for people: status.plan and status.slo show the same in words.
type LearnedStatus struct {
	// version of this format. Other versions are ignored.
	// +required
	Version int32 `json:"version"`
	// at is the time of the last measurement.
	// +required
	At metav1.Time `json:"at"`
	// cpuNanoseconds is the CPU time that one request uses; 0 while unknown.
	// +optional
	CPUNanoseconds int64 `json:"cpuNanoseconds,omitempty"`
	// serviceNanoseconds is the time of one request by itself, without waiting; 0 while unknown.
	// +optional
	ServiceNanoseconds int64 `json:"serviceNanoseconds,omitempty"`
	// highestCPUNanoseconds is the highest cpuNanoseconds that was ever measured; it bounds maxReplicas from below.
	// +optional
	HighestCPUNanoseconds int64 `json:"highestCPUNanoseconds,omitempty"`
	// highestServiceNanoseconds is the highest serviceNanoseconds that was ever measured.
	// +optional
	HighestServiceNanoseconds int64 `json:"highestServiceNanoseconds,omitempty"`
	// floor is the number of pods that measurements set as the lowest; 0 while unknown.
	// +optional
	Floor int32 `json:"floor,omitempty"`
	// needed is the number of pods by the demand, where that is more than the bounds allow; 0 otherwise.
	// +optional
	Needed int32 `json:"needed,omitempty"`
	// maxReplicas is an upper bound that was found in the autoscaler when nothing else was known; it holds until something is
	// measured or the spec changes. 0 otherwise.
	// +optional
	MaxReplicas int32 `json:"maxReplicas,omitempty"`
	// utilizationPermille that the loop steers for, where it was lowered; 0 otherwise.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000
	UtilizationPermille int32 `json:"utilizationPermille,omitempty"`
	// futileUtilization says that lowering the utilization did not make requests faster and is not tried again for now.
	// +optional
	FutileUtilization bool `json:"futileUtilization,omitempty"`
	// workers that measurements have pods start with; 0 where the formulas hold.
	// +optional
	Workers int32 `json:"workers,omitempty"`
	// gogc in percent; 0 where the formulas hold.
	// +optional
	GOGC int32 `json:"gogc,omitempty"`
	// holdSeconds is how long pods are kept after they were needed; 0 is the plan's.
	// +optional
	HoldSeconds int32 `json:"holdSeconds,omitempty"`
	// latencyBoundNanoseconds is the bucket at which the latency objective is counted, where it is not its own; -1 where none is near.
	// +optional
	LatencyBoundNanoseconds int64 `json:"latencyBoundNanoseconds,omitempty"`
	// startupSeconds are what the last pods took from their creation until they were ready, newest last.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:Minimum=1
	// +kubebuilder:validation:items:Maximum=300
	StartupSeconds []int32 `json:"startupSeconds,omitempty"`
	// profile is what comes by the clock; absent while nothing is known.
	// +optional
	Profile *LearnedProfile `json:"profile,omitempty"`
	// thresholdNanoseconds is what the budget's slow requests are counted against; 0 where none are.
	// +optional
	ThresholdNanoseconds int64 `json:"thresholdNanoseconds,omitempty"`
	// budget counts requests over the window of the objectives, oldest first; later intervals are shorter.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Budget []LearnedTally `json:"budget,omitempty"`
}

// LearnedProfile is when more came than was to be expected.
type LearnedProfile struct {
	// day since 1970-01-01 (UTC) that was measured last.
	// +required
	// +kubebuilder:validation:Minimum=1
	Day int64 `json:"day"`
	// minutes of the day (UTC) in which more came than was to be expected, in base64. Each is seven bytes, the most significant first: the
	// minute in two; in three, the days on which it did, bit n for n days before day; and twice n for 0.01 · 1.08^(n−1) requests per
	// second in that minute, of the last such day and of the one before.
	// +required
	// +kubebuilder:validation:MaxLength=2392
	Minutes string `json:"minutes"`
	// strayPermille is how many thousandths came in a day that were not foreseen.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1440000
	StrayPermille int64 `json:"strayPermille,omitempty"`
	// noisePermille is how far a quarter of the minutes were from what was to be expected of them at most, in thousandths of a step of 8 %.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=255000
	NoisePermille int64 `json:"noisePermille,omitempty"`
}

// LearnedTally counts the requests of an interval.
type LearnedTally struct {
	// start of the interval.
	// +required
	Start metav1.Time `json:"start"`
	// total requests, of which failed failed and slow were slower than the threshold.
	// +required
	Total int64 `json:"total"`
	// failed requests.
	// +optional
	Failed int64 `json:"failed,omitempty"`
	// slow requests.
	// +optional
	Slow int64 `json:"slow,omitempty"`
	// unjudged requests did not fail, and were counted before the threshold was the present one.
	// +optional
	Unjudged int64 `json:"unjudged,omitempty"`
}

// RecommendedStatus holds the values that tuning would apply, with their reasons. One that is absent would stay as it
// is in the plan.
type RecommendedStatus struct {
	// replicas is the range of pods.
	// +optional
	Replicas *PlannedValue `json:"replicas,omitempty"`
	// replicaFloor is the number of pods below which the HorizontalPodAutoscaler would not go.
	// +optional
	ReplicaFloor *PlannedValue `json:"replicaFloor,omitempty"`
	// cpuTarget is the CPU use that the HorizontalPodAutoscaler would steer for.
	// +optional
	CPUTarget *PlannedValue `json:"cpuTarget,omitempty"`
	// workers that the pool of each pod starts with.
	// +optional
	Workers *PlannedValue `json:"workers,omitempty"`
	// gogc is the collector's pace in percent.
	// +optional
	GOGC *PlannedValue `json:"gogc,omitempty"`
}
