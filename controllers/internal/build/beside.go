// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"goservice.dev/operator/api/v1alpha1"
)

// containersBeside are the user's init containers, and among them the sidecars, which go on: to Kubernetes, they are one list.
func containersBeside(spec *v1alpha1.GoServiceSpec) ([]*corev1ac.ContainerApplyConfiguration, error) {
	var result []*corev1ac.ContainerApplyConfiguration
	for i := range spec.InitContainers {
		container, err := containerBeside(&spec.InitContainers[i])
		if err != nil {
			return nil, fmt.Errorf("initContainers[%d]: %w", i, err)
		}
		result = append(result, container)
	}
	return result, nil
}

func containerBeside(users *v1alpha1.Container) (*corev1ac.ContainerApplyConfiguration, error) {
	container := corev1ac.Container()
	if err := strictly(users, container); err != nil {
		return nil, err
	}
	for i := range container.Ports {
		container.Ports[i].WithProtocol(valueOr(container.Ports[i].Protocol, corev1.ProtocolTCP))
	}
	return container.
		WithTerminationMessagePolicy(corev1.TerminationMessageFallbackToLogsOnError).
		WithSecurityContext(containerSecurity(users.SecurityContext)), nil
}
