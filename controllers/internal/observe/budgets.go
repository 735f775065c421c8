// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package observe

import (
	"context"
	"fmt"
	"slices"

	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/apply"
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

// otherBudgets notes PodDisruptionBudgets that are not the operator's own and select the pods of the service's Deployment: the names of
// those that stay, in order, and those that were handed over to the service. Budgets of other GoServices select their own pods only.
func (r *Observer) otherBudgets(ctx context.Context, service *v1alpha1.GoService, o *State) error {
	if o.Deployment == nil {
		return nil
	}
	var budgets policyv1.PodDisruptionBudgetList
	if err := r.Client.List(ctx, &budgets, client.InNamespace(service.Namespace),
		client.MatchingFields{ForeignIndex: foreign}, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("listing the foreign PodDisruptionBudgets of namespace %s: %w", service.Namespace, err)
	}
	for i := range budgets.Items {
		budget := &budgets.Items[i]
		if budget.DeletionTimestamp != nil {
			continue
		}
		selector, err := metav1.LabelSelectorAsSelector(budget.Spec.Selector)
		if err != nil {
			continue // the disruption controller cannot use it either
		}
		if !selector.Matches(labels.Set(o.Deployment.Spec.Template.Labels)) {
			continue
		}
		switch {
		case !apply.CanTake(service, budget):
			o.OtherBudgets = append(o.OtherBudgets, budget.Name)
		case budget.Name != service.Name: // one of its name is taken, and stays
			o.HandedOver = append(o.HandedOver, budget)
		}
	}
	slices.Sort(o.OtherBudgets)
	return nil
}
