// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"
)

// DNSLabel is a name of at most 63 characters.
//
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:XValidation:rule="!format.dns1123Label().validate(self).hasValue()",message="must be at most 63 lower-case letters, digits and '-', with a letter or digit at both ends"
type DNSLabel string

// RelativePath is a path below a volume.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule="!self.matches('^(/|[.][.])|/[.][.](/|$)')",message="must be a relative path without '..'"
type RelativePath string

// AbsolutePath is a path in a container.
//
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule="self.matches('^(/[^/:]+)+$') && !self.matches('/[.][.]?(/|$)')",message="must be an absolute path such as /data/cache: without ':', '.', '..', and '/' at the end"
type AbsolutePath string

// VolumeMount mounts a volume into a container.
//
// +kubebuilder:validation:XValidation:rule="!has(self.subPath) || !has(self.subPathExpr)",message="must not have both subPath and subPathExpr: remove one"
type VolumeMount struct {
	// name of the volume.
	// +required
	Name DNSLabel `json:"name"`
	// mountPath is where the container finds it.
	// +required
	// +kubebuilder:validation:XValidation:rule="!(self + '/').startsWith('/etc/goservice/')",message="must not be below /etc/goservice: live settings and certificates are there"
	MountPath AbsolutePath `json:"mountPath"`
	// subPath is the file or directory of the volume that is mounted. Files of ConfigMaps and Secrets that are mounted by subPath
	// are never refreshed. Default: all of it.
	// +optional
	SubPath RelativePath `json:"subPath,omitempty"`
	// subPathExpr is the same with $(NAME) for the container's environment variables.
	// +optional
	SubPathExpr RelativePath `json:"subPathExpr,omitempty"`
	// readOnly mounts it so that it cannot be written.
	// +optional
	ReadOnly bool `json:"readOnly,omitempty"`
}

// Volume is something that containers can mount.
//
// +kubebuilder:validation:XValidation:rule="[has(self.configMap), has(self.secret), has(self.emptyDir), has(self.persistentVolumeClaim), has(self.projected), has(self.downwardAPI), has(self.ephemeral), has(self.csi), has(self.nfs), has(self.hostPath), has(self.iscsi), has(self.fc), has(self.image)].filter(x, x).size() == 1",message="volumes[] must have exactly one of configMap, secret, emptyDir, persistentVolumeClaim, projected, downwardAPI, ephemeral, csi, nfs, hostPath, iscsi, fc and image; others can be set in pod.overlay"
type Volume struct {
	// name of the volume, by which containers mount it.
	// +required
	// +kubebuilder:validation:XValidation:rule="!self.matches('^(live-settings|tmp|tls|client-ca|goservice-peers|upstream-.*-(tls|headers))$')",message="volumes[].name must not be live-settings, tmp, tls, client-ca, goservice-peers, upstream-…-tls or upstream-…-headers: those are the operator's"
	Name DNSLabel `json:"name"`
	// configMap has the keys of a ConfigMap as files.
	// +optional
	ConfigMap *ConfigMapVolume `json:"configMap,omitempty"`
	// secret has the keys of a Secret as files.
	// +optional
	Secret *SecretVolume `json:"secret,omitempty"`
	// emptyDir is empty when the pod starts and gone when it ends. kubectl drain refuses to remove such pods without
	// --delete-emptydir-data.
	// +optional
	EmptyDir *EmptyDirVolume `json:"emptyDir,omitempty"`
	// persistentVolumeClaim is an existing claim, which all pods share.
	// +optional
	PersistentVolumeClaim *ClaimVolume `json:"persistentVolumeClaim,omitempty"`
	// projected has several sources in one directory. It, ephemeral, csi, nfs, hostPath, iscsi, fc and image have Kubernetes' form, and are
	// checked by a dry run before anything is written, as pod.overlay.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	Projected *runtime.RawExtension `json:"projected,omitempty"`
	// downwardAPI has fields of the pod as files.
	// +optional
	DownwardAPI *DownwardAPIVolume `json:"downwardAPI,omitempty"`
	// ephemeral is a claim of each pod's own.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	Ephemeral *runtime.RawExtension `json:"ephemeral,omitempty"`
	// csi is provided by a driver on the node.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	CSI *runtime.RawExtension `json:"csi,omitempty"`
	// nfs is a directory of an NFS server.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	NFS *runtime.RawExtension `json:"nfs,omitempty"`
	// hostPath is a file or directory of the node.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	HostPath *runtime.RawExtension `json:"hostPath,omitempty"`
	// iscsi is an iSCSI disk.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	ISCSI *runtime.RawExtension `json:"iscsi,omitempty"`
	// fc is a Fibre Channel disk.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	FC *runtime.RawExtension `json:"fc,omitempty"`
	// image has the files of an OCI image.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	Image *runtime.RawExtension `json:"image,omitempty"`
}

