// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
)

// The operator may not read Secrets, so nothing tells it that somebody deleted or edited one.
func TestASecretThatSomebodyDeletedOrEditedIsMadeAnewWithinAnHour(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	clock := &movedClock{}
	op := startOperator(t, namespace, nil, withKeys(namespace), func(o *operatorOptions) { o.clock = clock.now })
	applyService(t, namespace, minimalSpec)
	service := awaitShared(t, namespace, metav1.ConditionTrue, v1alpha1.ReasonShared, peersSecretName)
	forwardToKeysThatLast(t, service, op, clock)
	before := peersSecretOf(t, namespace)
	template, _ := templateNow(t, namespace)
	nudgeOperator(t, namespace, op, 1) // it looked at the service: the first check is within an hour

	t.Log("deleted")
	if err := api.Delete(t.Context(), peersSecretOf(t, namespace)); err != nil {
		t.Fatal(err)
	}
	clock.forward(peersCheck)
	nudgeOperator(t, namespace, op, 2)
	anew := peersSecretOf(t, namespace)
	if diff := cmp.Diff(before.Data, anew.Data); diff != "" || anew.UID == before.UID || anew.Type != build.PeersKeyType {
		t.Errorf("the Secret is not made anew with the same keys:\n%s", diff)
	}

	t.Log("edited")
	edited := anew.DeepCopy()
	edited.Data[build.PeersShownKey] = []byte("another")
	if err := api.Update(t.Context(), edited); err != nil {
		t.Fatal(err)
	}
	clock.forward(peersCheck)
	nudgeOperator(t, namespace, op, 3)
	if diff := cmp.Diff(before.Data, peersSecretOf(t, namespace).Data); diff != "" {
		t.Errorf("an edited Secret (-made +found):\n%s", diff)
	}

	t.Log("in place of it, one of somebody else")
	foreign := aSecret(namespace, peersSecretName, "hunter2")
	if err := api.Delete(t.Context(), peersSecretOf(t, namespace)); err != nil {
		t.Fatal(err)
	}
	create(t, foreign)
	clock.forward(peersCheck)
	nudgeOperator(t, namespace, op, 4)
	awaitShared(t, namespace, metav1.ConditionFalse, v1alpha1.ReasonForeignSecret, peersSecretName)
	if err := api.Delete(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	awaitShared(t, namespace, metav1.ConditionTrue, v1alpha1.ReasonShared, peersSecretName)
	if now, _ := templateNow(t, namespace); now != template {
		t.Error("the pods were replaced")
	}
}

func TestACheckOfASecretThatIsInPlaceChangesNothing(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	clock := &movedClock{}
	var asked atomic.Int32
	op := startOperator(t, namespace, nil, withKeys(namespace), func(o *operatorOptions) { o.clock = clock.now }, seeing(func(*http.Request) *http.Response {
		asked.Add(1)
		return nil
	}))
	applyService(t, namespace, minimalSpec)
	service := awaitShared(t, namespace, metav1.ConditionTrue, v1alpha1.ReasonShared, peersSecretName)
	forwardToKeysThatLast(t, service, op, clock)
	before := peersSecretOf(t, namespace)
	nudgeOperator(t, namespace, op, 1) // it looked at the service: the first check is within an hour
	get(t, namespace, serviceName, service)
	clock.forward(peersCheck)
	nudgeOperator(t, namespace, op, 2) // and was made, so the next one is after an hour
	asked.Store(0)
	clock.forward(peersCheck)
	nudgeOperator(t, namespace, op, 3)
	nudgeOperator(t, namespace, op, 4)
	if n := asked.Load(); n != 1 {
		t.Errorf("%d requests about Secrets in an hour, want 1", n)
	}
	if after := peersSecretOf(t, namespace); after.ResourceVersion != before.ResourceVersion {
		t.Error("the Secret was stored again")
	}
	var after v1alpha1.GoService
	get(t, namespace, serviceName, &after)
	if diff := cmp.Diff(service.Status.HandOff, after.Status.HandOff); diff != "" {
		t.Errorf("the status tells of a write (-before +after):\n%s", diff)
	}
}

// A policy or a webhook that is away says nothing of the Secret.
func TestACheckThatFailsIsNoNews(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	clock := &movedClock{}
	var refusing atomic.Bool
	op := startOperator(t, namespace, nil, withKeys(namespace), func(o *operatorOptions) { o.clock = clock.now }, seeing(func(request *http.Request) *http.Response {
		if !refusing.Load() {
			return nil
		}
		return refusal(request, http.StatusInternalServerError, "InternalError", "a webhook is away")
	}))
	applyService(t, namespace, minimalSpec)
	service := awaitShared(t, namespace, metav1.ConditionTrue, v1alpha1.ReasonShared, peersSecretName)
	forwardToKeysThatLast(t, service, op, clock)
	nudgeOperator(t, namespace, op, 1) // it knows that the Secret is written: from here on it is only checked
	refusing.Store(true)
	for i := range int32(3) {
		clock.forward(peersCheck)
		nudgeOperator(t, namespace, op, i+2)
		awaitShared(t, namespace, metav1.ConditionTrue, v1alpha1.ReasonShared, peersSecretName)
	}
}

func TestChecksOfManyServicesAreSpreadOverTheHour(t *testing.T) {
	t.Parallel()
	keeper, now := &peers{}, time.Now()
	var waits [6]int
	for i := range 600 {
		service := &v1alpha1.GoService{}
		service.Name, service.UID = fmt.Sprint("s", i), types.UID(fmt.Sprint("s", i))
		wait := keeper.untilCheck(service, now)
		if wait >= peersCheck {
			t.Fatalf("the first check is after %s", wait)
		}
		waits[wait/(peersCheck/6)]++
		if again := keeper.untilCheck(service, now.Add(wait)); again != 0 {
			t.Fatalf("%s after %s, the check is not due but after %s", wait, wait, again)
		}
		if next := keeper.untilCheck(service, now.Add(wait)); next != peersCheck {
			t.Fatalf("the second check is %s after the first", next)
		}
	}
	for i, n := range waits {
		if n < 60 || n > 140 {
			t.Errorf("%d of 600 checks are in part %d of 6 of the hour", n, i)
		}
	}

	t.Log("what was found wrong is looked at first, by the next operator")
	wrong := &v1alpha1.GoService{Status: v1alpha1.GoServiceStatus{Conditions: []metav1.Condition{{Type: v1alpha1.ConditionQueueShared, Reason: v1alpha1.ReasonForeignSecret}}}}
	if wait := (&peers{}).untilCheck(wrong, now); wait != 0 {
		t.Errorf("it is checked after %s", wait)
	}
}
