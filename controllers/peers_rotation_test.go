// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"sync"
	"testing"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/internal/peerkeys"
)

// movedClock can be put forward.
type movedClock struct {
	mu    sync.Mutex
	moved time.Duration
}

func (c *movedClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.moved)
}

func (c *movedClock) forward(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moved += by
}

// forwardToTheNextKeys puts the clock to a minute after the next step of the rotation, and returns when the operator has made it, with the
// deployment's ready replicas as given. It returns how long these keys last.
func forwardToTheNextKeys(t *testing.T, service *v1alpha1.GoService, op *operator, clock *movedClock, ready int32) time.Duration {
	t.Helper()
	var master corev1.Secret
	get(t, service.Namespace, peersMasterName, &master)
	identity := peerkeys.Service{UID: string(service.UID)}
	keys, err := peerkeys.At(master.Data[peersMasterKey], identity, clock.now())
	if err != nil {
		t.Fatal(err)
	}
	clock.forward(keys.Until.Sub(clock.now()) + time.Minute)
	nudgeOperator(t, service.Namespace, op, ready)
	want, err := peerkeys.At(master.Data[peersMasterKey], identity, clock.now())
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func(g gomega.Gomega) {
		var secret corev1.Secret
		g.Expect(api.Get(t.Context(), clientKey(service.Namespace, peersSecretName), &secret)).To(gomega.Succeed())
		g.Expect(string(secret.Data[build.PeersShownKey])).To(gomega.Equal(want.Shown))
		g.Expect(string(secret.Data[build.PeersAcceptedKey])).To(gomega.Equal(want.Accepted))
	})
	return want.Until.Sub(clock.now())
}

// forwardToKeysThatLast puts the clock to keys that last a day or longer, so that none are due while a test looks at something else.
func forwardToKeysThatLast(t *testing.T, service *v1alpha1.GoService, op *operator, clock *movedClock) {
	t.Helper()
	for ready := int32(5); forwardToTheNextKeys(t, service, op, clock, ready) < 24*time.Hour; ready++ {
	}
}

// Each step of a rotation is a write of one Secret, and no pod is replaced.
func TestKeysRotateWhilePodsRun(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	clock := &movedClock{}
	op := startOperator(t, namespace, nil, withKeys(namespace), func(o *operatorOptions) { o.clock = clock.now })
	applyService(t, namespace, minimalSpec)
	service := awaitShared(t, namespace, metav1.ConditionTrue, v1alpha1.ReasonShared, peersSecretName)
	template, _ := templateNow(t, namespace)
	before := peersSecretOf(t, namespace)

	for step := range int32(4) {
		forwardToTheNextKeys(t, service, op, clock, step%2)
		if peersSecretOf(t, namespace).UID != before.UID {
			t.Error("the Secret is another one")
		}
	}

	t.Log("somebody wants another key at once")
	rotated := peersSecretOf(t, namespace)
	annotate(t, service, build.AnnotationPeersKey, "leaked")
	eventually(t, func(g gomega.Gomega) {
		var secret corev1.Secret
		g.Expect(api.Get(t.Context(), clientKey(namespace, peersSecretName), &secret)).To(gomega.Succeed())
		g.Expect(secret.Data[build.PeersShownKey]).NotTo(gomega.Equal(rotated.Data[build.PeersShownKey]))
	})
	if now, _ := templateNow(t, namespace); now != template {
		t.Error("the pods were replaced")
	}
}

// Nothing happens to a service between two keys: the operator has to come back by itself.
func TestTheOperatorComesBackForTheNextKeys(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	clock := &movedClock{}
	service := applyService(t, namespace, minimalSpec)
	keeper := &peers{client: api, live: api, namespace: namespace, pace: testPace, now: clock.now}
	for range 3 {
		handOff, wait := keeper.ensure(t.Context(), service)
		if handOff.Err != nil || handOff.Written == nil || wait <= 0 || wait > peersCheck {
			t.Fatalf("%+v, again after %s", handOff, wait)
		}
		again, before := keeper.ensure(t.Context(), written(service, handOff.Written))
		if again.Written != handOff.Written || before > wait {
			t.Errorf("what is written was written again: %+v, again after %s", again, before)
		}
		keys, err := peerkeys.At(keeper.master, peerkeys.Service{UID: string(service.UID)}, clock.now())
		if err != nil {
			t.Fatal(err)
		}
		clock.forward(keys.Until.Sub(clock.now()) - time.Minute)
		keeper.ensure(t.Context(), service) // a check
		if _, last := keeper.ensure(t.Context(), service); last > time.Minute {
			t.Errorf("a minute before the next keys, the operator comes back after %s", last)
		}
		clock.forward(time.Minute)
		if next, _ := keeper.ensure(t.Context(), service); next.Written == nil || next.Written.Revision == handOff.Written.Revision {
			t.Error("when the next keys are due, they are the same")
		}
	}
}

// written is the service with a status.
func written(service *v1alpha1.GoService, status *v1alpha1.HandOffStatus) *v1alpha1.GoService {
	service.Status.HandOff = status
	return service
}

func TestAServiceThatIsPausedKeepsItsKey(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	clock := &movedClock{}
	op := startOperator(t, namespace, nil, withKeys(namespace), func(o *operatorOptions) { o.clock = clock.now })
	applyService(t, namespace, minimalSpec)
	awaitShared(t, namespace, metav1.ConditionTrue, v1alpha1.ReasonShared, peersSecretName)
	before := peersSecretOf(t, namespace)
	applyService(t, namespace, with(t, minimalSpec, `paused: true`))
	awaitShared(t, namespace, metav1.ConditionUnknown, v1alpha1.ReasonPaused, "spec.paused")
	clock.forward(peerkeys.Period)
	nudgeOperator(t, namespace, op, 1)
	if after := peersSecretOf(t, namespace); after.ResourceVersion != before.ResourceVersion {
		t.Error("the key of a paused service was changed")
	}
	applyService(t, namespace, minimalSpec)
	eventually(t, func(g gomega.Gomega) {
		g.Expect(peersSecretOf(t, namespace).ResourceVersion).NotTo(gomega.Equal(before.ResourceVersion))
	})
}