// KeyToPath puts the value of a key into a file.
type KeyToPath struct {
	// key of the ConfigMap or Secret.
	// +required
	Key DataKey `json:"key"`
	// path of the file.
	// +required
	Path RelativePath `json:"path"`
	// mode of the file, 0 to 511 (0777). Default: that of the volume.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=511
	Mode *int32 `json:"mode,omitempty"`
}

// ConfigMapVolume has the keys of a ConfigMap as files.
type ConfigMapVolume struct {
	// name of the ConfigMap.
	// +required
	Name ObjectName `json:"name"`
	// items are the keys that become files. Default: all of them.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Items []KeyToPath `json:"items,omitempty"`
	// defaultMode of the files, 0 to 511 (0777). Default: 420 (0644).
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=511
	DefaultMode *int32 `json:"defaultMode,omitempty"`
	// optional lets the pods start without it.
	// +optional
	Optional *bool `json:"optional,omitempty"`
}

// SecretVolume has the keys of a Secret as files.
type SecretVolume struct {
	// secretName is the name of the Secret.
	// +required
	SecretName ObjectName `json:"secretName"`
	// items are the keys that become files. Default: all of them.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Items []KeyToPath `json:"items,omitempty"`
	// defaultMode of the files, 0 to 511 (0777). Default: 420 (0644).
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=511
	DefaultMode *int32 `json:"defaultMode,omitempty"`
	// optional lets the pods start without it.
	// +optional
	Optional *bool `json:"optional,omitempty"`
}

// EmptyDirVolume is empty when the pod starts and gone when it ends.
type EmptyDirVolume struct {
	// medium is empty for the node's disk, or Memory.
	// +optional
	// +kubebuilder:validation:Enum="";Memory
	Medium corev1.StorageMedium `json:"medium,omitempty"`
	// sizeLimit is how large it may become. Default: as large as the medium allows.
	// +optional
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 0 : !self.startsWith('-')",message="volumes[].emptyDir.sizeLimit must not be negative"
	SizeLimit *resource.Quantity `json:"sizeLimit,omitempty"`
}

// ClaimVolume is an existing PersistentVolumeClaim.
type ClaimVolume struct {
	// claimName is the name of the claim.
	// +required
	ClaimName ObjectName `json:"claimName"`
	// readOnly mounts it so that it cannot be written.
	// +optional
	ReadOnly bool `json:"readOnly,omitempty"`
}

// DownwardAPIVolume has fields of the pod as files.
type DownwardAPIVolume struct {
	// items are the files.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Items []FieldFile `json:"items"`
	// defaultMode of the files, 0 to 511 (0777). Default: 420 (0644).
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=511
	DefaultMode *int32 `json:"defaultMode,omitempty"`
}

// FieldFile is a file with a field of the pod.
type FieldFile struct {
	// path of the file.
	// +required
	Path RelativePath `json:"path"`
	// fieldRef is the field.
	// +required
	FieldRef FileField `json:"fieldRef"`
	// mode of the file, 0 to 511 (0777). Default: that of the volume.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=511
	Mode *int32 `json:"mode,omitempty"`
}

// FileField selects a field of the pod that can be a file.
type FileField struct {
	// apiVersion of the field's path. Default: v1.
	// +optional
	// +kubebuilder:validation:Enum=v1
	APIVersion string `json:"apiVersion,omitempty"`
	// fieldPath is metadata.name, metadata.namespace, metadata.uid, metadata.labels, metadata.annotations,
	// metadata.labels['KEY'] or metadata.annotations['KEY'].
	// +required
	// +kubebuilder:validation:MaxLength=360
	// +kubebuilder:validation:XValidation:rule="self in ['metadata.name', 'metadata.namespace', 'metadata.uid', 'metadata.labels', 'metadata.annotations'] || self.matches('^metadata[.](labels|annotations)\\\\[\\'([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?\\'\\\\]$')",message="must be metadata.name, metadata.namespace, metadata.uid, metadata.labels, metadata.annotations, metadata.labels['KEY'] or metadata.annotations['KEY']"
	FieldPath string `json:"fieldPath"`
}
