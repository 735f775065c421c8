// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"maps"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"

	"goservice.dev/operator/api/v1alpha1"
)

const (
	// LabelManagedBy and ManagedBy mark everything that the operator made; its caches hold nothing else.
	LabelManagedBy = "app.kubernetes.io/managed-by"
	ManagedBy      = "goservice-operator"
	// ManagedPods marks pods that a selector of the user's selects, in the place of ManagedBy.
	ManagedPods = "goservice-operator-pods"

	labelName      = "app.kubernetes.io/name"
	labelInstance  = "app.kubernetes.io/instance"
	labelComponent = "app.kubernetes.io/component"
	// labelService names the service of pods with ManagedPods.
	labelService = "goservice.dev/name"

	componentService = "service"
	componentMetrics = "metrics"

	// AnnotationLiveSettings on a pod makes its kubelet refresh the mounted live settings at once.
	AnnotationLiveSettings = "goservice.dev/live-settings-revision"
	// AnnotationStartedFrom on a Deployment is the spec.replicas that its count started from, where something else has taken
	// the count over since.
	AnnotationStartedFrom = "goservice.dev/started-from"
	// AnnotationContainer on a pod names the service's container where its name is not the usual one.
	AnnotationContainer = "goservice.dev/container"
	// AnnotationAdopt on an object that is not the operator's hands it over to the GoService that it names.
	AnnotationAdopt = "goservice.dev/adopt"
	// AnnotationGiveBack on a GoService gives back what runs: the operator lets go of it.
	AnnotationGiveBack = "goservice.dev/give-back"
)

// selectorOf are the labels that select the pods of a service. They never change: a Deployment's selector is immutable.
func selectorOf(service *v1alpha1.GoService) map[string]string {
	if own := ownSelector(&service.Spec); own != nil {
		return own
	}
	return map[string]string{labelName: service.Name, LabelManagedBy: ManagedBy}
}

// ownSelector is the user's, nil where there is none.
func ownSelector(spec *v1alpha1.GoServiceSpec) map[string]string {
	if spec.Pod == nil || len(spec.Pod.Selector) == 0 {
		return nil
	}
	return plain(spec.Pod.Selector)
}

// PodSelector selects the pods of a service.
func PodSelector(service *v1alpha1.GoService) labels.Selector {
	return labels.SelectorFromSet(selectorOf(service))
}

// PodsOfServices selects the pods of all services.
func PodsOfServices() labels.Selector {
	marked, err := labels.NewRequirement(LabelManagedBy, selection.In, []string{ManagedBy, ManagedPods})
	if err != nil {
		panic(err) // of constants
	}
	return labels.NewSelector().Add(*marked)
}

// PodLabels are those of a service's pods. What a selector of the user's names may have any value, also for the labels by which the operator
// tells services apart: such pods are marked by other labels, so that no other service selects them.
func PodLabels(service *v1alpha1.GoService) map[string]string {
	result := objectLabels(service.Name, componentService)
	if spec := service.Spec.Pod; spec != nil {
		result = merged(plain(spec.Labels), result)
	}
	if own := ownSelector(&service.Spec); own != nil {
		result = merged(result, own, map[string]string{LabelManagedBy: ManagedPods, labelService: service.Name})
	}
	return result
}

// ServiceOfPod is the name of the service that a pod with these labels belongs to, empty for other pods.
func ServiceOfPod(podLabels map[string]string) string {
	switch podLabels[LabelManagedBy] {
	case ManagedBy:
		return podLabels[labelName]
	case ManagedPods:
		return podLabels[labelService]
	}
	return ""
}

// objectLabels stand on every child.
func objectLabels(service, component string) map[string]string {
	return map[string]string{labelName: service, LabelManagedBy: ManagedBy, labelInstance: service, labelComponent: component}
}

// Runs reports whether a service runs with a child that has these labels; the others are about its metrics.
func Runs(childLabels map[string]string) bool { return childLabels[labelComponent] == componentService }

// GivenBack reports whether the user takes back what runs: the operator lets go of it, and makes nothing any more.
func GivenBack(service *v1alpha1.GoService) bool {
	return service.Annotations[AnnotationGiveBack] == "true"
}

// merged is a new map with the entries of all; later ones win.
func merged(all ...map[string]string) map[string]string {
	result := map[string]string{}
	for _, one := range all {
		maps.Copy(result, one)
	}
	return result
}
