// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package v1alpha1

import corev1 "k8s.io/api/core/v1"

// The types in this file, in scheduling_types.go, volume_types.go, security_types.go and beside_types.go have the JSON form of
// Kubernetes' own, with bounds, so that the API server rejects what it would reject in the Deployment, and names the field.

// ObjectName is the name of an object in the same namespace, or of a cluster-wide one.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:XValidation:rule="!format.dns1123Subdomain().validate(self).hasValue()",message="must be the name of an object: lower-case letters, digits, '-' and '.', with a letter or digit at both ends"
type ObjectName string

// SecretReference names a Secret in the same namespace.
type SecretReference struct {
	// name of the Secret.
	// +required
	Name ObjectName `json:"name"`
}

// EnvName is the name of an environment variable.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:XValidation:rule="self.matches('^[-._a-zA-Z][-._a-zA-Z0-9]*$') && self != '.' && !self.startsWith('..')",message="must be a name that every Kubernetes version accepts for an environment variable: letters, digits, '_', '-' and '.', not starting with a digit"
type EnvName string

// EnvVar is an environment variable.
//
// +kubebuilder:validation:XValidation:rule="!has(self.valueFrom) || !has(self.value) || self.value.size() == 0",message="must not have both value and valueFrom: remove one"
type EnvVar struct {
	// name of the variable.
	// +required
	Name EnvName `json:"name"`
	// value of the variable, at most 130000 characters; $(NAME) is replaced by the value of a variable that is defined earlier in the list.
	// +optional
	// +kubebuilder:validation:MaxLength=130000
	Value string `json:"value,omitempty"`
	// valueFrom takes the value from elsewhere.
	// +optional
	ValueFrom *EnvVarSource `json:"valueFrom,omitempty"`
}

// EnvVarSource is where the value of an environment variable comes from.
//
// +kubebuilder:validation:XValidation:rule="[has(self.fieldRef), has(self.resourceFieldRef), has(self.configMapKeyRef), has(self.secretKeyRef)].filter(x, x).size() == 1",message="must have exactly one of fieldRef, resourceFieldRef, configMapKeyRef and secretKeyRef"
type EnvVarSource struct {
	// fieldRef is a field of the pod.
	// +optional
	FieldRef *FieldSelector `json:"fieldRef,omitempty"`
	// resourceFieldRef is one of the container's requests or limits.
	// +optional
	ResourceFieldRef *ResourceSelector `json:"resourceFieldRef,omitempty"`
	// configMapKeyRef is a key of a ConfigMap in the same namespace.
	// +optional
	ConfigMapKeyRef *KeySelector `json:"configMapKeyRef,omitempty"`
	// secretKeyRef is a key of a Secret in the same namespace.
	// +optional
	SecretKeyRef *KeySelector `json:"secretKeyRef,omitempty"`
}

// FieldSelector selects a field of the pod.
type FieldSelector struct {
	// apiVersion of the field's path. Default: v1.
	// +optional
	// +kubebuilder:validation:Enum=v1
	APIVersion string `json:"apiVersion,omitempty"`
	// fieldPath is metadata.name, metadata.namespace, metadata.uid, metadata.labels['KEY'], metadata.annotations['KEY'],
	// spec.nodeName, spec.serviceAccountName, status.hostIP, status.hostIPs, status.podIP or status.podIPs.
	// +required
	// +kubebuilder:validation:MaxLength=360
	// +kubebuilder:validation:XValidation:rule="self in ['metadata.name', 'metadata.namespace', 'metadata.uid', 'spec.nodeName', 'spec.serviceAccountName', 'status.hostIP', 'status.hostIPs', 'status.podIP', 'status.podIPs'] || self.matches('^metadata[.](labels|annotations)\\\\[\\'([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?\\'\\\\]$')",message="must be metadata.name, metadata.namespace, metadata.uid, metadata.labels['KEY'], metadata.annotations['KEY'], spec.nodeName, spec.serviceAccountName, status.hostIP, status.hostIPs, status.podIP or status.podIPs"
	FieldPath string `json:"fieldPath"`
}

// ResourceSelector selects one of the container's requests or limits.
//
// +kubebuilder:validation:XValidation:rule="!has(self.divisor) || (self.resource.endsWith('cpu') ? self.divisor in ['0', '1', '1m'] : self.divisor != '1m')",message="must have the divisor 1 or 1m for CPU, and 1 or a unit such as 1Mi for memory and storage"
type ResourceSelector struct {
	// resource is limits.cpu, limits.memory, limits.ephemeral-storage, requests.cpu, requests.memory or
	// requests.ephemeral-storage.
	// +required
	// +kubebuilder:validation:Enum=limits.cpu;limits.memory;limits.ephemeral-storage;requests.cpu;requests.memory;requests.ephemeral-storage
	Resource string `json:"resource"`
	// divisor is the unit of the value: 1 or 1m for CPU, 1 or a unit such as 1Mi otherwise. Default: 1.
	// +optional
	// +kubebuilder:validation:Enum="0";"1";"1m";"1k";"1M";"1G";"1T";"1P";"1E";"1Ki";"1Mi";"1Gi";"1Ti";"1Pi";"1Ei"
	Divisor string `json:"divisor,omitempty"`
}

// KeySelector selects a key of a ConfigMap or Secret in the same namespace.
type KeySelector struct {
	// name of the ConfigMap or Secret.
	// +required
	Name ObjectName `json:"name"`
	// key whose value is taken.
	// +required
	Key DataKey `json:"key"`
	// optional lets the container start without it.
	// +optional
	Optional *bool `json:"optional,omitempty"`
}

