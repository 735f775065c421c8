// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/apply"
	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/internal/peerkeys"
	"goservice.dev/operator/controllers/internal/status"
)

const (
	// peersMasterName is the Secret with the key from which those of all services are derived, in the operator's namespace.
	peersMasterName = "goservice-peers-key"
	peersMasterKey  = "key"
	// peersCheck is how often a Secret is written once more although nothing is to change in it. Nobody says that it was deleted or edited to
	// an operator that may not read it. The API server stores nothing if it is the same.
	peersCheck = time.Hour
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
	checks   map[types.NamespacedName]time.Time // when the next peersCheck is
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
	if !build.SharesQueue(&service.Spec) {
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

// put keys into the Secret of a service, unless the status says that they are there and no check is due.
func (p *peers) put(ctx context.Context, service *v1alpha1.GoService, keys peerkeys.Keys, now time.Time) (status.HandOff, time.Duration) {
	found := status.HandOff{Written: service.Status.HandOff}
	secret, name := peersSecret(service, keys), client.ObjectKeyFromObject(service)
	owner := ""
	if len(secret.OwnerReferences) > 0 {
		owner = string(service.UID)
	}
	revision, until := keys.Revision(owner), max(keys.Until.Sub(now), time.Second)
	failed, wait, err := p.failedBefore(name, revision, now)
	if wait > 0 {
		found.Err = err
		return found, wait
	}
	write := p.write
	if found.Written != nil && found.Written.Revision == revision && !failed {
		p.forgetFailure(name)
		if build.GivenBack(service) {
			return found, until // it is nobody's, and may well be changed
		}
		if due := p.untilCheck(service, now); due > 0 {
			return found, min(until, due)
		}
		write = p.check
	}
	anew, err := write(ctx, secret, found.Written != nil)
	if err != nil {
		found.Err = err
		return found, p.fail(name, revision, err, now)
	}
	p.forgetFailure(name)
	if anew {
		found.Written = &v1alpha1.HandOffStatus{Secret: secret.Name, Revision: revision, ChangedAt: metav1.NewTime(now)}
	}
	return found, min(until, peersCheck)
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

// write a Secret that the operator probably made before, or probably not. It says whether anything was written.
func (p *peers) write(ctx context.Context, secret *corev1.Secret, exists bool) (bool, error) {
	if exists {
		err := p.update(ctx, secret)
		if !apierrors.IsNotFound(err) {
			return err == nil, err
		}
	}
	err := p.create(ctx, secret)
	if !exists && apierrors.IsAlreadyExists(err) {
		return p.write(ctx, secret, true)
	}
	return err == nil, err
}

// check whether a Secret is still as it was written, by writing it once more, and make it anew if it is gone. It says whether it was. An
// error that says nothing of the Secret is none: pods have what they had.
func (p *peers) check(ctx context.Context, secret *corev1.Secret, _ bool) (anew bool, err error) {
	err = p.update(ctx, secret)
	switch {
	case errors.Is(err, status.ErrForeignSecret):
		return false, err
	case !apierrors.IsNotFound(err):
		return false, nil
	}
	err = p.create(ctx, secret)
	if apierrors.IsAlreadyExists(err) { // somebody was faster; the next check says whose it is
		return false, nil
	}
	return err == nil, err
}

// update a Secret. One of another type is never changed: the API server refuses an update that changes the type, so nothing has to be read or
// remembered to know whose a Secret is.
func (p *peers) update(ctx context.Context, secret *corev1.Secret) error {
	err := p.client.Update(ctx, secret.DeepCopy(), client.FieldOwner(apply.FieldManager))
	switch {
	case err == nil:
		return nil
	case changesType(err):
		return status.ErrForeignSecret
	}
	return fmt.Errorf("updating it: %w", err)
}

func (p *peers) create(ctx context.Context, secret *corev1.Secret) error {
	if err := p.client.Create(ctx, secret.DeepCopy(), client.FieldOwner(apply.FieldManager)); err != nil {
		return fmt.Errorf("creating it: %w", err)
	}
	return nil
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

// failedBefore reports whether the last attempt to write the same failed, with what, and for how long it is not to be repeated.
func (p *peers) failedBefore(service types.NamespacedName, revision string, now time.Time) (bool, time.Duration, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.failed[service]
	if f == nil || f.revision != revision {
		return false, 0, nil
	}
	return true, f.due(now), f.err
}

// untilCheck is the time until the Secret of a service is to be checked; 0: now, and then after a peersCheck. The first one is somewhere
// within a peersCheck, so that not all services come at once when an operator starts, unless the last one found something wrong.
func (p *peers) untilCheck(service *v1alpha1.GoService, now time.Time) time.Duration {
	name := client.ObjectKeyFromObject(service)
	p.mu.Lock()
	defer p.mu.Unlock()
	due, known := p.checks[name]
	if !known {
		h := fnv.New64a()
		_, _ = h.Write([]byte(service.UID))
		due = now.Add(time.Duration(h.Sum64() % uint64(peersCheck)))
		if secretIsWrong(service) {
			due = now
		}
	}
	wait := max(due.Sub(now), 0)
	if wait == 0 {
		due = now.Add(peersCheck)
	}
	if p.checks == nil {
		p.checks = map[types.NamespacedName]time.Time{}
	}
	p.checks[name] = due
	return wait
}

// secretIsWrong reports whether the status says that the Secret of a service could not be written.
func secretIsWrong(service *v1alpha1.GoService) bool {
	c := meta.FindStatusCondition(service.Status.Conditions, v1alpha1.ConditionQueueShared)
	return c != nil && (c.Reason == v1alpha1.ReasonForeignSecret || c.Reason == v1alpha1.ReasonKeyNotWritten)
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

func (p *peers) forgetFailure(service types.NamespacedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.failed, service)
}

// forget a service.
func (p *peers) forget(service types.NamespacedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.failed, service)
	delete(p.checks, service)
}
