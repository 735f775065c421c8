// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
)

// templateInForce is the pod template that an operator of any version applied for the present spec or an earlier one. A
// Deployment that does not keep its template is from before templates were kept; it is believed where the status says that
// the present spec was applied.
func (r *GoServiceReconciler) templateInForce(ctx context.Context, service *v1alpha1.GoService, deployment *appsv1.Deployment) (*build.Template, error) {
	if deployment == nil {
		return nil, nil
	}
	if template := build.TemplateOf(deployment); template != nil {
		return template, nil
	}
	applied := meta.FindStatusCondition(service.Status.Conditions, v1alpha1.ConditionApplied)
	if service.Status.ObservedGeneration != service.Generation || applied == nil || applied.Status != metav1.ConditionTrue {
		return nil, nil
	}
	template, err := r.engine.FindTemplate(ctx, deployment)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return template, err
}