// DataKey is a key of a ConfigMap or Secret.
//
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:XValidation:rule="self.matches('^[-._a-zA-Z0-9]+$') && self != '.' && !self.startsWith('..')",message="must be a key of a ConfigMap or Secret: letters, digits, '-', '_' and '.'"
type DataKey string

// EnvFromSource takes environment variables from all keys of a ConfigMap or Secret.
//
// +kubebuilder:validation:XValidation:rule="has(self.configMapRef) != has(self.secretRef)",message="must have exactly one of configMapRef and secretRef"
type EnvFromSource struct {
	// prefix of the variables' names.
	// +optional
	Prefix EnvName `json:"prefix,omitempty"`
	// configMapRef names a ConfigMap in the same namespace.
	// +optional
	ConfigMapRef *EnvSource `json:"configMapRef,omitempty"`
	// secretRef names a Secret in the same namespace.
	// +optional
	SecretRef *EnvSource `json:"secretRef,omitempty"`
}

// EnvSource names a ConfigMap or Secret in the same namespace.
type EnvSource struct {
	// name of the ConfigMap or Secret.
	// +required
	Name ObjectName `json:"name"`
	// optional lets the container start without it.
	// +optional
	Optional *bool `json:"optional,omitempty"`
}

// ResourcesSpec is what the container may use. Both maps are by resource: cpu, memory, ephemeral-storage, hugepages-2Mi and
// the like, or an extended resource such as example.com/gpu.
//
// +kubebuilder:validation:XValidation:rule="!has(self.requests) || !has(self.limits) || !('cpu' in self.requests) || !('cpu' in self.limits) || quantity(string(self.requests['cpu'])).compareTo(quantity(string(self.limits['cpu']))) <= 0",message="must not have requests.cpu above limits.cpu"
// +kubebuilder:validation:XValidation:rule="!has(self.requests) || !has(self.limits) || !('memory' in self.requests) || !('memory' in self.limits) || quantity(string(self.requests['memory'])).compareTo(quantity(string(self.limits['memory']))) <= 0",message="must not have requests.memory above limits.memory"
// +kubebuilder:validation:XValidation:rule="!has(self.requests) || !has(self.limits) || !('ephemeral-storage' in self.requests) || !('ephemeral-storage' in self.limits) || quantity(string(self.requests['ephemeral-storage'])).compareTo(quantity(string(self.limits['ephemeral-storage']))) <= 0",message="must not have requests.ephemeral-storage above limits.ephemeral-storage"
// +kubebuilder:validation:XValidation:rule="!has(self.requests) || self.requests.all(k, k in ['cpu', 'memory', 'ephemeral-storage'] || has(self.limits) && k in self.limits && self.requests[k] == self.limits[k])",message="must have the same requests as limits of huge pages and extended resources, written the same"
// +kubebuilder:validation:XValidation:rule="!has(self.limits) || self.limits.all(k, !k.startsWith('hugepages-')) || 'cpu' in self.limits || 'memory' in self.limits || has(self.requests) && ('cpu' in self.requests || 'memory' in self.requests)",message="must name cpu or memory beside huge pages"
type ResourcesSpec struct {
	// requests are set aside for the container.
	// +optional
	// +kubebuilder:validation:MaxProperties=8
	// +kubebuilder:validation:XValidation:rule="self.all(k, type(self[k]) == int ? self[k] >= 0 : !self[k].startsWith('-'))",message="must not be negative"
	// +kubebuilder:validation:XValidation:rule="!('cpu' in self) || quantity(string(self['cpu'])).isGreaterThan(quantity('0'))",message="must have cpu above 0: the autoscaler measures CPU against it"
	// +kubebuilder:validation:XValidation:rule="self.all(k, k in ['cpu', 'memory', 'ephemeral-storage'] || k.matches('^(hugepages-[1-9][0-9]*([KMGTPE]i?)?|[a-z0-9]([-a-z0-9.]{0,230}[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)$'))",message="must be of cpu, memory, ephemeral-storage, huge pages such as hugepages-2Mi, or extended resources such as example.com/gpu"
	Requests corev1.ResourceList `json:"requests,omitempty"`
	// limits are the most that the container may use.
	// +optional
	// +kubebuilder:validation:MaxProperties=8
	// +kubebuilder:validation:XValidation:rule="self.all(k, type(self[k]) == int ? self[k] >= 0 : !self[k].startsWith('-'))",message="must not be negative"
	// +kubebuilder:validation:XValidation:rule="!('cpu' in self) || quantity(string(self['cpu'])).isGreaterThan(quantity('0'))",message="must have cpu above 0, or none for no limit"
	// +kubebuilder:validation:XValidation:rule="!('memory' in self) || quantity(string(self['memory'])).compareTo(quantity('16Mi')) >= 0",message="must have memory of at least 16Mi: a Go service cannot start with less"
	// +kubebuilder:validation:XValidation:rule="self.all(k, k in ['cpu', 'memory', 'ephemeral-storage'] || k.matches('^(hugepages-[1-9][0-9]*([KMGTPE]i?)?|[a-z0-9]([-a-z0-9.]{0,230}[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)$'))",message="must be of cpu, memory, ephemeral-storage, huge pages such as hugepages-2Mi, or extended resources such as example.com/gpu"
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('hugepages-') || quantity(string(self[k])).asInteger() % quantity(k.substring(10)).asInteger() == 0)",message="must have a multiple of the size of a page for huge pages"
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.contains('/') || quantity(string(self[k])).isInteger())",message="must have whole numbers of extended resources"
	Limits corev1.ResourceList `json:"limits,omitempty"`
}
