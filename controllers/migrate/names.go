// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// keyedByContainer are annotations of pods whose keys end with the name of a container, and namingContainer those whose values are one.
var (
	keyedByContainer = []string{"container.apparmor.security.beta.kubernetes.io/", "container.seccomp.security.alpha.kubernetes.io/"}
	namingContainer  = []string{"kubectl.kubernetes.io/default-container", "kubectl.kubernetes.io/default-logs-container"}
)

// renameContainers follows the names of containers in what refers to them.
func (c *conversion) renameContainers(renamed map[string]string) {
	follow := func(ref *corev1.ResourceFieldSelector) {
		if ref != nil && renamed[ref.ContainerName] != "" {
			ref.ContainerName = renamed[ref.ContainerName]
		}
	}
	pod := &c.template.Spec
	for _, containers := range [][]corev1.Container{pod.Containers, pod.InitContainers} {
		for i := range containers {
			for j := range containers[i].Env {
				if from := containers[i].Env[j].ValueFrom; from != nil {
					follow(from.ResourceFieldRef)
				}
			}
		}
	}
	files := func(items []corev1.DownwardAPIVolumeFile) {
		for i := range items {
			follow(items[i].ResourceFieldRef)
		}
	}
	for i := range pod.Volumes {
		if volume := pod.Volumes[i].DownwardAPI; volume != nil {
			files(volume.Items)
		}
		if volume := pod.Volumes[i].Projected; volume != nil {
			for j := range volume.Sources {
				if source := volume.Sources[j].DownwardAPI; source != nil {
					files(source.Items)
				}
			}
		}
	}
	annotations := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(c.template.Annotations)) {
		value := c.template.Annotations[key]
		for _, prefix := range keyedByContainer {
			if name, is := strings.CutPrefix(key, prefix); is && renamed[name] != "" {
				key = prefix + renamed[name]
				break
			}
		}
		if slices.Contains(namingContainer, key) && renamed[value] != "" {
			value = renamed[value]
		}
		annotations[key] = value
	}
	if len(annotations) > 0 {
		c.template.Annotations = annotations
	}
}

// unused is a name that no element of a list has: the wanted one, or that with a number.
func unused[T any](wanted string, list []T, nameOf func(T) string) string {
	name := wanted
	for number := 2; slices.ContainsFunc(list, func(element T) bool { return nameOf(element) == name }); number++ {
		name = fmt.Sprintf("%s-%d", wanted, number)
	}
	return name
}
