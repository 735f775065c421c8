// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package apply

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Raise lifts the replica count of a Deployment that an autoscaler owns, without waiting for that one's next look. It is
// written as the seed is, by a manager of its own, so that the autoscaler goes on from there; nothing here ever lowers it. A
// Deployment that somebody scaled to 0 stays there: that switches autoscalers off.
func (e *Engine) Raise(ctx context.Context, deployment *appsv1.Deployment, replicas int32) error {
	if deployment == nil || deployment.Spec.Replicas == nil {
		return nil
	}
	if now := *deployment.Spec.Replicas; now == 0 || now >= replicas {
		return nil
	}
	object := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: deployment.Namespace, Name: deployment.Name}}
	object.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("Deployment"))
	// The version is a condition: whoever changed the count in between may have raised it further.
	patch := fmt.Appendf(nil, `{"metadata":{"resourceVersion":%q},"spec":{"replicas":%d}}`, deployment.ResourceVersion, replicas)
	err := e.Client.Patch(ctx, object, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(seedManager))
	if err != nil {
		return e.failed(fmt.Sprintf("raising to %d replicas", replicas), object.GroupVersionKind(), deployment.Name, err)
	}
	e.record(object.GroupVersionKind(), ResultSeeded)
	return nil
}
