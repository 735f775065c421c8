// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"fmt"
	"slices"

	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"goservice.dev/operator/api/v1alpha1"
)

const (
	liveSettingsVolume = "live-settings"
	temporaryVolume    = "tmp"
	tlsVolume          = "tls"
	clientCAVolume     = "client-ca"

	temporaryDirectory = "/tmp"
	clientCAKey        = "ca.crt"
)

// writableTmp says whether a writable /tmp is mounted, an emptyDir: plain kubectl drain refuses to evict its pod.
func writableTmp(settings v1alpha1.PodSpec) bool {
	return settings.WritableTmp != nil && *settings.WritableTmp
}

// mountsTmp says whether the operator mounts it: the user may have another volume there.
func mountsTmp(in input) bool {
	return writableTmp(in.podSettings()) && !slices.ContainsFunc(in.service.Spec.VolumeMounts, func(m v1alpha1.VolumeMount) bool {
		return m.MountPath == temporaryDirectory
	})
}

// volumes holds the live settings – as a directory, because single files of a ConfigMap are never refreshed – the TLS
// material, a writable /tmp beside a read-only root, and the user's own.
func volumes(in input) ([]*corev1ac.VolumeApplyConfiguration, error) {
	var result []*corev1ac.VolumeApplyConfiguration
	if in.plan.OnToolkit {
		result = append(result, corev1ac.Volume().WithName(liveSettingsVolume).WithConfigMap(corev1ac.ConfigMapVolumeSource().
			WithName(LiveSettingsName(in.service.Name))))
	}
	if mountsTmp(in) {
		result = append(result, corev1ac.Volume().WithName(temporaryVolume).WithEmptyDir(corev1ac.EmptyDirVolumeSource()))
	}
	if tls := in.service.Spec.TLS; tls != nil {
		result = append(result, corev1ac.Volume().WithName(tlsVolume).
			WithSecret(corev1ac.SecretVolumeSource().WithSecretName(string(tls.SecretName))))
		if tls.ClientCASecretName != "" {
			result = append(result, corev1ac.Volume().WithName(clientCAVolume).
				WithSecret(corev1ac.SecretVolumeSource().
					WithSecretName(string(tls.ClientCASecretName)).
					WithItems(corev1ac.KeyToPath().WithKey(clientCAKey).WithPath(clientCAKey))))
		}
	}
	if SharesQueue(&in.service.Spec) {
		result = append(result, peersKeys(in))
	}
	if in.plan.OnToolkit {
		for _, one := range upstreamSecrets(&in.service.Spec) {
			result = append(result, corev1ac.Volume().WithName(one.volume).WithSecret(corev1ac.SecretVolumeSource().WithSecretName(one.secret)))
		}
	}
	for i := range in.service.Spec.Volumes {
		volume := corev1ac.Volume()
		if err := strictly(&in.service.Spec.Volumes[i], volume); err != nil {
			return nil, fmt.Errorf("volumes[%d]: %w", i, err)
		}
		result = append(result, volume)
	}
	return result, nil
}

func volumeMounts(in input) []*corev1ac.VolumeMountApplyConfiguration {
	mount := func(name, path string, readOnly bool) *corev1ac.VolumeMountApplyConfiguration {
		m := corev1ac.VolumeMount().WithName(name).WithMountPath(path)
		if readOnly {
			m.WithReadOnly(true)
		}
		return m
	}
	var result []*corev1ac.VolumeMountApplyConfiguration
	if in.plan.OnToolkit {
		result = append(result, mount(liveSettingsVolume, liveSettingsDirectory, true))
	}
	if mountsTmp(in) {
		result = append(result, mount(temporaryVolume, temporaryDirectory, false))
	}
	if tls := in.service.Spec.TLS; tls != nil {
		result = append(result, mount(tlsVolume, tlsDirectory, true))
		if tls.ClientCASecretName != "" {
			result = append(result, mount(clientCAVolume, clientCADirectory, true))
		}
	}
	if SharesQueue(&in.service.Spec) {
		result = append(result, mount(peersVolume, peersDirectory, true))
	}
	if in.plan.OnToolkit {
		for _, one := range upstreamSecrets(&in.service.Spec) {
			result = append(result, one.mount())
		}
	}
	return append(result, mounts(in.service.Spec.VolumeMounts)...)
}

func mounts(users []v1alpha1.VolumeMount) []*corev1ac.VolumeMountApplyConfiguration {
	var result []*corev1ac.VolumeMountApplyConfiguration
	for i := range users {
		result = append(result, converted(&users[i], corev1ac.VolumeMount()))
	}
	return result
}
