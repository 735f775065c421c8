// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package apply

import (
	"context"
	"encoding/json"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/controllers/internal/build"
)

// mend puts right what differs in a child that exists, and returns it as it is then.
func (e *Engine) mend(ctx context.Context, namespace string, child *build.Child, object *unstructured.Unstructured, live client.Object) (client.Object, error) {
	upToDate, err := covers(live, object)
	if err != nil {
		return nil, failure(child.Kind, child.Name, fmt.Errorf("comparing %s %q: %w", child.Kind.Kind, child.Name, err))
	}
	if upToDate {
		return live, nil
	}
	fields, err := seedFor(child, object, live)
	if err != nil {
		return nil, failure(child.Kind, child.Name, err)
	}
	if fields != nil {
		// The field must have another manager before this one lets go of it.
		if live, err = e.seed(ctx, namespace, child, live, fields); err != nil {
			return nil, err
		}
	}
	return e.update(ctx, child, object, live)
}

// create applies a child that the cache does not hold and returns it. The demanded version makes that atomic: if anything
// with the name exists, the server refuses and nothing of it is touched. Seeded fields are in the same request, so that
// nothing ever starts without them; another manager gets them before this one lets go of them.
func (e *Engine) create(ctx context.Context, pass Pass, child *build.Child, object *unstructured.Unstructured) (client.Object, error) {
	created, err := e.patch(ctx, asNew(child, object), FieldManager)
	switch {
	case err == nil:
		e.record(child.Kind, ResultCreated)
		return created, nil
	case apierrors.IsConflict(err) && !denied(err):
		return e.takeBack(ctx, pass, child, object)
	default:
		return nil, e.failed("creating", child.Kind, child.Name, err)
	}
}

// asNew is a child as it is created: with its seeded fields, and only if nothing has its name.
func asNew(child *build.Child, object *unstructured.Unstructured) *unstructured.Unstructured {
	created := &unstructured.Unstructured{Object: withSeed(object.Object, child.Seed)}
	created.SetResourceVersion(impossibleVersion)
	return created
}

// update applies a child that exists and is the owner's. The demanded UID makes sure that it is still the same object.
func (e *Engine) update(ctx context.Context, child *build.Child, object *unstructured.Unstructured, live client.Object) (client.Object, error) {
	object.SetUID(live.GetUID())
	updated, err := e.patch(ctx, object, FieldManager)
	if err != nil {
		return nil, e.failed("applying", child.Kind, child.Name, err)
	}
	e.record(child.Kind, ResultUpdated)
	return updated, nil
}

// seed sets fields by the manager that keeps them alive until somebody else takes them over. The demanded version keeps a
// lagging cache from setting them back.
func (e *Engine) seed(ctx context.Context, namespace string, child *build.Child, live client.Object, fields map[string]any) (client.Object, error) {
	object := &unstructured.Unstructured{Object: runtime.DeepCopyJSON(fields)}
	object.SetGroupVersionKind(child.Kind)
	object.SetNamespace(namespace)
	object.SetName(child.Name)
	object.SetUID(live.GetUID())
	object.SetResourceVersion(live.GetResourceVersion())
	seeded, err := e.patch(ctx, object, seedManager)
	if err != nil {
		return nil, e.failed("seeding", child.Kind, child.Name, err)
	}
	e.record(child.Kind, ResultSeeded)
	return seeded, nil
}

// patch sends an apply. Only metadata is asked for in return: the whole object would be encoded and decoded for nothing.
func (e *Engine) patch(ctx context.Context, object *unstructured.Unstructured, manager string, options ...client.PatchOption) (client.Object, error) {
	body, err := json.Marshal(object.Object)
	if err != nil {
		return nil, err
	}
	answer := &metav1.PartialObjectMetadata{}
	answer.SetGroupVersionKind(object.GroupVersionKind())
	answer.SetNamespace(object.GetNamespace())
	answer.SetName(object.GetName())
	options = append(options, client.FieldOwner(manager), client.ForceOwnership)
	err = e.Client.Patch(ctx, answer, client.RawPatch(types.ApplyYAMLPatchType, body), options...)
	return answer, err
}

func (e *Engine) prune(ctx context.Context, key Key, object client.Object) error {
	if object.GetDeletionTimestamp() != nil {
		return nil
	}
	uid := object.GetUID()
	err := e.Client.Delete(ctx, object, client.Preconditions{UID: &uid}, client.PropagationPolicy(metav1.DeletePropagationBackground))
	if client.IgnoreNotFound(err) != nil {
		return e.failed("pruning", key.Kind, key.Name, err)
	}
	e.record(key.Kind, ResultPruned)
	return nil
}

func (e *Engine) record(kind schema.GroupVersionKind, result Result) {
	if e.Record != nil {
		e.Record(kind, result)
	}
}
