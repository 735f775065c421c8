// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"goservice.dev/operator/api/v1alpha1"
)

// beside carries over init containers and sidecars.
func (c *conversion) beside() {
	for i := range c.template.Spec.InitContainers {
		container := &c.template.Spec.InitContainers[i]
		c.deduplicate(container, "spec."+c.kindOf(container.Name)+"["+container.Name+"]")
	}
	for i := range min(len(c.template.Spec.InitContainers), maxInitContainers) {
		container := &c.template.Spec.InitContainers[i]
		// What the type does not have becomes part of the overlay. Lists whose elements have rules of their own are left to them.
		reduced := container.DeepCopy()
		reduced.Env, reduced.EnvFrom, reduced.VolumeMounts, reduced.SecurityContext, reduced.Resources = nil, nil, nil, nil, corev1.ResourceRequirements{}
		converted, _ := fitting[v1alpha1.Container](reduced)
		converted.Env, converted.EnvFrom, converted.VolumeMounts = variablesOf(container), variableSourcesOf(container), c.mountsOf(container)
		converted.SecurityContext, _ = securityOf(container.SecurityContext)
		converted.Resources = resourcesBeside(container.Resources)
		c.spec().InitContainers = append(c.spec().InitContainers, converted)
	}
}

// kindOf a container is the list of the Deployment that it stands in.
func (c *conversion) kindOf(name string) string {
	if slices.ContainsFunc(c.from.deployment.Spec.Template.Spec.InitContainers, func(o corev1.Container) bool { return o.Name == name }) {
		return "initContainers"
	}
	return "containers"
}

// resourcesBeside are those of a container beside the service, if they are of the common kinds.
func resourcesBeside(resources corev1.ResourceRequirements) *v1alpha1.ContainerResources {
	if len(resources.Claims) > 0 || len(resources.Requests)+len(resources.Limits) == 0 {
		return nil
	}
	for _, list := range []corev1.ResourceList{resources.Requests, resources.Limits} {
		for name := range list {
			switch name {
			case corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage:
			default:
				return nil
			}
		}
	}
	return &v1alpha1.ContainerResources{Requests: resources.Requests, Limits: resources.Limits}
}
