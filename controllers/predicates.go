// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/internal/observe"
)

// podMatters lets through what changes who can take traffic or why somebody cannot; a pod's other changes, such as the
// operator's own nudge, cost nothing.
var podMatters = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		before, okBefore := e.ObjectOld.(*corev1.Pod)
		after, okAfter := e.ObjectNew.(*corev1.Pod)
		if !okBefore || !okAfter {
			return true
		}
		podBefore, tunableBefore := observe.TunablePod(before)
		podAfter, tunableAfter := observe.TunablePod(after)
		podBefore.Annotation, podAfter.Annotation = "", ""
		_, leavingBefore := observe.LeavingPod(before)
		_, leavingAfter := observe.LeavingPod(after)
		troubleBefore, _ := observe.PodTrouble(before)
		troubleAfter, _ := observe.PodTrouble(after)
		return tunableBefore != tunableAfter || leavingBefore != leavingAfter || podBefore != podAfter || troubleBefore != troubleAfter
	},
}

// childMatters lets through what may need mending and what the status shows: of created children only the Deployment, and
// what clients outside are led by, since the operator made the others itself; and of changed ones all but those of a status that
// nothing reads.
var childMatters = predicate.Funcs{
	CreateFunc: func(e event.CreateEvent) bool {
		switch child := e.Object.(type) {
		case *appsv1.Deployment, *networkingv1.Ingress:
			return true
		case *unstructured.Unstructured:
			return child.GroupVersionKind().Group == build.GatewayGroup
		}
		return false
	},
	UpdateFunc: func(e event.UpdateEvent) bool {
		if e.ObjectOld.GetResourceVersion() == e.ObjectNew.GetResourceVersion() {
			return false
		}
		switch before := e.ObjectOld.(type) {
		case *autoscalingv2.HorizontalPodAutoscaler:
			after, is := e.ObjectNew.(*autoscalingv2.HorizontalPodAutoscaler)
			return !is || metadataDiffers(before, after) || !equality.Semantic.DeepEqual(before.Spec, after.Spec) ||
				!equality.Semantic.DeepEqual(before.Status, after.Status) // the cache keeps of it what the status tells
		case *networkingv1.Ingress:
			after, is := e.ObjectNew.(*networkingv1.Ingress)
			return !is || metadataDiffers(before, after) || !equality.Semantic.DeepEqual(before.Spec, after.Spec) ||
				!equality.Semantic.DeepEqual(before.Status, after.Status)
		case *unstructured.Unstructured: // the cache keeps of it what is compared and what the status tells
			after, is := e.ObjectNew.(*unstructured.Unstructured)
			return !is || metadataDiffers(before, after) || !equality.Semantic.DeepEqual(withoutMetadata(before), withoutMetadata(after))
		case *policyv1.PodDisruptionBudget:
			after, is := e.ObjectNew.(*policyv1.PodDisruptionBudget)
			return !is || metadataDiffers(before, after) || !equality.Semantic.DeepEqual(before.Spec, after.Spec)
		}
		return true
	},
}

// withoutMetadata is the rest of an object, which is not to be changed.
func withoutMetadata(object *unstructured.Unstructured) map[string]any {
	rest := maps.Clone(object.Object)
	delete(rest, "metadata")
	return rest
}

// serviceMatters lets through edits of a service, of its spec or of what it is told by an annotation.
var serviceMatters = predicate.Or(predicate.GenerationChangedPredicate{}, predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.GetAnnotations(), e.ObjectNew.GetAnnotations()
		return slices.ContainsFunc([]string{build.AnnotationGiveBack, build.AnnotationPeersKey}, func(key string) bool { return before[key] != after[key] })
	},
})

func metadataDiffers(before, after client.Object) bool {
	return !equality.Semantic.DeepEqual(before.GetLabels(), after.GetLabels()) ||
		!equality.Semantic.DeepEqual(before.GetAnnotations(), after.GetAnnotations()) ||
		!equality.Semantic.DeepEqual(before.GetOwnerReferences(), after.GetOwnerReferences()) ||
		(before.GetDeletionTimestamp() == nil) != (after.GetDeletionTimestamp() == nil)
}

// foreignBudgetMatters lets through what changes which pods a PodDisruptionBudget of somebody else selects. Those that are
// there when the operator starts are seen by every service's first reconcile.
var foreignBudgetMatters = predicate.And(
	predicate.NewPredicateFuncs(observe.Foreign),
	predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return !e.IsInInitialList },
		UpdateFunc: func(e event.UpdateEvent) bool {
			return e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration() ||
				!equality.Semantic.DeepEqual(e.ObjectOld.GetAnnotations(), e.ObjectNew.GetAnnotations()) // the cache keeps those of what is handed over
		},
	},
)
