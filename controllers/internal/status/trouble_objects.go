// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
)

// waitsForVolumes names what the user has the pods mount. Whether it exists is not looked up: the operator has no right to
// read Secrets, and must not have it.
func (s Situation) waitsForVolumes() string {
	const message = "a pod waits for its volumes or its network"
	var mounted []string
	if d := s.Observed.Deployment; d != nil {
		for i := range d.Spec.Template.Spec.Volumes {
			mounted = append(mounted, needed(&d.Spec.Template.Spec.Volumes[i], build.LiveSettingsName(s.Service.Name))...)
		}
	}
	if len(mounted) == 0 {
		return message + "; kubectl describe pod shows why"
	}
	return fmt.Sprintf("%s; check that what it mounts exists, with all keys: %s", message, strings.Join(mounted, ", "))
}

// needed names the objects that a volume cannot be mounted without, but for the operator's own ConfigMap.
func needed(volume *corev1.Volume, own string) (names []string) {
	secret := func(name string, optional *bool) {
		if !isTrue(optional) {
			names = append(names, fmt.Sprintf("Secret %q", name))
		}
	}
	configMap := func(name string, optional *bool) {
		if !isTrue(optional) && name != own {
			names = append(names, fmt.Sprintf("ConfigMap %q", name))
		}
	}
	switch {
	case volume.Secret != nil:
		secret(volume.Secret.SecretName, volume.Secret.Optional)
	case volume.ConfigMap != nil:
		configMap(volume.ConfigMap.Name, volume.ConfigMap.Optional)
	case volume.PersistentVolumeClaim != nil:
		names = append(names, fmt.Sprintf("PersistentVolumeClaim %q", volume.PersistentVolumeClaim.ClaimName))
	case volume.Projected != nil:
		for _, source := range volume.Projected.Sources {
			if source.Secret != nil {
				secret(source.Secret.Name, source.Secret.Optional)
			}
			if source.ConfigMap != nil {
				configMap(source.ConfigMap.Name, source.ConfigMap.Optional)
			}
		}
	}
	return names
}

func isTrue(b *bool) bool { return b != nil && *b }

// missing matches what a kubelet says where a Secret or ConfigMap of an environment variable does not exist.
var missing = regexp.MustCompile(`(?i)^(secret|configmap) "([^"]+)" not found`)

func missingObject(kind, name string) (reason, message string) {
	isConfigMap := strings.EqualFold(kind, "configmap")
	reason, kind = v1alpha1.ReasonMissingSecret, "Secret"
	if isConfigMap {
		reason, kind = v1alpha1.ReasonMissingConfigMap, "ConfigMap"
	}
	return reason, fmt.Sprintf("%s %q, which the pods refer to, does not exist; the service starts without further action once it exists", kind, name)
}
