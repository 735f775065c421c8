// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package v1alpha1

// FiguresStatus holds the numbers of status.plan and status.slo as integers with the unit in the name, for tools to act on;
// the sentences next to them are for people and may be worded differently in the next version. A figure is absent where it
// does not apply to the service or is not known.
type FiguresStatus struct {
	// minReplicas is the lower bound of the number of pods.
	// +required
	MinReplicas int32 `json:"minReplicas"`
	// maxReplicas is the upper bound; equal to minReplicas where nothing autoscales.
	// +required
	MaxReplicas int32 `json:"maxReplicas"`
	// wantedReplicas is what the Deployment asks for at present.
	// +required
	WantedReplicas int32 `json:"wantedReplicas"`
	// availableReplicas is the number of pods that serve.
	// +required
	AvailableReplicas int32 `json:"availableReplicas"`
	// replicaFloor is the number of pods that the measured demand needs.
	// +optional
	ReplicaFloor *int32 `json:"replicaFloor,omitempty"`
	// cpuTargetPercent of the CPU request is what the HorizontalPodAutoscaler steers for.
	// +optional
	CPUTargetPercent *int32 `json:"cpuTargetPercent,omitempty"`
	// utilizationPermille is ρ, the busy share of a pod's CPU, in thousandths.
	// +optional
	UtilizationPermille *int32 `json:"utilizationPermille,omitempty"`
	// scaleUpTolerancePermille is how far above its target the CPU use is left alone, in thousandths of the target.
	// +optional
	ScaleUpTolerancePermille *int32 `json:"scaleUpTolerancePermille,omitempty"`
	// scaleDownWindowSeconds is how long the need for pods must be lower before any is removed.
	// +optional
	ScaleDownWindowSeconds *int32 `json:"scaleDownWindowSeconds,omitempty"`
	// workersPerPod that a pod starts with, or keeps if spec.pool.workers is set.
	// +optional
	WorkersPerPod *int32 `json:"workersPerPod,omitempty"`
	// queueDepthPerPod is how many requests may wait for a worker.
	// +optional
	QueueDepthPerPod *int32 `json:"queueDepthPerPod,omitempty"`
	// queueTimeoutMicroseconds is the longest wait in the queue.
	// +optional
	QueueTimeoutMicroseconds *int64 `json:"queueTimeoutMicroseconds,omitempty"`
	// requestTimeoutMicroseconds is the deadline of one request.
	// +optional
	RequestTimeoutMicroseconds *int64 `json:"requestTimeoutMicroseconds,omitempty"`
	// preStopDelaySeconds is how long a leaving pod keeps serving.
	// +required
	PreStopDelaySeconds int32 `json:"preStopDelaySeconds"`
	// drainTimeoutSeconds is how long running requests may take to finish.
	// +required
	DrainTimeoutSeconds int32 `json:"drainTimeoutSeconds"`
	// gracePeriodSeconds is the termination grace period of the pods.
	// +required
	GracePeriodSeconds int32 `json:"gracePeriodSeconds"`
	// gogcPercent is the collector's pace.
	// +optional
	GOGCPercent *int32 `json:"gogcPercent,omitempty"`
	// memoryLimitBytes is GOMEMLIMIT.
	// +optional
	MemoryLimitBytes *int64 `json:"memoryLimitBytes,omitempty"`
	// sharedRequestsPerSecond is the rate limit that all pods share.
	// +optional
	SharedRequestsPerSecond *int32 `json:"sharedRequestsPerSecond,omitempty"`
	// milliRequestsPerSecondPerPod is each pod's part of the rate limit, in thousandths of a request per second; of unequal
	// parts the mean.
	// +optional
	MilliRequestsPerSecondPerPod *int64 `json:"milliRequestsPerSecondPerPod,omitempty"`
	// measuredRequests is how many requests the shares below are of.
	// +optional
	MeasuredRequests *int64 `json:"measuredRequests,omitempty"`
	// availabilityPartsPerMillion is the share of requests that did not fail.
	// +optional
	AvailabilityPartsPerMillion *int32 `json:"availabilityPartsPerMillion,omitempty"`
	// fastEnoughPartsPerMillion is the share of answered requests within the latency threshold.
	// +optional
	FastEnoughPartsPerMillion *int32 `json:"fastEnoughPartsPerMillion,omitempty"`
	// errorBudgetLeftPermille of the objective that has spent more of its budget, in thousandths and whole percents; negative
	// once more than the budget is spent.
	// +optional
	ErrorBudgetLeftPermille *int64 `json:"errorBudgetLeftPermille,omitempty"`
	// p99Microseconds is the 99th percentile of the last minute's durations; it moves in steps of a tenth.
	// +optional
	P99Microseconds *int64 `json:"p99Microseconds,omitempty"`
}
