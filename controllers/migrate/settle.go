// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"goservice.dev/operator/controllers/internal/build"
)

// settle takes into the wanted template what the operator decides: what it computes, and what is better than before or makes no
// difference. docs/migrate.md says so of each.
func (c *conversion) settle(built *corev1.PodTemplateSpec) {
	wanted := &c.template
	wanted.Labels = merged(wanted.Labels, built.Labels)
	wanted.Annotations = merged(wanted.Annotations, built.Annotations)
	pod := &wanted.Spec
	pod.TerminationGracePeriodSeconds = built.Spec.TerminationGracePeriodSeconds
	pod.NodeSelector = merged(built.Spec.NodeSelector, pod.NodeSelector)
	if len(pod.TopologySpreadConstraints) == 0 { // spread over nodes and zones, where possible
		pod.TopologySpreadConstraints, pod.Affinity = built.Spec.TopologySpreadConstraints, built.Spec.Affinity
	}
	for i := range pod.InitContainers {
		settleMessages(&pod.InitContainers[i], built.Spec.InitContainers)
	}
	main, other := c.main(), &built.Spec.Containers[0]
	settleMessages(main, built.Spec.Containers)
	main.Resources = other.Resources
	main.Lifecycle = withPreStop(main.Lifecycle, other.Lifecycle)
	main.Env = append(operatorsVariables(other.Env), main.Env...)
	c.settleToolkit(built)
}

// settleToolkit takes what an image that is built on the toolkit gets.
func (c *conversion) settleToolkit(built *corev1.PodTemplateSpec) {
	main, other, pod := c.main(), &built.Spec.Containers[0], &c.template.Spec
	for _, volume := range built.Spec.Volumes {
		if slices.Contains(reservedVolumes, volume.Name) {
			pod.Volumes = append(pod.Volumes, volume)
		}
	}
	for _, mount := range other.VolumeMounts {
		if slices.Contains(reservedVolumes, mount.Name) {
			main.VolumeMounts = append(main.VolumeMounts, mount)
		}
	}
	main.Ports = slices.DeleteFunc(main.Ports, func(p corev1.ContainerPort) bool { return p.Name == build.PortNameAdmin })
	for _, port := range other.Ports {
		if port.Name == build.PortNameAdmin {
			main.Ports = append(main.Ports, port)
		}
	}
}

// settleMessages takes the last lines of a container's log as its message when it has written none.
func settleMessages(container *corev1.Container, built []corev1.Container) {
	found := slices.IndexFunc(built, func(b corev1.Container) bool { return b.Name == container.Name })
	if found >= 0 && (container.TerminationMessagePolicy == "" || container.TerminationMessagePolicy == corev1.TerminationMessageReadFile) {
		container.TerminationMessagePolicy = built[found].TerminationMessagePolicy
	}
}

func withPreStop(lifecycle, built *corev1.Lifecycle) *corev1.Lifecycle {
	if lifecycle == nil {
		return built
	}
	result := lifecycle.DeepCopy()
	result.PreStop = nil
	if built != nil {
		result.PreStop = built.PreStop
	}
	return result
}

// reservedVariable says whether only the operator sets a variable.
func reservedVariable(name string) bool {
	return name == "PORT" || name == "GOMEMLIMIT" || strings.HasPrefix(name, "GOSERVICE_")
}

func operatorsVariables(built []corev1.EnvVar) []corev1.EnvVar {
	return slices.DeleteFunc(slices.Clone(built), func(v corev1.EnvVar) bool { return !reservedVariable(v.Name) })
}

// merged is a new map with the entries of both; the second wins.
func merged(one, other map[string]string) map[string]string {
	result := maps.Clone(one)
	if result == nil {
		result = map[string]string{}
	}
	maps.Copy(result, other)
	return result
}
