// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package v1alpha1

import corev1 "k8s.io/api/core/v1"

// LabelKey is the key of a label or taint.
//
// +kubebuilder:validation:MaxLength=317
// +kubebuilder:validation:XValidation:rule="!format.qualifiedName().validate(self).hasValue()",message="must be a label key such as team or example.com/team"
type LabelKey string

// LabelValue is the value of a label, possibly empty.
//
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:XValidation:rule="!format.labelValue().validate(self).hasValue()",message="must be a label value: at most 63 letters, digits, '-', '_' and '.'"
type LabelValue string

// Toleration lets the pods run on nodes with a taint.
//
// +kubebuilder:validation:XValidation:rule="has(self.key) || has(self.operator) && self.operator == 'Exists'",message="pod.tolerations[] must have the operator Exists where no key is given"
// +kubebuilder:validation:XValidation:rule="!has(self.operator) || self.operator != 'Exists' || !has(self.value) || self.value.size() == 0",message="pod.tolerations[] must have no value with the operator Exists"
// +kubebuilder:validation:XValidation:rule="!has(self.tolerationSeconds) || has(self.effect) && self.effect == 'NoExecute'",message="pod.tolerations[] must have the effect NoExecute where tolerationSeconds is given"
type Toleration struct {
	// key of the taint. Default: every taint.
	// +optional
	Key LabelKey `json:"key,omitempty"`
	// operator is Exists (any value) or Equal. Default: Equal.
	// +optional
	// +kubebuilder:validation:Enum=Exists;Equal
	Operator corev1.TolerationOperator `json:"operator,omitempty"`
	// value of the taint.
	// +optional
	Value LabelValue `json:"value,omitempty"`
	// effect of the taint: NoSchedule, PreferNoSchedule or NoExecute. Default: every effect.
	// +optional
	// +kubebuilder:validation:Enum=NoSchedule;PreferNoSchedule;NoExecute
	Effect corev1.TaintEffect `json:"effect,omitempty"`
	// tolerationSeconds is how long a pod stays after a taint NoExecute appears. Default: for good.
	// +optional
	TolerationSeconds *int64 `json:"tolerationSeconds,omitempty"`
}

// LabelSelector selects pods by their labels; all that is given must match.
type LabelSelector struct {
	// matchLabels are labels that must be there.
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	// +kubebuilder:validation:XValidation:rule="self.all(k, !format.qualifiedName().validate(k).hasValue())",message="must have label keys such as team or example.com/team"
	MatchLabels map[string]LabelValue `json:"matchLabels,omitempty"`
	// matchExpressions are conditions on labels.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	MatchExpressions []LabelSelectorRequirement `json:"matchExpressions,omitempty"`
}

// LabelSelectorRequirement is a condition on a label.
//
// +kubebuilder:validation:XValidation:rule="(self.operator in ['In', 'NotIn']) == (has(self.values) && self.values.size() > 0)",message="must have values with the operators In and NotIn, and none with Exists and DoesNotExist"
type LabelSelectorRequirement struct {
	// key of the label.
	// +required
	// +kubebuilder:validation:MinLength=1
	Key LabelKey `json:"key"`
	// operator is In, NotIn, Exists or DoesNotExist.
	// +required
	// +kubebuilder:validation:Enum=In;NotIn;Exists;DoesNotExist
	Operator string `json:"operator"`
	// values for In and NotIn.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Values []LabelValue `json:"values,omitempty"`
}
