// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package v1alpha1

// Affinity constrains the nodes of the pods.
type Affinity struct {
	// nodeAffinity selects nodes by their labels.
	// +optional
	NodeAffinity *NodeAffinity `json:"nodeAffinity,omitempty"`
	// podAffinity selects nodes near other pods.
	// +optional
	PodAffinity *PodAffinity `json:"podAffinity,omitempty"`
	// podAntiAffinity selects nodes away from other pods.
	// +optional
	PodAntiAffinity *PodAffinity `json:"podAntiAffinity,omitempty"`
}

// NodeAffinity selects nodes by their labels.
type NodeAffinity struct {
	// requiredDuringSchedulingIgnoredDuringExecution must be met.
	// +optional
	RequiredDuringSchedulingIgnoredDuringExecution *NodeSelector `json:"requiredDuringSchedulingIgnoredDuringExecution,omitempty"`
	// preferredDuringSchedulingIgnoredDuringExecution are met if possible, those with the largest sum of weights first.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	PreferredDuringSchedulingIgnoredDuringExecution []PreferredSchedulingTerm `json:"preferredDuringSchedulingIgnoredDuringExecution,omitempty"`
}

// NodeSelector selects the nodes that meet one of its terms.
type NodeSelector struct {
	// nodeSelectorTerms are the terms, of which one must be met.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	NodeSelectorTerms []NodeSelectorTerm `json:"nodeSelectorTerms"`
}

// NodeSelectorTerm is met by nodes that meet all of its expressions. An empty term is met by none.
type NodeSelectorTerm struct {
	// matchExpressions are conditions on labels of the node.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	MatchExpressions []NodeSelectorRequirement `json:"matchExpressions,omitempty"`
	// matchFields are conditions on the name of the node.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	MatchFields []NodeFieldRequirement `json:"matchFields,omitempty"`
}

// NodeSelectorRequirement is a condition on a label of a node.
//
// +kubebuilder:validation:XValidation:rule="self.operator in ['In', 'NotIn'] ? has(self.values) && self.values.size() > 0 : self.operator in ['Gt', 'Lt'] ? has(self.values) && self.values.size() == 1 && self.values[0].matches('^[0-9]+$') : !has(self.values) || self.values.size() == 0",message="must have values with the operators In and NotIn, one whole number with Gt and Lt, and none with Exists and DoesNotExist"
type NodeSelectorRequirement struct {
	// key of the label.
	// +required
	// +kubebuilder:validation:MinLength=1
	Key LabelKey `json:"key"`
	// operator is In, NotIn, Exists, DoesNotExist, Gt or Lt.
	// +required
	// +kubebuilder:validation:Enum=In;NotIn;Exists;DoesNotExist;Gt;Lt
	Operator string `json:"operator"`
	// values for In and NotIn, and one whole number for Gt and Lt.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Values []LabelValue `json:"values,omitempty"`
}

// NodeFieldRequirement is a condition on the name of a node.
type NodeFieldRequirement struct {
	// key is metadata.name.
	// +required
	// +kubebuilder:validation:Enum=metadata.name
	Key string `json:"key"`
	// operator is In or NotIn.
	// +required
	// +kubebuilder:validation:Enum=In;NotIn
	Operator string `json:"operator"`
	// values is one name.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=1
	Values []ObjectName `json:"values"`
}

// PreferredSchedulingTerm is a term with a weight.
type PreferredSchedulingTerm struct {
	// weight of the term, 1 to 100.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	Weight int32 `json:"weight"`
	// preference is the term.
	// +optional
	Preference NodeSelectorTerm `json:"preference,omitempty"`
}

// PodAffinity selects nodes by the pods that run near them.
type PodAffinity struct {
	// requiredDuringSchedulingIgnoredDuringExecution must all be met.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	RequiredDuringSchedulingIgnoredDuringExecution []PodAffinityTerm `json:"requiredDuringSchedulingIgnoredDuringExecution,omitempty"`
	// preferredDuringSchedulingIgnoredDuringExecution are met if possible, those with the largest sum of weights first.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	PreferredDuringSchedulingIgnoredDuringExecution []WeightedPodAffinityTerm `json:"preferredDuringSchedulingIgnoredDuringExecution,omitempty"`
}

// WeightedPodAffinityTerm is a term with a weight.
type WeightedPodAffinityTerm struct {
	// weight of the term, 1 to 100.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	Weight int32 `json:"weight"`
	// podAffinityTerm is the term.
	// +required
	PodAffinityTerm PodAffinityTerm `json:"podAffinityTerm"`
}

// PodAffinityTerm selects pods, and by the topology key what is near them.
//
// +kubebuilder:validation:XValidation:rule="has(self.labelSelector) || !has(self.matchLabelKeys) && !has(self.mismatchLabelKeys)",message="must have a labelSelector if it has matchLabelKeys or mismatchLabelKeys"
// +kubebuilder:validation:XValidation:rule="!has(self.matchLabelKeys) || !has(self.mismatchLabelKeys) || self.matchLabelKeys.all(k, !(k in self.mismatchLabelKeys))",message="must not name a key in both matchLabelKeys and mismatchLabelKeys"
// +kubebuilder:validation:XValidation:rule="!has(self.labelSelector) || ((has(self.matchLabelKeys) ? self.matchLabelKeys : []) + (has(self.mismatchLabelKeys) ? self.mismatchLabelKeys : [])).all(k, (!has(self.labelSelector.matchLabels) || !(k in self.labelSelector.matchLabels)) && (!has(self.labelSelector.matchExpressions) || self.labelSelector.matchExpressions.all(e, e.key != k)))",message="must not name a key of matchLabelKeys or mismatchLabelKeys in labelSelector too"
type PodAffinityTerm struct {
	// labelSelector selects the pods. Without it, no pod is selected.
	// +optional
	LabelSelector *LabelSelector `json:"labelSelector,omitempty"`
	// namespaces of the pods. Default: the namespace of the GoService, unless namespaceSelector is set.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Namespaces []NamespaceName `json:"namespaces,omitempty"`
	// topologyKey is the node label whose value says what is near, such as kubernetes.io/hostname.
	// +required
	// +kubebuilder:validation:MinLength=1
	TopologyKey LabelKey `json:"topologyKey"`
	// namespaceSelector selects namespaces of the pods by labels, in addition to namespaces. {} selects all.
	// +optional
	NamespaceSelector *LabelSelector `json:"namespaceSelector,omitempty"`
	// matchLabelKeys are labels whose value must be that of the new pod.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	MatchLabelKeys []LabelKey `json:"matchLabelKeys,omitempty"`
	// mismatchLabelKeys are labels whose value must not be that of the new pod.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	MismatchLabelKeys []LabelKey `json:"mismatchLabelKeys,omitempty"`
}

// NamespaceName is the name of a namespace.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="must be the name of a namespace: lower-case letters, digits and '-', with a letter or digit at both ends"
type NamespaceName string
