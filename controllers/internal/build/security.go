// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"goservice.dev/operator/api/v1alpha1"
)

// nonRootID is the user and group of every container, for images that name no user. Files of ConfigMaps and Secrets are
// readable and /tmp is writable for everybody, so there is no need for an fsGroup.
const nonRootID = 65532

// podSecurity is the user's, and otherwise what the Pod Security level restricted demands. Where the platform assigns users to
// namespaces, no other is accepted.
func podSecurity(in input) *corev1ac.PodSecurityContextApplyConfiguration {
	result := corev1ac.PodSecurityContext()
	if users := in.podSettings().SecurityContext; users != nil {
		converted(users, result)
	}
	if result.RunAsNonRoot == nil {
		result.WithRunAsNonRoot(true)
	}
	if result.RunAsUser == nil && !in.environment.AssignedUsers {
		result.WithRunAsUser(nonRootID)
		if result.RunAsGroup == nil {
			result.WithRunAsGroup(nonRootID)
		}
	}
	if result.SeccompProfile == nil {
		result.WithSeccompProfile(corev1ac.SeccompProfile().WithType(corev1.SeccompProfileTypeRuntimeDefault))
	}
	return result
}

// containerSecurity is the user's, and otherwise what the Pod Security level restricted demands.
func containerSecurity(users *v1alpha1.SecurityContext) *corev1ac.SecurityContextApplyConfiguration {
	result := corev1ac.SecurityContext()
	if users != nil {
		converted(users, result)
	}
	if result.AllowPrivilegeEscalation == nil {
		result.WithAllowPrivilegeEscalation(false)
	}
	if result.Capabilities == nil {
		result.WithCapabilities(corev1ac.Capabilities())
	}
	if len(result.Capabilities.Drop) == 0 {
		result.Capabilities.WithDrop("ALL")
	}
	return result
}
