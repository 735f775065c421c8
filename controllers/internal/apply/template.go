// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package apply

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/controllers/internal/build"
)

// FindTemplate reads the pod template of a Deployment that does not keep it, by the fields that FieldManager owns. The cache
// has no field managers, and may lag behind a write that the caller relies on, so this asks the API server. It returns nil if
// the Deployment has been replaced.
func (e *Engine) FindTemplate(ctx context.Context, deployment *appsv1.Deployment) (*build.Template, error) {
	live := &unstructured.Unstructured{}
	live.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("Deployment"))
	if err := e.Live.Get(ctx, client.ObjectKeyFromObject(deployment), live); err != nil {
		return nil, fmt.Errorf("reading Deployment %s/%s: %w", deployment.Namespace, deployment.Name, err)
	}
	if live.GetUID() != deployment.UID {
		return nil, nil
	}
	if template := build.TemplateOf(live); template != nil {
		return template, nil
	}
	return build.FoundTemplate(live, FieldManager)
}
