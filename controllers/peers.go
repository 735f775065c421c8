// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/apply"
	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/internal/peerkeys"
	"goservice.dev/operator/controllers/internal/status"
	"goservice.dev/operator/controllers/plan"
)

const (
	// peersMasterName is the Secret with the key from which those of all services are derived, in the operator's namespace.
	peersMasterName = "goservice-peers-key"
	peersMasterKey  = "key"
)

// peers keeps the Secrets by which pods that share their queue know each other. Of the Secrets of services the operator may create and
// update one, and read none: what it wrote last, the status says.
type peers struct {
	client    client.Client
	live      client.Reader
	namespace string // of the operator's own key; empty: not known
	pace      pace
	now       func() time.Time

	mu       sync.Mutex
	master   []byte // once it is known
	noMaster failedKey
	failed   map[types.NamespacedName]*failedKey
}

// failedKey is what became of the last attempt to read or to write a key.
type failedKey struct {
	revision string // that could not be written
	err      error
	retry    retry
}

// fail remembers an error, and says after what time the next attempt is due.
func (f *failedKey) fail(err error, pace pace, now time.Time) time.Duration {
	f.err = err
	if errors.Is(err, status.ErrForeignSecret) { // somebody makes room for it, and waits
		f.retry.due = now.Add(pace.conflict)
		return pace.conflict
	}
	return f.retry.slowly(pace, now)
}

// due says after what time the next attempt is; 0: now.
func (f *failedKey) due(now time.Time) time.Duration {
	if f.err == nil {
		return 0
	}
	return max(0, f.retry.due.Sub(now))
}

// ensure that the pods of a service have the keys of this moment, and say after what time other keys are to be written; 0: never. It fails no
// pass: without keys each pod serves on its own.
func (p *peers) ensure(ctx context.Context, service *v1alpha1.GoService) (status.HandOff, time.Duration) {
	found := status.HandOff{Written: service.Status.HandOff}
	if service.DeletionTimestamp != nil {
		return found, 0 // the Secret goes with the service
	}
	if reason, _ := build.NoHandOff(&service.Spec); reason != "" || !plan.OnToolkit(&service.Spec) {
		// The Secret stays until the service goes: to delete it, the operator would have to be allowed to delete all.
		return status.HandOff{}, 0
	}
	if build.GivenBack(service) && found.Written == nil {
		return found, 0
	}
	now := p.now()
	master, wait, err := p.masterKey(ctx, now)
	if err != nil {
		found.Err = err
		return found, wait
	}
	keys, err := peerkeys.At(master, peerkeys.Service{UID: string(service.UID), Salt: service.Annotations[build.AnnotationPeersKey]}, now)
	if err != nil {
		found.Err = err
		return found, 0
	}
	return p.put(ctx, service, keys, now)
}

// put keys into the Secret of a service, unless the status says that they are there.
func (p *peers) put(ctx context.Context, service *v1alpha1.GoService, keys peerkeys.Keys, now time.Time) (status.HandOff, time.Duration) {
	found := status.HandOff{Written: service.Status.HandOff}
	secret, name := peersSecret(service, keys), client.ObjectKeyFromObject(service)
	owner := ""
	if len(secret.OwnerReferences) > 0 {
		owner = string(service.UID)
	}
	revision, until := keys.Revision(owner), max(keys.Until.Sub(now), time.Second)
	if found.Written != nil && found.Written.Revision == revision {
		p.forget(name)
		return found, until
	}
	if wait, err := p.failedBefore(name, revision, now); wait > 0 {
		found.Err = err
		return found, wait
	}
	if err := p.write(ctx, secret, found.Written != nil); err != nil {
		found.Err = err
		return found, p.fail(name, revision, err, now)
	}
	p.forget(name)
	found.Written = &v1alpha1.HandOffStatus{Secret: secret.Name, Revision: revision, ChangedAt: metav1.NewTime(now)}
	return found, until
}

// peersSecret of a service. One that was given back belongs to nobody, as all with which it runs.
func peersSecret(service *v1alpha1.GoService, keys peerkeys.Keys) *corev1.Secret {
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: service.Namespace, Name: build.PeersSecretName(service.Name)},
		Type:       build.PeersKeyType,
		Data:       map[string][]byte{build.PeersShownKey: []byte(keys.Shown), build.PeersAcceptedKey: []byte(keys.Accepted)},
	}
	if !build.GivenBack(service) {
		secret.Labels = build.PeersSecretLabels(service.Name)
		secret.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(service, v1alpha1.GoServiceKind)}
	}
	return secret
}

// write a Secret that the operator probably made before, or probably not. A Secret of another type is never changed: the API server refuses
// an update that changes the type, so nothing has to be read or remembered to know whose a Secret is.
func (p *peers) write(ctx context.Context, secret *corev1.Secret, exists bool) error {
	fresh := secret.DeepCopy()
	owner := client.FieldOwner(apply.FieldManager)
	if exists {
		err := p.client.Update(ctx, secret, owner)
		switch {
		case err == nil:
			return nil
		case changesType(err):
			return status.ErrForeignSecret
		case !apierrors.IsNotFound(err):
			return fmt.Errorf("updating it: %w", err)
		}
	}
	err := p.client.Create(ctx, fresh, owner)
	switch {
	case err == nil:
		return nil
	case exists || !apierrors.IsAlreadyExists(err):
		return fmt.Errorf("creating it: %w", err)
	}
	return p.write(ctx, secret, true)
}

// changesType reports whether the API server refused an update because the object is of another type. A policy's refusal may look alike, but
// names no field.
func changesType(err error) bool {
	var answer apierrors.APIStatus
	if !apierrors.IsInvalid(err) || !errors.As(err, &answer) || answer.Status().Details == nil {
		return false
	}
	return slices.ContainsFunc(answer.Status().Details.Causes, func(c metav1.StatusCause) bool { return c.Field == "type" })
}

// masterKey is the operator's own, which it makes if there is none. It is read once.
func (p *peers) masterKey(ctx context.Context, now time.Time) ([]byte, time.Duration, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.master != nil {
		return p.master, 0, nil
	}
	if p.namespace == "" {
		return nil, 0, errors.New("the operator does not know its namespace, where its own key is kept: set --leader-election-namespace or $POD_NAMESPACE")
	}
	if wait := p.noMaster.due(now); wait > 0 {
		return nil, wait, p.noMaster.err
	}
	master, err := ownKey(ctx, p.client, p.live, types.NamespacedName{Namespace: p.namespace, Name: peersMasterName}, peersMasterKey, peerkeys.Bytes)
	if err != nil {
		return nil, p.noMaster.fail(err, p.pace, now), err
	}
	p.master = master
	return master, 0, nil
}

// failedBefore reports an attempt to write the same that is not to be repeated yet.
func (p *peers) failedBefore(service types.NamespacedName, revision string, now time.Time) (time.Duration, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.failed[service]
	if f == nil || f.revision != revision {
		return 0, nil
	}
	return f.due(now), f.err
}

func (p *peers) fail(service types.NamespacedName, revision string, err error, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.failed[service]
	if f == nil || f.revision != revision {
		f = &failedKey{revision: revision}
		if p.failed == nil {
			p.failed = map[types.NamespacedName]*failedKey{}
		}
		p.failed[service] = f
	}
	return f.fail(err, p.pace, now)
}

// forget the failures of a service.
func (p *peers) forget(service types.NamespacedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.failed, service)
}
