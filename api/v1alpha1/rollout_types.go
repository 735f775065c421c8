// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package v1alpha1

import (
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// RolloutSpec configures how pods are replaced. It replaces no pod itself.
//
// +kubebuilder:validation:XValidation:rule="!has(self.strategy) || self.strategy != 'Recreate' || !has(self.maxSurge) && !has(self.maxUnavailable)",message="rollout.maxSurge and rollout.maxUnavailable must not be set with the strategy Recreate"
// +kubebuilder:validation:XValidation:rule="!has(self.maxSurge) || !string(self.maxSurge).matches('^0+%?$') || has(self.maxUnavailable) && !string(self.maxUnavailable).matches('^0+%?$')",message="rollout.maxUnavailable must be above 0 where maxSurge is 0: no pod could be replaced"
// +kubebuilder:validation:XValidation:rule="!has(self.progressDeadline) || !has(self.minReadySeconds) || duration(self.progressDeadline).getMilliseconds() > self.minReadySeconds * 1000",message="rollout.progressDeadline must be longer than minReadySeconds"
type RolloutSpec struct {
	// strategy is RollingUpdate, or Recreate: then all pods stop before new ones start, and requests fail meanwhile.
	// +optional
	// +kubebuilder:default=RollingUpdate
	// +kubebuilder:validation:Enum=RollingUpdate;Recreate
	Strategy appsv1.DeploymentStrategyType `json:"strategy,omitempty"`

	// maxSurge is how many pods, or what percentage of them, may run in addition. Default: 25%.
	// +optional
	// +kubebuilder:validation:XValidation:rule="string(self).matches('^[0-9]{1,5}%?$')",message="rollout.maxSurge must be a number of pods such as 1 or a percentage such as 25%"
	MaxSurge *intstr.IntOrString `json:"maxSurge,omitempty"`

	// maxUnavailable is how many pods, or what percentage of them, may be missing. Default: 0.
	// +optional
	// +kubebuilder:validation:XValidation:rule="string(self).matches('^([0-9]{1,5}|(100|[0-9]{1,2})%)$')",message="rollout.maxUnavailable must be a number of pods such as 1 or a percentage from 0% to 100%"
	MaxUnavailable *intstr.IntOrString `json:"maxUnavailable,omitempty"`

	// minReadySeconds is how long a new pod must be ready before the rollout goes on, 0 to 3600. Default: 0.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=3600
	MinReadySeconds *int32 `json:"minReadySeconds,omitempty"`

	// progressDeadline is how long a rollout may stand still before it counts as failed, 1s to 24h, rounded up to whole seconds.
	// Default: 5 minutes, and what a pod may take to stop, to start, and to stay ready; at least 10 minutes.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('24h')",message="rollout.progressDeadline must be from 1s to 24h"
	ProgressDeadline *metav1.Duration `json:"progressDeadline,omitempty"`

	// followData replaces the pods when the data of a ConfigMap or Secret changes that they take by env, envFrom or volumes.
	// Secrets are followed only where the operator may read them. Default: true.
	// +optional
	FollowData *bool `json:"followData,omitempty"`
}

// DisruptionBudgetSpec configures the PodDisruptionBudget, which limits evictions such as those of a node drain.
//
// +kubebuilder:validation:XValidation:rule="[has(self.maxUnavailable), has(self.minAvailable), has(self.disabled) && self.disabled].filter(x, x).size() <= 1",message="disruptionBudget must have only one of maxUnavailable, minAvailable and disabled"
type DisruptionBudgetSpec struct {
	// maxUnavailable is how many pods, or what percentage of them, may be missing because of evictions. With 0, no node with a pod
	// of the service can be drained. Default: a quarter of the fewest pods, at least one.
	// +optional
	// +kubebuilder:validation:XValidation:rule="string(self).matches('^([0-9]{1,5}|(100|[0-9]{1,2})%)$')",message="disruptionBudget.maxUnavailable must be a number of pods such as 1 or a percentage from 0% to 100%"
	MaxUnavailable *intstr.IntOrString `json:"maxUnavailable,omitempty"`

	// minAvailable is how many pods, or what percentage of them, must remain.
	// +optional
	// +kubebuilder:validation:XValidation:rule="string(self).matches('^([0-9]{1,5}|(100|[0-9]{1,2})%)$')",message="disruptionBudget.minAvailable must be a number of pods such as 2 or a percentage from 0% to 100%"
	MinAvailable *intstr.IntOrString `json:"minAvailable,omitempty"`

	// disabled creates none.
	// +optional
	Disabled bool `json:"disabled,omitempty"`
}
