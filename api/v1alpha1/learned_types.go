// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// LearnedStatus is everything that must survive a restart of the operator or a change of its leader. It is written by the
// operator, read by the next one, and not meant for people: status.plan and status.slo say the same in words.
type LearnedStatus struct {
	// version of this form; another one is ignored.
	// +required
	Version int32 `json:"version"`
	// at is when it was learned.
	// +required
	At metav1.Time `json:"at"`
	// cpuNanoseconds and serviceNanoseconds are what one request costs; 0 while unknown.
	// +optional
	CPUNanoseconds int64 `json:"cpuNanoseconds,omitempty"`
	// serviceNanoseconds is the time of one request by itself, without waiting; 0 while unknown.
	// +optional
	ServiceNanoseconds int64 `json:"serviceNanoseconds,omitempty"`
	// floor is the number of pods that the demand needed; 0 while unknown.
	// +optional
	Floor int32 `json:"floor,omitempty"`
	// maxReplicas is the highest upper bound that was derived.
	// +optional
	MaxReplicas int32 `json:"maxReplicas,omitempty"`
	// utilizationPermille that the loop steers for, where it was lowered; 0 otherwise.
	// +optional
	UtilizationPermille int32 `json:"utilizationPermille,omitempty"`
	// workers of each pod, as far as measurements moved them; 0 if they did not. So with queueDepth and gogc.
	// +optional
	Workers int32 `json:"workers,omitempty"`
	// queueDepth of each pod.
	// +optional
	QueueDepth int32 `json:"queueDepth,omitempty"`
	// gogc in percent.
	// +optional
	GOGC int32 `json:"gogc,omitempty"`
	// budget counts requests over the window of the objectives, oldest first; later intervals are shorter.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Budget []LearnedTally `json:"budget,omitempty"`
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
}
