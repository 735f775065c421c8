// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"goservice.dev/operator/api/v1alpha1"
)

// containersBeside are the user's init containers, and among them the sidecars, which go on: to Kubernetes, they are one list.
func containersBeside(spec *v1alpha1.GoServiceSpec) []*corev1ac.ContainerApplyConfiguration {
	var result []*corev1ac.ContainerApplyConfiguration
	for i := range spec.InitContainers {
		result = append(result, containerBeside(&spec.InitContainers[i]))
	}
	return result
}

func containerBeside(users *v1alpha1.Container) *corev1ac.ContainerApplyConfiguration {
	container := converted(users, corev1ac.Container())
	for i := range container.Ports {
		container.Ports[i].WithProtocol(valueOr(container.Ports[i].Protocol, corev1.ProtocolTCP))
	}
	return container.
		WithTerminationMessagePolicy(corev1.TerminationMessageFallbackToLogsOnError).
		WithSecurityContext(containerSecurity(users.SecurityContext))
}
