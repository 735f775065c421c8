// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/controllers/internal/build"
)

// takeBack looks at what has a child's name although the cache holds no such child of the owner. Only what the operator
// made itself is touched: the owner's own child, which lost the label by which the cache selects, and one that lost its
// owner, such as an orphan or a restored backup. The child is returned as it is then.
func (e *Engine) takeBack(ctx context.Context, pass Pass, child *build.Child, object *unstructured.Unstructured) (client.Object, error) {
	found := &unstructured.Unstructured{}
	found.SetGroupVersionKind(child.Kind)
	err := e.Live.Get(ctx, client.ObjectKey{Namespace: pass.Owner.GetNamespace(), Name: child.Name}, found)
	switch {
	case apierrors.IsNotFound(err):
		return nil, failure(child.Kind, child.Name, fmt.Errorf("%s %q existed a moment ago and is gone: %w", child.Kind.Kind, child.Name, ErrStale))
	case err != nil:
		return nil, failure(child.Kind, child.Name, fmt.Errorf("reading %s %q: %w", child.Kind.Kind, child.Name, err))
	}
	controller := metav1.GetControllerOf(found)
	if controller == nil || controller.UID != pass.Owner.GetUID() {
		if handedOver(found, pass.Owner) {
			return nil, e.take(ctx, pass, child, found)
		}
		if !madeFor(found, controller, pass) {
			e.record(child.Kind, ResultConflict)
			return nil, failure(child.Kind, child.Name,
				&ConflictError{Kind: child.Kind.Kind, Name: child.Name, Owner: describeOwner(found, controller)})
		}
		if err := e.replaceController(ctx, pass, child.Kind, found, controller, child.Template != nil); err != nil {
			return nil, err
		}
		if child.Template != nil {
			// It was rendered without a look at the one in force, which the next pass keeps if it can.
			return nil, failure(child.Kind, child.Name, fmt.Errorf("%s %q was adopted: %w", child.Kind.Kind, child.Name, ErrStale))
		}
	} else if found.GetLabels()[build.LabelManagedBy] == build.ManagedBy {
		return nil, failure(child.Kind, child.Name, fmt.Errorf("%s %q exists: %w", child.Kind.Kind, child.Name, ErrStale))
	}
	object.SetResourceVersion("")
	return e.mend(ctx, pass.Owner.GetNamespace(), child, object, found)
}

// madeFor reports whether the operator made an object for a service of the owner's name: its labels say so, its field
// managers prove it, and nobody else controls it. A controller of the owner's kind and name is one that is gone: no two
// live objects have the same name.
func madeFor(found *unstructured.Unstructured, controller *metav1.OwnerReference, pass Pass) bool {
	if controller != nil {
		group, err := schema.ParseGroupVersion(controller.APIVersion)
		if err != nil || group.Group != pass.OwnerKind.Group || controller.Kind != pass.OwnerKind.Kind || controller.Name != pass.Owner.GetName() {
			return false
		}
	}
	return found.GetDeletionTimestamp() == nil && build.ServiceOfPod(found.GetLabels()) == pass.Owner.GetName() &&
		slices.ContainsFunc(found.GetManagedFields(), Ours)
}

// ownerLives reads the owner anew: a cache that lags may hold one that is gone, and the garbage collector deletes what such a one owns.
func (e *Engine) ownerLives(ctx context.Context, pass Pass, kind schema.GroupVersionKind, name string) error {
	living := &metav1.PartialObjectMetadata{}
	living.SetGroupVersionKind(pass.OwnerKind)
	err := e.Live.Get(ctx, client.ObjectKeyFromObject(pass.Owner), living)
	if client.IgnoreNotFound(err) != nil {
		return failure(kind, name, fmt.Errorf("reading %s %q: %w", pass.OwnerKind.Kind, pass.Owner.GetName(), err))
	}
	if err != nil || living.UID != pass.Owner.GetUID() || living.DeletionTimestamp != nil {
		return failure(kind, name, fmt.Errorf("%s %q is another one by now: %w", pass.OwnerKind.Kind, pass.Owner.GetName(), ErrStale))
	}
	return nil
}

// replaceController makes the owner the controller of an object that the operator made for one that is gone. What no one
// controls gets its owner by the apply that follows, or at once where none does.
func (e *Engine) replaceController(ctx context.Context, pass Pass, kind schema.GroupVersionKind, found *unstructured.Unstructured, gone *metav1.OwnerReference, atOnce bool) error {
	if err := e.ownerLives(ctx, pass, kind, found.GetName()); err != nil {
		return err
	}
	if gone == nil && !atOnce {
		return nil
	}
	// An object has one controller, and the one that is gone may be another manager's entry, which no apply removes.
	owners := slices.DeleteFunc(found.GetOwnerReferences(), func(reference metav1.OwnerReference) bool { return gone != nil && reference.UID == gone.UID })
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid": found.GetUID(), "resourceVersion": found.GetResourceVersion(),
		"ownerReferences": append(owners, *metav1.NewControllerRef(pass.Owner, pass.OwnerKind)),
	}})
	if err != nil {
		return failure(kind, found.GetName(), err)
	}
	answer := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: found.GetNamespace(), Name: found.GetName()}}
	answer.SetGroupVersionKind(kind)
	if err := e.Client.Patch(ctx, answer, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(FieldManager)); err != nil {
		return e.failed("taking back", kind, found.GetName(), err)
	}
	found.SetOwnerReferences(answer.OwnerReferences)
	found.SetResourceVersion(answer.ResourceVersion)
	return nil
}

func describeOwner(object client.Object, controller *metav1.OwnerReference) string {
	if controller != nil {
		return fmt.Sprintf("%s %q", controller.Kind, controller.Name)
	}
	if release := object.GetAnnotations()["meta.helm.sh/release-name"]; release != "" {
		return fmt.Sprintf("Helm release %q", release)
	}
	if manager := object.GetLabels()[build.LabelManagedBy]; manager != "" {
		return fmt.Sprintf("%q (its %s label)", manager, build.LabelManagedBy)
	}
	return "no GoService"
}
