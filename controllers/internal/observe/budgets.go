// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package observe

import (
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/controllers/internal/build"
)

// ForeignIndex finds the objects that are not the operator's own: in a namespace of a thousand services most are.
const ForeignIndex = "goservice.dev/foreign"

const foreign = "true"

// IndexForeign is the index function of ForeignIndex.
func IndexForeign(object client.Object) []string {
	if Foreign(object) {
		return []string{foreign}
	}
	return nil
}

// Foreign reports whether an object is not the operator's own.
func Foreign(object client.Object) bool {
	return object.GetLabels()[build.LabelManagedBy] != build.ManagedBy
}

// otherBudgets are the names of PodDisruptionBudgets that are not the operator's own and select the pods of a Deployment, in
// order. Those of other GoServices select their own pods only.
func (r *Observer) otherBudgets(ctx context.Context, deployment *appsv1.Deployment) ([]string, error) {
	if deployment == nil {
		return nil, nil
	}
	var budgets policyv1.PodDisruptionBudgetList
	if err := r.Client.List(ctx, &budgets, client.InNamespace(deployment.Namespace),
		client.MatchingFields{ForeignIndex: foreign}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing the foreign PodDisruptionBudgets of namespace %s: %w", deployment.Namespace, err)
	}
	var names []string
	for i := range budgets.Items {
		budget := &budgets.Items[i]
		if budget.DeletionTimestamp != nil {
			continue
		}
		selector, err := metav1.LabelSelectorAsSelector(budget.Spec.Selector)
		if err != nil {
			continue // the disruption controller cannot use it either
		}
		if selector.Matches(labels.Set(deployment.Spec.Template.Labels)) {
			names = append(names, budget.Name)
		}
	}
	slices.Sort(names)
	return names, nil
}
