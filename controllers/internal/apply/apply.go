// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package apply is the only code that writes children. It makes what exists equal to what is desired: by server-side apply,
// with an owner reference, never over an object that belongs to somebody else, and with a prune of what is no longer
// desired. Where nothing differs it sends nothing.
package apply

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
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

const (
	// FieldManager owns every applied field.
	FieldManager = "goservice-operator"
	// seedManager sets fields that somebody else takes over. It is a manager of its own so that FieldManager can stop
	// applying such a field without the server resetting it.
	seedManager = "goservice-operator-seed"
	// annotationApplied holds a hash of what was applied, so that the removal of a field is seen without asking the server.
	annotationApplied = "goservice.dev/applied"

	hashLength = 16
	// impossibleVersion is no object's current version: an apply that demands it creates, or fails if anything exists.
	// etcd counts from 1 and the first revision is never an object of ours.
	impossibleVersion = "1"
)

// Result of one write.
type Result string

// Results, as counted by Recorder.
const (
	ResultCreated  Result = "created"
	ResultUpdated  Result = "updated"
	ResultSeeded   Result = "seeded"
	ResultPruned   Result = "pruned"
	ResultConflict Result = "conflict"
	ResultFailed   Result = "failed"
)

// Engine applies children. The zero value of Record counts nothing.
type Engine struct {
	// Client writes, and reads what the cache does not hold, straight from the API server.
	Client client.Client
	// Live reads past the cache.
	Live client.Reader
	// Record is called after each write.
	Record func(kind schema.GroupVersionKind, result Result)

	verified verifiedChildren
}

// Key names a child within its namespace.
type Key struct {
	Kind schema.GroupVersionKind
	Name string
}

