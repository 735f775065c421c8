// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	policyv1ac "k8s.io/client-go/applyconfigurations/policy/v1"

	"goservice.dev/operator/api/v1alpha1"
)

var podDisruptionBudgetKind = policyv1.SchemeGroupVersion.WithKind("PodDisruptionBudget")

// disruptable is how many pods may be evicted at a time: a quarter of the fewest that the autoscaler may leave, rounded down,
// because the plan leaves room for the loss of one of few; and at least one, so that no node drain waits for good.
func disruptable(in input) int32 {
	const part = 4
	return max(in.plan.Replicas.Value.Min/part, 1)
}

func podDisruptionBudget(in input) []Child {
	name, users := in.service.Name, valueOr(in.service.Spec.DisruptionBudget, v1alpha1.DisruptionBudgetSpec{})
	if users.Disabled || in.mayBeOthers() {
		return nil
	}
	spec := policyv1ac.PodDisruptionBudgetSpec().
		// Pods that serve nobody must not hold up a drain either.
		WithUnhealthyPodEvictionPolicy(policyv1.AlwaysAllow).
		WithSelector(metav1ac.LabelSelector().WithMatchLabels(selectorOf(in.service)))
	if users.MinAvailable != nil {
		spec.WithMinAvailable(*users.MinAvailable)
	} else {
		spec.WithMaxUnavailable(valueOr(users.MaxUnavailable, intstr.FromInt32(disruptable(in))))
	}
	return []Child{{Name: name, Configuration: policyv1ac.PodDisruptionBudget(name, in.service.Namespace).
		WithLabels(objectLabels(name, componentService)).
		WithSpec(spec)}}
}
