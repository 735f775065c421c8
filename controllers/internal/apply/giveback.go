// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/controllers/internal/build"
)

// GiveBack lets go of those children that run the service: they stay as they are, and belong to nobody. Their fields have no manager of
// the operator's, so that whoever applies them next meets no conflict, and no operator takes them back. What only describes the service,
// such as a ServiceMonitor, stays the owner's and goes with it.
func (e *Engine) GiveBack(ctx context.Context, owner client.Object, children map[Key]client.Object) error {
	name := client.ObjectKeyFromObject(owner)
	keys := sets.KeySet(e.verified.of(name)) // of those, a cache that lags may not show all yet
	for key, child := range children {
		if build.Runs(child.GetLabels()) {
			keys.Insert(key)
		} else {
			keys.Delete(key)
		}
	}
	var failures []error
	for key := range keys {
		if err := e.release(ctx, owner, key); err != nil {
			failures = append(failures, err)
		}
	}
	if len(failures) == 0 {
		e.Forget(name)
	}
	return errors.Join(failures...)
}

func (e *Engine) release(ctx context.Context, owner client.Object, key Key) error {
	// The cache has no field managers.
	live := &metav1.PartialObjectMetadata{}
	live.SetGroupVersionKind(key.Kind)
	name := client.ObjectKey{Namespace: owner.GetNamespace(), Name: key.Name}
	if err := e.Live.Get(ctx, name, live); meta.IsNoMatchError(err) {
		return nil // with its kind it is gone
	} else if err != nil {
		return client.IgnoreNotFound(failure(key.Kind, key.Name, fmt.Errorf("reading %s %q: %w", key.Kind.Kind, key.Name, err)))
	}
	controller := metav1.GetControllerOf(live)
	if controller == nil || controller.UID != owner.GetUID() || !build.Runs(live.GetLabels()) || live.GetDeletionTimestamp() != nil {
		return nil
	}
	patch, err := releasing(owner, live)
	if err != nil {
		return failure(key.Kind, key.Name, err)
	}
	if err := e.Client.Patch(ctx, live, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(FieldManager)); err != nil {
		return e.failed("giving back", key.Kind, key.Name, err)
	}
	e.record(key.Kind, ResultGivenBack)
	return nil
}

// releasing is the patch that takes away what makes an object the owner's.
func releasing(owner, live client.Object) ([]byte, error) {
	annotations, labels := map[string]any{}, map[string]any{}
	for key := range live.GetAnnotations() {
		if strings.HasPrefix(key, "goservice.dev/") {
			annotations[key] = nil
		}
	}
	if live.GetLabels()[build.LabelManagedBy] == build.ManagedBy {
		labels[build.LabelManagedBy] = nil
	}
	managers := slices.DeleteFunc(slices.Clone(live.GetManagedFields()), func(entry metav1.ManagedFieldsEntry) bool {
		return entry.Manager == FieldManager || entry.Manager == seedManager
	})
	if len(managers) == 0 {
		managers = []metav1.ManagedFieldsEntry{{}} // an empty list would change nothing
	}
	return json.Marshal(map[string]any{"metadata": map[string]any{
		"uid": live.GetUID(), "resourceVersion": live.GetResourceVersion(), "labels": labels, "annotations": annotations, "managedFields": managers,
		"ownerReferences": slices.DeleteFunc(slices.Clone(live.GetOwnerReferences()), func(r metav1.OwnerReference) bool { return r.UID == owner.GetUID() }),
	}})
}
