// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"maps"

	"k8s.io/apimachinery/pkg/labels"
)

const (
	// LabelManagedBy and ManagedBy mark everything that the operator made; its caches hold nothing else.
	LabelManagedBy = "app.kubernetes.io/managed-by"
	ManagedBy      = "goservice-operator"

	labelName      = "app.kubernetes.io/name"
	labelInstance  = "app.kubernetes.io/instance"
	labelComponent = "app.kubernetes.io/component"

	componentService = "service"
	componentMetrics = "metrics"

	// AnnotationLiveSettings on a pod makes its kubelet refresh the mounted live settings at once.
	AnnotationLiveSettings = "goservice.dev/live-settings-revision"
	// AnnotationStartedFrom on a Deployment is the spec.replicas that its count started from, where something else has taken
	// the count over since.
	AnnotationStartedFrom = "goservice.dev/started-from"
)

// selectorLabels select the pods of a service. They never change: a Deployment's selector is immutable.
func selectorLabels(service string) map[string]string {
	return map[string]string{labelName: service, LabelManagedBy: ManagedBy}
}

// PodSelector selects the pods of a service.
func PodSelector(service string) labels.Selector {
	return labels.SelectorFromSet(selectorLabels(service))
}

// ServiceOfPod is the name of the service that a pod with these labels belongs to, empty for other pods.
func ServiceOfPod(podLabels map[string]string) string {
	if podLabels[LabelManagedBy] != ManagedBy {
		return ""
	}
	return podLabels[labelName]
}

// objectLabels stand on every child.
func objectLabels(service, component string) map[string]string {
	return merged(selectorLabels(service), map[string]string{labelInstance: service, labelComponent: component})
}

// merged is a new map with the entries of all; later ones win.
func merged(all ...map[string]string) map[string]string {
	result := map[string]string{}
	for _, one := range all {
		maps.Copy(result, one)
	}
	return result
}
