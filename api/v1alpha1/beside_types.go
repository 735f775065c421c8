// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// ImageReference names a container image.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule="self.matches('^((\\\\[[0-9a-fA-F:]+\\\\]|[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?([.][a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?)*)(:[0-9]{1,5})?/)?[a-z0-9]+(([.]|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+(([.]|_|__|-+)[a-z0-9]+)*)*(:[a-zA-Z0-9_][-a-zA-Z0-9_.]{0,127})?(@(sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128}))?$') && !self.matches('^[a-f0-9]{64}$')",message="must be an image reference such as registry.example/team/checkout:v1: lower-case repository, optional tag, optional sha256 or sha512 digest"
type ImageReference string

// Container is a container beside the service's own.
type Container struct {
	// name of the container.
	// +required
	Name DNSLabel `json:"name"`
	// image of the container.
	// +required
	Image ImageReference `json:"image"`
	// imagePullPolicy is Always, IfNotPresent or Never.
	// +optional
	// +kubebuilder:validation:Enum=Always;IfNotPresent;Never
	ImagePullPolicy corev1.PullPolicy `json:"imagePullPolicy,omitempty"`
	// restartPolicy is Always for a container that keeps running beside the service: a sidecar.
	// +optional
	// +kubebuilder:validation:Enum=Always
	RestartPolicy *corev1.ContainerRestartPolicy `json:"restartPolicy,omitempty"`
	// command replaces the image's entry point.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=32768
	Command []string `json:"command,omitempty"`
	// args are passed to the command.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MaxLength=32768
	Args []string `json:"args,omitempty"`
	// workingDir of the command.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	WorkingDir string `json:"workingDir,omitempty"`
	// env lists environment variables.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Env []EnvVar `json:"env,omitempty"`
	// envFrom takes environment variables from ConfigMaps and Secrets.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	EnvFrom []EnvFromSource `json:"envFrom,omitempty"`
	// ports that the container listens on.
	// +optional
	// +listType=map
	// +listMapKey=containerPort
	// +listMapKey=protocol
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:XValidation:rule="self.all(p, !has(p.name) || self.exists_one(q, has(q.name) && q.name == p.name))",message="must not name two ports the same"
	Ports []ContainerPort `json:"ports,omitempty"`
	// volumeMounts mount volumes of spec.volumes.
	// +optional
	// +listType=map
	// +listMapKey=mountPath
	// +kubebuilder:validation:MaxItems=32
	VolumeMounts []VolumeMount `json:"volumeMounts,omitempty"`
	// resources of the container. Default: none.
	// +optional
	Resources *ContainerResources `json:"resources,omitempty"`
	// securityContext of the container. Default: what the Pod Security level restricted demands.
	// +optional
	SecurityContext *SecurityContext `json:"securityContext,omitempty"`
	// startupProbe tells when a sidecar has started; what comes after it waits for that. Probes of sidecars have Kubernetes' form, and are
	// checked by a dry run before anything is written, as pod.overlay.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	StartupProbe *runtime.RawExtension `json:"startupProbe,omitempty"`
	// livenessProbe of a sidecar restarts it.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	LivenessProbe *runtime.RawExtension `json:"livenessProbe,omitempty"`
	// readinessProbe of a sidecar counts for the pod.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	ReadinessProbe *runtime.RawExtension `json:"readinessProbe,omitempty"`
}

// ContainerPort is a port that a container listens on.
type ContainerPort struct {
	// name of the port.
	// +optional
	Name PortName `json:"name,omitempty"`
	// containerPort is the number, 1 to 65535.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	ContainerPort int32 `json:"containerPort"`
	// protocol is TCP, UDP or SCTP.
	// +optional
	// +kubebuilder:default=TCP
	// +kubebuilder:validation:Enum=TCP;UDP;SCTP
	Protocol corev1.Protocol `json:"protocol,omitempty"`
}

// ContainerResources is what a container beside the service's own may use. Amounts are checked by a dry run before anything is
// written: rules on them would cost the API server too much.
type ContainerResources struct {
	// requests are set aside for the container.
	// +optional
	// +kubebuilder:validation:MaxProperties=3
	// +kubebuilder:validation:XValidation:rule="self.all(k, k in ['cpu', 'memory', 'ephemeral-storage'])",message="must be of cpu, memory and ephemeral-storage; others can be set in pod.overlay"
	Requests corev1.ResourceList `json:"requests,omitempty"`
	// limits are the most that it may use.
	// +optional
	// +kubebuilder:validation:MaxProperties=3
	// +kubebuilder:validation:XValidation:rule="self.all(k, k in ['cpu', 'memory', 'ephemeral-storage'])",message="must be of cpu, memory and ephemeral-storage; others can be set in pod.overlay"
	Limits corev1.ResourceList `json:"limits,omitempty"`
}
