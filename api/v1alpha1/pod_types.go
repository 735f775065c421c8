// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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

// ProbePort is the port that answers the probes.
//
// +kubebuilder:validation:Enum=admin;http
type ProbePort string

const (
	// ProbePortAdmin is port 9100, which services on the toolkit answer.
	ProbePortAdmin ProbePort = "admin"
	// ProbePortHTTP is spec.port, for images that are not built on the toolkit.
	ProbePortHTTP ProbePort = "http"
)

// ProbesSpec configures the probes of the kubelet.
type ProbesSpec struct {
	// port is admin (9100) or http (spec.port). With http, an image that is built on the toolkit counts probes against
	// spec.rateLimit and spec.pool and restarts under load: leave it at admin for such images.
	// +optional
	// +kubebuilder:default=admin
	Port ProbePort `json:"port,omitempty"`

	// livenessPath must fail if the process has to be restarted. It is also the path of the startup probe, unless it is
	// /livez on port 9100: the toolkit has /startupz for that. Default: /livez.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="self.matches('^/([-A-Za-z0-9._~!$&()*+,;=:@/]|%[0-9A-Fa-f]{2})*([?]([-A-Za-z0-9._~!$&()*+,;=:@/?]|%[0-9A-Fa-f]{2})*)?$')",message="probes.livenessPath must be a path such as /healthz: it starts with '/', has no space, and '%' only before two hexadecimal digits"
	LivenessPath string `json:"livenessPath,omitempty"`

	// readinessPath must fail while the pod should not get traffic. It never causes a restart. Default: /readyz.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="self.matches('^/([-A-Za-z0-9._~!$&()*+,;=:@/]|%[0-9A-Fa-f]{2})*([?]([-A-Za-z0-9._~!$&()*+,;=:@/?]|%[0-9A-Fa-f]{2})*)?$')",message="probes.readinessPath must be a path such as /healthz: it starts with '/', has no space, and '%' only before two hexadecimal digits"
	ReadinessPath string `json:"readinessPath,omitempty"`

	// startupTimeout is how long the container may take to start, 1s to 1h, rounded up to whole seconds. Default: 60s.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('1h')",message="probes.startupTimeout must be from 1s to 1h"
	StartupTimeout *metav1.Duration `json:"startupTimeout,omitempty"`
}

// AnnotationValue is the value of an annotation.
//
// +kubebuilder:validation:MaxLength=250000
type AnnotationValue string

// PodSpec holds more settings of the pods.
type PodSpec struct {
	// labels are added to the pods. The operator's own labels win.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('goservice.dev/') && !(k in ['app.kubernetes.io/name', 'app.kubernetes.io/instance', 'app.kubernetes.io/managed-by']))",message="pod.labels must not set goservice.dev/…, app.kubernetes.io/name, app.kubernetes.io/instance or app.kubernetes.io/managed-by: the operator selects its pods by them"
	// +kubebuilder:validation:XValidation:rule="self.all(k, k.matches('^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$'))",message="pod.labels must have label keys such as team or example.com/team: an optional domain and '/', then at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends"
	Labels map[string]LabelValue `json:"labels,omitempty"`
	// annotations are added to the pods.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('goservice.dev/'))",message="pod.annotations must not set goservice.dev/…: those belong to the operator"
	// +kubebuilder:validation:XValidation:rule="self.all(k, k.matches('^([a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?([.][a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$'))",message="pod.annotations must have annotation keys such as team or example.com/team: an optional domain and '/', then at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends"
	// +kubebuilder:validation:XValidation:rule="self.map(k, k.size() + bytes(self[k]).size()).sum() <= 250000",message="pod.annotations must not have more than 250000 bytes in all: Kubernetes keeps no more with a pod"
	Annotations map[string]AnnotationValue `json:"annotations,omitempty"`
	// nodeSelector lists labels that the nodes of the pods must have. Default for kubernetes.io/os: linux.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	// +kubebuilder:validation:XValidation:rule="self.all(k, k.matches('^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$'))",message="pod.nodeSelector must have label keys such as team or example.com/team: an optional domain and '/', then at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends"
	NodeSelector map[string]LabelValue `json:"nodeSelector,omitempty"`
	// tolerations let the pods run on tainted nodes.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Tolerations []Toleration `json:"tolerations,omitempty"`
	// affinity constrains where the pods run.
	// +optional
	Affinity *Affinity `json:"affinity,omitempty"`
	// topologySpreadConstraints spread the pods. Default: over nodes and zones where possible. A constraint without a
	// labelSelector selects this service's pods.
	// +optional
	// +listType=map
	// +listMapKey=topologyKey
	// +listMapKey=whenUnsatisfiable
	// +kubebuilder:validation:MaxItems=8
	TopologySpreadConstraints []TopologySpreadConstraint `json:"topologySpreadConstraints,omitempty"`
	// writableTmp mounts an empty writable directory at /tmp; the rest of the file system is read-only. With false, kubectl
	// drain needs no --delete-emptydir-data for these pods. Default: true.
	// +optional
	// +kubebuilder:default=true
	WritableTmp *bool `json:"writableTmp,omitempty"`
	// priorityClassName of the pods.
	// +optional
	PriorityClassName ObjectName `json:"priorityClassName,omitempty"`
	// serviceAccountName is the name of an existing ServiceAccount. Default: a ServiceAccount that the operator creates, with
	// no permissions. The token is never mounted.
	// +optional
	ServiceAccountName ObjectName `json:"serviceAccountName,omitempty"`
}
