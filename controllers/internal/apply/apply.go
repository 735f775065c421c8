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
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
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
	ResultCreated   Result = "created"
	ResultUpdated   Result = "updated"
	ResultSeeded    Result = "seeded"
	ResultPruned    Result = "pruned"
	ResultTaken     Result = "taken"
	ResultGivenBack Result = "given back"
	ResultConflict  Result = "conflict"
	ResultFailed    Result = "failed"
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

// Pass is what one reconcile wants of the children of one owner.
type Pass struct {
	Owner     client.Object
	OwnerKind schema.GroupVersionKind
	// Desired children in the order in which they are applied.
	Desired []build.Child
	// Existing are the children that the owner has.
	Existing map[Key]client.Object
	// HandedOver are foreign objects that were handed over and whose place children of other names have: they go once all is applied.
	HandedOver []client.Object
	// UpdateOnly keeps what exists up to date, and neither creates nor prunes: the owner is being deleted.
	UpdateOnly bool
}

// Apply makes the owner's children equal to what is desired. Every child is tried, whatever becomes of the others, unless the
// namespace is being deleted. Nothing is pruned unless all of them succeeded, but for what acts on a child that somebody
// else has, or that has been applied without it. The error joins all failures; Failures takes it apart.
func (e *Engine) Apply(ctx context.Context, pass Pass) error {
	name := client.ObjectKeyFromObject(pass.Owner)
	run := &run{
		Engine: e, Pass: pass, reference: *metav1.NewControllerRef(pass.Owner, pass.OwnerKind),
		wanted: make(map[Key]bool, len(pass.Desired)), failed: map[Key]Class{},
		known: e.verified.of(name), now: make(map[Key]verified, len(pass.Desired)),
	}
	complete := run.tryAll(ctx) && run.applyAll(ctx)
	e.verified.keep(name, run.now)
	if complete && !pass.UpdateOnly {
		run.pruneAll(ctx)
	}
	return errors.Join(run.failures...)
}

// run is one pass under way.
type run struct {
	*Engine
	Pass
	reference  metav1.OwnerReference
	wanted     map[Key]bool
	failed     map[Key]Class
	failures   []error
	known, now map[Key]verified
}

func (r *run) fail(key Key, err error) {
	r.failed[key] = classOf(err)
	r.failures = append(r.failures, err)
}

// tryAll reports whether the API server accepts, in a dry run, every child that no schema has judged. Otherwise nothing is written.
func (r *run) tryAll(ctx context.Context) bool {
	for i := range r.Desired {
		child := &r.Desired[i]
		key := Key{child.Kind, child.Name}
		live := r.Existing[key]
		if !child.Trial || r.UpdateOnly && live == nil {
			continue
		}
		if err := r.try(ctx, child, live, r.known[key]); err != nil {
			r.fail(key, err)
			return false
		}
	}
	return true
}

func (r *run) try(ctx context.Context, child *build.Child, live client.Object, known verified) error {
	hash, err := hashOf(child, r.reference)
	if err != nil {
		return failure(child.Kind, child.Name, err)
	}
	if live != nil && known.stands(live, hash, time.Now()) {
		return nil
	}
	object, err := applied(child, r.reference, hash)
	if err != nil {
		return failure(child.Kind, child.Name, err)
	}
	if live == nil {
		object = asNew(child, object)
	} else {
		if upToDate, err := covers(live, object); err == nil && upToDate {
			return nil
		}
		object.SetUID(live.GetUID())
	}
	_, err = r.patch(ctx, object, FieldManager, client.DryRunAll)
	if err == nil || live == nil && apierrors.IsConflict(err) && !denied(err) {
		return nil // whose it is shows when it is applied
	}
	return r.Engine.failed("trying", child.Kind, child.Name, err)
}

// applyAll reports whether every child was tried.
func (r *run) applyAll(ctx context.Context) bool {
	for i := range r.Desired {
		child := &r.Desired[i]
		key := Key{child.Kind, child.Name}
		if r.UpdateOnly && r.Existing[key] == nil {
			continue
		}
		if target := build.KindOf(child.Kind).ActsOn; target != nil && r.lost(Key{*target, child.Name}) {
			continue // and what exists of it goes
		}
		r.wanted[key] = true
		if err := r.waits(child, r.Existing[key]); err != nil {
			r.fail(key, err)
			continue
		}
		state, err := r.applyOne(ctx, child, r.Existing[key], r.known[key])
		if err != nil {
			r.fail(key, err)
			if r.failed[key] == Terminating {
				return false // nor can anything else be created
			}
			continue
		}
		r.now[key] = state
	}
	return true
}

// lost reports whether a child is not the owner's: another object has its name, or it could not be created.
func (r *run) lost(key Key) bool {
	class, failed := r.failed[key]
	return failed && (class == Conflict || r.Existing[key] == nil)
}

// pruneAll removes what is no longer desired. Where something failed, it may still be needed by what could not be changed.
func (r *run) pruneAll(ctx context.Context) {
	for key, object := range r.Existing {
		kind := build.KindOf(key.Kind)
		switch {
		case r.wanted[key]:
			continue
		case kind.ActsOn != nil:
			target := Key{*kind.ActsOn, key.Name}
			class, failed := r.failed[target]
			if failed && class != Conflict || !failed && kind.PrunedLast && len(r.failures) > 0 {
				continue
			}
		case len(r.failures) > 0, kind.NamedByPods && !r.rolledOut():
			continue
		}
		if err := r.prune(ctx, key, object); err != nil {
			r.fail(key, err)
		}
	}
	if len(r.failures) > 0 {
		return
	}
	for _, object := range r.HandedOver {
		if err := r.replace(ctx, object); err != nil {
			r.failures = append(r.failures, err)
		}
	}
}

// rolledOut reports whether every pod is of the template that was applied last. The event that ends a rollout causes another
// pass.
func (r *run) rolledOut() bool {
	for key, object := range r.Existing {
		if d, is := object.(*appsv1.Deployment); is && !RolledOut(d, r.now[key].generation) {
			return false
		}
	}
	return true
}

// RolledOut reports whether every pod of a Deployment is of its template, as of a generation that a cache need not show yet.
func RolledOut(d *appsv1.Deployment, generation int64) bool {
	return d.Status.ObservedGeneration >= max(d.Generation, generation) && d.Status.UpdatedReplicas >= d.Status.Replicas
}

func (r *run) applyOne(ctx context.Context, child *build.Child, live client.Object, known verified) (verified, error) {
	hash, err := hashOf(child, r.reference)
	if err != nil {
		return verified{}, failure(child.Kind, child.Name, err)
	}
	if live != nil && known.stands(live, hash, time.Now()) {
		return known, nil
	}
	object, err := applied(child, r.reference, hash)
	if err != nil {
		return verified{}, failure(child.Kind, child.Name, err)
	}
	if live == nil {
		live, err = r.create(ctx, r.Pass, child, object)
	} else {
		live, err = r.mend(ctx, r.Owner.GetNamespace(), child, object, live)
	}
	if err != nil {
		return verified{}, err
	}
	return verifiedAs(live, hash, time.Now()), nil
}

// hashOf is a hash of what is applied for a child: its configuration and the owner.
func hashOf(child *build.Child, owner metav1.OwnerReference) (string, error) {
	content := []any{child.Configuration, owner}
	if child.Template != nil {
		content = append(content, child.Template)
	}
	encoded, err := json.Marshal(content)
	if err != nil {
		return "", fmt.Errorf("encoding %s %q: %w", child.Kind.Kind, child.Name, err)
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:hashLength/2]), nil
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
