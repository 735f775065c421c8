// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package v1alpha1

import corev1 "k8s.io/api/core/v1"

// PodSecurityContext holds the security settings of all containers of a pod.
//
// +kubebuilder:validation:XValidation:rule="!has(self.runAsUser) || self.runAsUser != 0 || has(self.runAsNonRoot) && !self.runAsNonRoot",message="pod.securityContext must have runAsNonRoot: false where runAsUser is 0"
type PodSecurityContext struct {
	// runAsUser is the user's id, 0 to 2147483647. Default: 65532, or what the platform assigns to the namespace.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	RunAsUser *int64 `json:"runAsUser,omitempty"`
	// runAsGroup is the group's id, 0 to 2147483647. Default: as runAsUser.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	RunAsGroup *int64 `json:"runAsGroup,omitempty"`
	// runAsNonRoot refuses to start containers as root. Default: true.
	// +optional
	RunAsNonRoot *bool `json:"runAsNonRoot,omitempty"`
	// fsGroup is the group that owns volumes, 0 to 2147483647.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	FSGroup *int64 `json:"fsGroup,omitempty"`
	// fsGroupChangePolicy is OnRootMismatch or Always. Default: Always.
	// +optional
	// +kubebuilder:validation:Enum=OnRootMismatch;Always
	FSGroupChangePolicy *corev1.PodFSGroupChangePolicy `json:"fsGroupChangePolicy,omitempty"`
	// supplementalGroups are further groups of the processes.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:Minimum=0
	// +kubebuilder:validation:items:Maximum=2147483647
	SupplementalGroups []int64 `json:"supplementalGroups,omitempty"`
	// seccompProfile limits system calls. Default: RuntimeDefault.
	// +optional
	SeccompProfile *SeccompProfile `json:"seccompProfile,omitempty"`
}

// SecurityContext holds the security settings of a container.
//
// +kubebuilder:validation:XValidation:rule="!has(self.runAsUser) || self.runAsUser != 0 || has(self.runAsNonRoot) && !self.runAsNonRoot",message="must have runAsNonRoot: false where runAsUser is 0"
// +kubebuilder:validation:XValidation:rule="has(self.allowPrivilegeEscalation) && self.allowPrivilegeEscalation || !has(self.capabilities) || !has(self.capabilities.add) || !self.capabilities.add.exists(c, c in ['SYS_ADMIN', 'CAP_SYS_ADMIN'])",message="must have allowPrivilegeEscalation: true where capabilities.add has SYS_ADMIN"
type SecurityContext struct {
	// runAsUser is the user's id, 0 to 2147483647. Default: that of the pod.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	RunAsUser *int64 `json:"runAsUser,omitempty"`
	// runAsGroup is the group's id, 0 to 2147483647. Default: that of the pod.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	RunAsGroup *int64 `json:"runAsGroup,omitempty"`
	// runAsNonRoot refuses to start the container as root. Default: that of the pod.
	// +optional
	RunAsNonRoot *bool `json:"runAsNonRoot,omitempty"`
	// readOnlyRootFilesystem keeps the container from writing anywhere but to its volumes. Default: true for the bundled image, and with
	// pod.writableTmp; otherwise false.
	// +optional
	ReadOnlyRootFilesystem *bool `json:"readOnlyRootFilesystem,omitempty"`
	// allowPrivilegeEscalation lets processes get more privileges than their parents have. Default: false.
	// +optional
	AllowPrivilegeEscalation *bool `json:"allowPrivilegeEscalation,omitempty"`
	// capabilities that are added and dropped.
	// +optional
	Capabilities *Capabilities `json:"capabilities,omitempty"`
	// seccompProfile limits system calls. Default: that of the pod.
	// +optional
	SeccompProfile *SeccompProfile `json:"seccompProfile,omitempty"`
}

// Capability is the name of a Linux capability.
//
// +kubebuilder:validation:MaxLength=64
type Capability string

// Capabilities are added to and dropped from those that the container runtime grants.
type Capabilities struct {
	// add lists capabilities that the container gets, such as NET_BIND_SERVICE.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Add []Capability `json:"add,omitempty"`
	// drop lists capabilities that it loses. Default: ALL.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Drop []Capability `json:"drop,omitempty"`
}

// SeccompProfile limits system calls.
//
// +kubebuilder:validation:XValidation:rule="(self.type == 'Localhost') == has(self.localhostProfile)",message="must have localhostProfile with the type Localhost, and not otherwise"
type SeccompProfile struct {
	// type is RuntimeDefault, Localhost or Unconfined.
	// +required
	// +kubebuilder:validation:Enum=RuntimeDefault;Localhost;Unconfined
	Type corev1.SeccompProfileType `json:"type"`
	// localhostProfile is a file below the kubelet's directory of profiles.
	// +optional
	LocalhostProfile *RelativePath `json:"localhostProfile,omitempty"`
}

// DNSConfig adds to what dnsPolicy gives.
type DNSConfig struct {
	// nameservers are at most 3 addresses.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=3
	Nameservers []IPAddress `json:"nameservers,omitempty"`
	// searches are domains that short names are looked up in.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:XValidation:rule="self.map(s, s.size() + 1).sum() <= 2048",message="pod.dnsConfig.searches must not have more than 2048 characters in all"
	Searches []ObjectName `json:"searches,omitempty"`
	// options of the resolver, such as ndots.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Options []DNSOption `json:"options,omitempty"`
}

// DNSOption is an option of the resolver.
type DNSOption struct {
	// name of the option.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// value of the option.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Value *string `json:"value,omitempty"`
}

// IPAddress is an IPv4 or IPv6 address.
//
// +kubebuilder:validation:MaxLength=64
// +kubebuilder:validation:XValidation:rule="isIP(self)",message="must be an IP address"
type IPAddress string

// HostAlias adds names to the containers' hosts file.
type HostAlias struct {
	// ip is the address.
	// +required
	IP IPAddress `json:"ip"`
	// hostnames are names of the address.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Hostnames []ObjectName `json:"hostnames"`
}