// Apply makes the owner's children equal to what is desired. existing are the children that the owner has. Every child is
// tried, whatever becomes of the others, unless the namespace is being deleted; nothing is pruned unless all of them
// succeeded. The error joins all failures; Failures takes it apart.
func (e *Engine) Apply(ctx context.Context, owner client.Object, ownerKind schema.GroupVersionKind, desired []build.Child, existing map[Key]client.Object) error {
	var failures []error
	wanted := make(map[Key]bool, len(desired))
	reference := *metav1.NewControllerRef(owner, ownerKind)
	name := client.ObjectKeyFromObject(owner)
	known, now := e.verified.of(name), make(map[Key]verified, len(desired))
	for i := range desired {
		child := &desired[i]
		key := Key{child.Kind, child.Name}
		wanted[key] = true
		state, err := e.applyOne(ctx, owner.GetNamespace(), reference, child, existing[key], known[key])
		if err != nil {
			failures = append(failures, err)
			if classOf(err) == Terminating {
				break // nor can anything else be created
			}
			continue
		}
		now[key] = state
	}
	e.verified.keep(name, now)
	if len(failures) > 0 {
		return errors.Join(failures...) // what is no longer desired may still be needed by what could not be changed
	}
	for key, object := range existing {
		if wanted[key] {
			continue
		}
		if err := e.prune(ctx, key, object); err != nil {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}

func (e *Engine) applyOne(ctx context.Context, namespace string, owner metav1.OwnerReference, child *build.Child, live client.Object, known verified) (verified, error) {
	hash, err := hashOf(child, owner)
	if err != nil {
		return verified{}, failure(child.Kind, child.Name, err)
	}
	if live != nil && known.stands(live, hash) {
		return known, nil
	}
	object, err := applied(child, owner, hash)
	if err != nil {
		return verified{}, failure(child.Kind, child.Name, err)
	}
	if live == nil {
		if live, err = e.create(ctx, namespace, child, object); err == nil && live != nil && child.Seed != nil {
			live, err = e.seed(ctx, namespace, child, live, child.Seed)
		}
	} else {
		live, err = e.mend(ctx, namespace, child, object, live)
	}
	if err != nil || live == nil {
		return verified{}, err
	}
	return verifiedAs(live, hash), nil
}

// mend puts right what differs in a child that exists, and returns it as it is then.
func (e *Engine) mend(ctx context.Context, namespace string, child *build.Child, object *unstructured.Unstructured, live client.Object) (client.Object, error) {
	upToDate, err := covers(live, object)
	if err != nil {
		return nil, failure(child.Kind, child.Name, fmt.Errorf("comparing %s %q: %w", child.Kind.Kind, child.Name, err))
	}
	seedFirst, err := needsSeed(child, live)
	if err != nil {
		return nil, failure(child.Kind, child.Name, err)
	}
	if seedFirst {
		// The field must have another manager before this one lets go of it.
		if live, err = e.seed(ctx, namespace, child, live, currentOf(child.Seed, live)); err != nil {
			return nil, err
		}
	}
	if upToDate {
		return live, nil
	}
	return e.update(ctx, child, object, live)
}

// hashOf is a hash of what is applied for a child: its configuration and the owner.
func hashOf(child *build.Child, owner metav1.OwnerReference) (string, error) {
	encoded, err := json.Marshal([]any{child.Configuration, owner})
	if err != nil {
		return "", fmt.Errorf("encoding %s %q: %w", child.Kind.Kind, child.Name, err)
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:])[:hashLength], nil
}

// applied is what is sent for a child: its configuration, the owner and the hash of both.
func applied(child *build.Child, owner metav1.OwnerReference, hash string) (*unstructured.Unstructured, error) {
	content, err := child.Unstructured()
	if err != nil {
		return nil, err
	}
	object := &unstructured.Unstructured{Object: content}
	object.SetOwnerReferences([]metav1.OwnerReference{owner})
	annotations := object.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[annotationApplied] = hash
	object.SetAnnotations(annotations)
	return object, nil
}

// create applies a child that the cache does not hold and returns it, nil if it exists. The demanded version makes that
// atomic: if anything with the name exists, the server refuses and nothing of it is touched.
func (e *Engine) create(ctx context.Context, namespace string, child *build.Child, object *unstructured.Unstructured) (client.Object, error) {
	object.SetResourceVersion(impossibleVersion)
	created, err := e.patch(ctx, object, FieldManager)
	switch {
	case err == nil:
		e.record(child.Kind, ResultCreated)
		return created, nil
	case apierrors.IsConflict(err) && !denied(err):
		return nil, e.resolveConflict(ctx, namespace, child, object)
	default:
		return nil, e.failed("creating", child.Kind, child.Name, err)
	}
}

// resolveConflict looks at what has a child's name already. Only the owner's own child is touched: one that the cache does
// not hold because it lost the label by which the cache selects.
func (e *Engine) resolveConflict(ctx context.Context, namespace string, child *build.Child, object *unstructured.Unstructured) error {
	found := &metav1.PartialObjectMetadata{}
	found.SetGroupVersionKind(child.Kind)
	err := e.Live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: child.Name}, found)
	switch {
	case apierrors.IsNotFound(err):
		return failure(child.Kind, child.Name, fmt.Errorf("%s %q was there a moment ago: %w", child.Kind.Kind, child.Name, ErrStale))
	case err != nil:
		return failure(child.Kind, child.Name, fmt.Errorf("reading %s %q: %w", child.Kind.Kind, child.Name, err))
	}
	controller := metav1.GetControllerOf(found)
	if controller == nil || controller.UID != object.GetOwnerReferences()[0].UID {
		e.record(child.Kind, ResultConflict)
		return failure(child.Kind, child.Name, &ConflictError{Kind: child.Kind.Kind, Name: child.Name, Owner: describeOwner(found, controller)})
	}
	if found.Labels[build.LabelManagedBy] == build.ManagedBy {
		return failure(child.Kind, child.Name, fmt.Errorf("%s %q is not in it yet: %w", child.Kind.Kind, child.Name, ErrStale))
	}
	object.SetResourceVersion("")
	_, err = e.update(ctx, child, object, found)
	return err
}

func describeOwner(object *metav1.PartialObjectMetadata, controller *metav1.OwnerReference) string {
	if controller != nil {
		return fmt.Sprintf("%s %q", controller.Kind, controller.Name)
	}
	if release := object.Annotations["meta.helm.sh/release-name"]; release != "" {
		return fmt.Sprintf("Helm release %q", release)
	}
	if manager := object.Labels[build.LabelManagedBy]; manager != "" {
		return fmt.Sprintf("%q (its %s label)", manager, build.LabelManagedBy)
	}
	return "no GoService"
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
func (e *Engine) patch(ctx context.Context, object *unstructured.Unstructured, manager string) (client.Object, error) {
	body, err := json.Marshal(object.Object)
	if err != nil {
		return nil, err
	}
	answer := &metav1.PartialObjectMetadata{}
	answer.SetGroupVersionKind(object.GroupVersionKind())
	answer.SetNamespace(object.GetNamespace())
	answer.SetName(object.GetName())
	err = e.Client.Patch(ctx, answer, client.RawPatch(types.ApplyYAMLPatchType, body), client.FieldOwner(manager), client.ForceOwnership)
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
