// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// RuntimeSpec configures the Go garbage collector.
type RuntimeSpec struct {
	// gogc is the heap growth in percent that starts a collection, 10 to 10000. Live. Default: 100, or as measured if slo is
	// set.
	// +optional
	// +kubebuilder:validation:Minimum=10
	// +kubebuilder:validation:Maximum=10000
	GOGC *int32 `json:"gogc,omitempty"`
}

// AnnotationValue is the value of an annotation.
//
// +kubebuilder:validation:MaxLength=250000
type AnnotationValue string

// PodSpec holds more settings of the pods.
//
// +kubebuilder:validation:XValidation:rule="!has(self.dnsPolicy) || self.dnsPolicy != 'None' || has(self.dnsConfig) && has(self.dnsConfig.nameservers) && self.dnsConfig.nameservers.size() > 0",message="pod.dnsConfig.nameservers must name at least one with the dnsPolicy None"
// +kubebuilder:validation:XValidation:rule="!has(self.selector) || !has(self.labels) || self.labels.all(k, !(k in self.selector))",message="pod.labels must not have a key of pod.selector: the pods have those labels already"
type PodSpec struct {
	// selector are the labels by which the Deployment, its Service and its PodDisruptionBudget find the pods, which have them too. Set it for
	// a Deployment that is handed over: its selector cannot change. Default: the operator's own labels.
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=16
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('goservice.dev/') && !(k in ['app.kubernetes.io/managed-by', 'pod-template-hash']))",message="pod.selector must not name goservice.dev/…, app.kubernetes.io/managed-by or pod-template-hash: those belong to the operator and to Kubernetes"
	// +kubebuilder:validation:XValidation:rule="self.all(k, !format.qualifiedName().validate(k).hasValue())",message="pod.selector must have label keys such as team or example.com/team"
	Selector map[string]LabelValue `json:"selector,omitempty"`
	// containerName is the name of the service's container. Default: service.
	// +optional
	ContainerName DNSLabel `json:"containerName,omitempty"`
	// labels are added to the pods. The operator's own labels win.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('goservice.dev/') && !(k in ['app.kubernetes.io/name', 'app.kubernetes.io/instance', 'app.kubernetes.io/managed-by']))",message="pod.labels must not set goservice.dev/…, app.kubernetes.io/name, app.kubernetes.io/instance or app.kubernetes.io/managed-by: the operator selects its pods by them"
	// +kubebuilder:validation:XValidation:rule="self.all(k, !format.qualifiedName().validate(k).hasValue())",message="pod.labels must have label keys such as team or example.com/team"
	Labels map[string]LabelValue `json:"labels,omitempty"`
	// annotations are added to the pods.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('goservice.dev/'))",message="pod.annotations must not set goservice.dev/…: those belong to the operator"
	// +kubebuilder:validation:XValidation:rule="self.all(k, !format.qualifiedName().validate(k.lowerAscii()).hasValue())",message="pod.annotations must have annotation keys such as team or example.com/team"
	// +kubebuilder:validation:XValidation:rule="self.map(k, k.size() + bytes(self[k]).size()).sum() <= 250000",message="pod.annotations must not have more than 250000 bytes in all: Kubernetes keeps no more with a pod"
	Annotations map[string]AnnotationValue `json:"annotations,omitempty"`
	// nodeSelector lists labels that the nodes of the pods must have. Default for kubernetes.io/os: linux.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	// +kubebuilder:validation:XValidation:rule="self.all(k, !format.qualifiedName().validate(k).hasValue())",message="pod.nodeSelector must have label keys such as team or example.com/team"
	NodeSelector map[string]LabelValue `json:"nodeSelector,omitempty"`
	// tolerations let the pods run on tainted nodes.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Tolerations []Toleration `json:"tolerations,omitempty"`
	// affinity constrains where the pods run, in Kubernetes' form. As pod.overlay, it is checked by a dry run before anything is written.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	Affinity *runtime.RawExtension `json:"affinity,omitempty"`
	// topologySpreadConstraints spread the pods, in Kubernetes' form; one without a labelSelector selects this service's pods. They are
	// checked by a dry run, as affinity. Default: over nodes and zones where possible.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:XPreserveUnknownFields
	TopologySpreadConstraints []runtime.RawExtension `json:"topologySpreadConstraints,omitempty"`
	// writableTmp mounts an empty writable directory at /tmp, unless volumeMounts has another there; by default, the rest of the file
	// system is read-only then. kubectl drain needs --delete-emptydir-data for such pods. Default: false.
	// +optional
	WritableTmp *bool `json:"writableTmp,omitempty"`
	// priorityClassName of the pods.
	// +optional
	PriorityClassName ObjectName `json:"priorityClassName,omitempty"`
	// serviceAccountName is the name of an existing ServiceAccount. Default: a ServiceAccount that the operator creates, with
	// no permissions.
	// +optional
	ServiceAccountName ObjectName `json:"serviceAccountName,omitempty"`
	// automountServiceAccountToken gives the containers the token of the ServiceAccount. Default: false.
	// +optional
	AutomountServiceAccountToken *bool `json:"automountServiceAccountToken,omitempty"`
	// securityContext holds the security settings of all containers.
	// +optional
	SecurityContext *PodSecurityContext `json:"securityContext,omitempty"`
	// runtimeClassName selects the container runtime.
	// +optional
	RuntimeClassName ObjectName `json:"runtimeClassName,omitempty"`
	// dnsPolicy is ClusterFirst, Default (that of the node) or None (only dnsConfig). Default: ClusterFirst.
	// +optional
	// +kubebuilder:validation:Enum=ClusterFirst;Default;None
	DNSPolicy corev1.DNSPolicy `json:"dnsPolicy,omitempty"`
	// dnsConfig adds to what dnsPolicy gives.
	// +optional
	DNSConfig *DNSConfig `json:"dnsConfig,omitempty"`
	// hostAliases add names to the containers' hosts file.
	// +optional
	// +listType=map
	// +listMapKey=ip
	// +kubebuilder:validation:MaxItems=32
	HostAliases []HostAlias `json:"hostAliases,omitempty"`
	// overlay is a partial pod template, with metadata and spec, for what has no field of its own. It is merged into the template
	// as kubectl patch does by default (a strategic merge): lists of objects by their names, and $patch: delete removes an
	// element. What the operator computes cannot be changed. It is checked by a dry run before anything is written.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	Overlay *runtime.RawExtension `json:"overlay,omitempty"`
}
