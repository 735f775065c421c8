// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"testing"
	"time"

	"github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus/testutil"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/waves"
)

// rollOut plays the deployment controller: every pod is of the newest template and serves, or the rollout has stalled.
func rollOut(t *testing.T, namespace, name string, stalled bool) {
	t.Helper()
	eventually(t, func(g gomega.Gomega) {
		var deployment appsv1.Deployment
		g.Expect(api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, &deployment)).To(gomega.Succeed())
		deployment.Status = appsv1.DeploymentStatus{
			ObservedGeneration: deployment.Generation, Replicas: 2, ReadyReplicas: 2, AvailableReplicas: 2, UpdatedReplicas: 2,
		}
		if stalled {
			deployment.Status.UpdatedReplicas = 1
			deployment.Status.Conditions = []appsv1.DeploymentCondition{{
				Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: "ProgressDeadlineExceeded",
			}}
		}
		g.Expect(api.Status().Update(t.Context(), &deployment)).To(gomega.Succeed())
	})
}

func TestServicesAreUpgradedOneAfterAnother(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	names := []string{"a", "b", "c"}
	op := startOperator(t, namespace, nil, release("v1"))
	for _, name := range names {
		applyNamed(t, namespace, name, "replicas: 2")
		settled(t, namespace, name)
		rollOut(t, namespace, name, false)
		eventually(t, func(g gomega.Gomega) {
			g.Expect(meta.IsStatusConditionTrue(settled(t, namespace, name).Status.Conditions, v1alpha1.ConditionReady)).To(gomega.BeTrue())
		})
	}
	op.stop()

	op = startOperator(t, namespace, nil, release("v2"), func(o *operatorOptions) {
		o.UpgradeServices, o.wavePace = 1, wavePace{look: 20 * time.Millisecond}
	})
	// template is what the status says; upgraded, that the newer template is applied.
	template := func(name string) v1alpha1.TemplateStatus { return *settled(t, namespace, name).Status.Template }
	upgraded := v1alpha1.TemplateStatus{OperatorVersion: "v2", Cause: v1alpha1.TemplateFromUpgrade}
	waiting := v1alpha1.TemplateStatus{OperatorVersion: "v1", Cause: v1alpha1.TemplateFromSpec, Behind: true}
	eventually(t, func(g gomega.Gomega) {
		g.Expect(template("a")).To(gomega.Equal(upgraded))
		g.Expect(template("b")).To(gomega.Equal(waiting))
		g.Expect(template("c")).To(gomega.Equal(waiting))
	})

	// It does not come up, so nobody else's turn comes until it does.
	rollOut(t, namespace, "a", true)
	halted := func() string {
		op.reconciler.upgrades.mu.Lock()
		defer op.reconciler.upgrades.mu.Unlock()
		return op.reconciler.upgrades.halted
	}
	eventually(t, func(g gomega.Gomega) {
		g.Expect(halted()).To(gomega.Equal(namespace + "/a"))
		g.Expect(testutil.ToFloat64(upgradesHalted)).To(gomega.Equal(1.0))
	})
	if got := template("b"); got != waiting {
		t.Errorf("while a is stalled, b is %+v", got)
	}
	rollOut(t, namespace, "a", false)
	eventually(t, func(g gomega.Gomega) {
		g.Expect(halted()).To(gomega.BeEmpty())
		g.Expect(testutil.ToFloat64(upgradesHalted)).To(gomega.BeZero())
		g.Expect(template("b")).To(gomega.Equal(upgraded))
	})
	if got := template("c"); got != waiting {
		t.Errorf("while b is replaced, c is %+v", got)
	}

	// Another operator takes over in the middle: it sees who is under way.
	op.stop()
	startOperator(t, namespace, nil, release("v2"), func(o *operatorOptions) {
		o.UpgradeServices, o.wavePace = 1, wavePace{look: 20 * time.Millisecond}
	})
	rollOut(t, namespace, "b", false)
	eventually(t, func(g gomega.Gomega) { g.Expect(template("c")).To(gomega.Equal(upgraded)) })
}

// A grant holds its place for a while, also after the service is ready again.
func TestAnUpgradedServiceHoldsItsPlaceForAWhile(t *testing.T) {
	t.Parallel()
	now := time.Now()
	name := types.NamespacedName{Namespace: "shop", Name: "checkout"}
	for after, want := range map[time.Duration]bool{0: true, time.Minute - 1: true, time.Minute: false} {
		u := &upgrades{atOnce: 1, pace: defaultWavePace, seen: map[types.NamespacedName]bool{name: true}, granted: map[types.NamespacedName]time.Time{name: now}}
		u.decide([]waves.Service{{Name: name, Upgraded: true, Ready: true}}, now.Add(after))
		if got := u.grants(name); got != want {
			t.Errorf("after %s it holds its place: %v", after, got)
		}
	}
	// An older operator's status says nothing of who is behind.
	early := &upgrades{atOnce: 1, pace: defaultWavePace, granted: map[types.NamespacedName]time.Time{}}
	if got := early.decide([]waves.Service{{Name: name, Behind: true, Ready: true}}, now); len(got.Start) > 0 {
		t.Errorf("started by an older operator's status: %v", got.Start)
	}
	// Who is gone, or became somebody else's, holds none.
	u := &upgrades{atOnce: 1, pace: defaultWavePace, seen: map[types.NamespacedName]bool{name: true}, granted: map[types.NamespacedName]time.Time{name: now}}
	u.decide(nil, now)
	if u.grants(name) {
		t.Error("a service that is gone holds its place")
	}
}

// Neither a template that is not let in nor a rollout that cannot start ever passes a deadline of the deployment controller.
func TestAnUpgradeThatGetsNowhereIsToldToHaltTheOthers(t *testing.T) {
	t.Parallel()
	now := time.Now()
	name, other := types.NamespacedName{Namespace: "shop", Name: "checkout"}, types.NamespacedName{Namespace: "shop", Name: "other"}
	u := &upgrades{
		atOnce: 2, pace: defaultWavePace, seen: map[types.NamespacedName]bool{name: true, other: true},
		granted: map[types.NamespacedName]time.Time{name: now.Add(-5 * time.Minute)},
	}
	got := u.decide([]waves.Service{{Name: name, Behind: true}, {Name: other, Behind: true, Ready: true}}, now)
	if got.Halted == nil || *got.Halted != name || len(got.Start) > 0 || u.halted != name.String() || !u.grants(name) {
		t.Errorf("a template that was not applied for minutes: %+v", got)
	}

	service := &v1alpha1.GoService{ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name}}
	service.Status.Template = &v1alpha1.TemplateStatus{Cause: v1alpha1.TemplateFromUpgrade}
	for _, c := range []struct {
		progressing string
		stalled     metav1.ConditionStatus
		want        bool
	}{
		{v1alpha1.ReasonRollingOut, metav1.ConditionFalse, false},
		{v1alpha1.ReasonRollingOut, metav1.ConditionTrue, true},
		{v1alpha1.ReasonRolloutStalled, metav1.ConditionTrue, true},
		{v1alpha1.ReasonRolloutComplete, metav1.ConditionTrue, false}, // it is not the upgrade that ails it
	} {
		service.Status.Conditions = []metav1.Condition{
			{Type: v1alpha1.ConditionProgressing, Reason: c.progressing}, {Type: v1alpha1.ConditionStalled, Status: c.stalled},
		}
		if got := asOfStatus(service).Stalled; got != c.want {
			t.Errorf("Progressing %s, Stalled %s: %v", c.progressing, c.stalled, got)
		}
	}
}
