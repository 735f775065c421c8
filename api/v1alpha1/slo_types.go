// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// SLOSpec declares the objectives. At least one of availability, latency and load is required.
//
// +kubebuilder:validation:XValidation:rule="has(self.availability) || has(self.latency) || has(self.load)",message="slo must declare at least one of availability, latency and load"
type SLOSpec struct {
	// availability is the percentage of requests that must not fail, as a decimal string from "50" to below "100", such as
	// "99.9". Requests with a status of 500 or above fail.
	// +optional
	// +kubebuilder:validation:Pattern=`^[0-9]{1,2}(\.[0-9]{1,4})?$`
	// +kubebuilder:validation:MaxLength=7
	// +kubebuilder:validation:XValidation:rule="double(self) >= 50.0",message="slo.availability must be a percentage from \"50\" to below \"100\", such as \"99.9\""
	Availability string `json:"availability,omitempty"`

	// latency is the latency objective.
	// +optional
	Latency *LatencyObjective `json:"latency,omitempty"`

	// window over which the objectives must be met, "1d" to "90d".
	// +optional
	// +kubebuilder:default="30d"
	// +kubebuilder:validation:MaxLength=3
	// +kubebuilder:validation:Pattern=`^([1-9]|[1-8][0-9]|90)d$`
	Window string `json:"window,omitempty"`

	// load is the expected traffic.
	// +optional
	Load *LoadObjective `json:"load,omitempty"`
}

// LatencyObjective is a threshold that a percentage of requests must meet.
type LatencyObjective struct {
	// threshold within which a request must be answered, 1ms to 10m, such as "50ms". Rolling: the pods count requests at
	// exactly this boundary.
	// +required
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1ms') && duration(self) <= duration('10m')",message="slo.latency.threshold must be from 1ms to 10m"
	Threshold metav1.Duration `json:"threshold"`

	// percentile of requests that must meet the threshold, as a decimal string from "50" to "99.99".
	// +optional
	// +kubebuilder:default="99"
	// +kubebuilder:validation:Pattern=`^[0-9]{2}(\.[0-9]{1,2})?$`
	// +kubebuilder:validation:MaxLength=5
	// +kubebuilder:validation:XValidation:rule="double(self) >= 50.0",message="slo.latency.percentile must be from \"50\" to \"99.99\", such as \"99\""
	Percentile string `json:"percentile,omitempty"`
}

// LoadObjective is the expected traffic.
type LoadObjective struct {
	// peakRequestsPerSecond is the highest load of the whole service to prepare for, 1 to 10000000.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000000
	PeakRequestsPerSecond int32 `json:"peakRequestsPerSecond"`
}
