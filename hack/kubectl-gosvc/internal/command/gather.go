// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/migrate"
)

// gathered are the kinds that can belong to a Deployment: all that are taken, and those that only say how the service runs.
func gathered() []schema.GroupVersionKind {
	kinds := []schema.GroupVersionKind{{Version: "v1", Kind: "ServiceAccount"}, {Group: "keda.sh", Version: "v1alpha1", Kind: "ScaledObject"}}
	for _, kind := range taken {
		kinds = append(kinds, kind)
	}
	return kinds
}

// converted reads the objects of the namespace and makes a GoService of a Deployment. The others are read too: what several Deployments share
// belongs to none of them.
func (c *cluster) converted(ctx context.Context, adoption adoption) (*migrate.Result, error) {
	var manifests migrate.Manifests
	for _, kind := range gathered() {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
		if err := c.List(ctx, list, client.InNamespace(c.namespace)); kindIsAbsent(err) {
			continue
		} else if err != nil {
			return nil, fmt.Errorf("reading %s objects, which may belong to the Deployment: %w", kind.Kind, err)
		}
		for i := range list.Items {
			item := &list.Items[i]
			item.SetGroupVersionKind(kind)
			item.SetManagedFields(nil)
			text, err := item.MarshalJSON()
			if err != nil {
				return nil, err
			}
			if err := manifests.Read(text); err != nil {
				return nil, fmt.Errorf("%s %s: %w", kind.Kind, item.GetName(), err)
			}
		}
	}
	output, failed := migrate.Convert(&manifests, migrate.Options{Indicators: v1alpha1.IndicatorsPreset(adoption.indicators)})
	for i := range output.Results {
		if output.Results[i].Service.Name == adoption.name {
			return &output.Results[i], nil
		}
	}
	deployment := &unstructured.Unstructured{}
	deployment.SetGroupVersionKind(taken["deployment"])
	err := c.Get(ctx, client.ObjectKey{Namespace: c.namespace, Name: adoption.name}, deployment)
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("there is no Deployment %q in namespace %q", adoption.name, c.namespace)
	}
	return nil, errors.Join(err, failed)
}
