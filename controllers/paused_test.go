// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
)

func TestAPausedServiceIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	pods := newWorkload()
	op := startOperator(t, namespace, pods)
	const before, after = `{replicas: 2, rateLimit: {requestsPerSecond: 100}}`, `{replicas: 3, image: "registry.example/checkout:v2", rateLimit: {requestsPerSecond: 60}}`
	applyService(t, namespace, before)
	settled(t, namespace, serviceName)
	startPod(t, namespace, "a")
	expectCondition(t, namespace, v1alpha1.ConditionTuned, metav1.ConditionTrue, v1alpha1.ReasonConfirmed)

	applyService(t, namespace, with(t, before, `paused: true`))
	expectCondition(t, namespace, v1alpha1.ConditionPaused, metav1.ConditionTrue, v1alpha1.ReasonPaused)
	op.writes.forget()
	// An edit, drift, a deleted child and somebody who scales: the user has stepped in.
	applyService(t, namespace, with(t, after, `paused: true`))
	autoscale(t, namespace, 5)
	if err := api.Delete(t.Context(), &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: serviceName}}); err != nil {
		t.Fatal(err)
	}
	paused := versions(childrenOf(t, namespace))
	expectCondition(t, namespace, v1alpha1.ConditionPaused, metav1.ConditionTrue, v1alpha1.ReasonPaused)
	setDeploymentStatus(t, namespace, appsv1.DeploymentStatus{Replicas: 5, ReadyReplicas: 4}) // the status goes on
	eventually(t, func(g gomega.Gomega) {
		var service v1alpha1.GoService
		g.Expect(api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: serviceName}, &service)).To(gomega.Succeed())
		g.Expect(service.Status.ReadyReplicas).To(gomega.Equal(int32(4)))
		g.Expect(service.Status.ObservedGeneration).To(gomega.Equal(service.Generation))
		for _, kind := range []string{v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled} {
			g.Expect(meta.FindStatusCondition(service.Status.Conditions, kind)).To(gomega.BeNil(), kind)
		}
	})
	if written := op.writes.writtenBut("goservices/checkout/status"); len(written) > 0 {
		t.Errorf("the operator wrote %v", written)
	}
	now := versions(childrenOf(t, namespace))
	delete(paused, "Deployment/checkout")
	delete(now, "Deployment/checkout")
	if diff := cmp.Diff(paused, now); diff != "" {
		t.Errorf("children (-before +after):\n%s", diff)
	}
	if err := api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: serviceName}, &corev1.Service{}); !apierrors.IsNotFound(err) {
		t.Errorf("the deleted Service: %v, want it gone", err)
	}

	op.writes.forget()
	applyService(t, namespace, after)
	settled(t, namespace, serviceName)
	if got := replicasOf(t, namespace); got != 3 {
		t.Errorf("%d replicas", got)
	}
	writes := map[string]int{}
	for _, entry := range op.writes.to(serviceName) {
		writes[entry]++
	}
	delete(writes, "PATCH goservices/checkout/status")
	want := map[string]int{"PATCH deployments/checkout": 1, "PATCH services/checkout": 1, "PATCH configmaps/checkout-live-settings": 1}
	for entry := range want {
		if writes[entry] != 1 {
			t.Errorf("%s: %d times, want once; all: %v", entry, writes[entry], writes)
		}
	}
	var service v1alpha1.GoService
	get(t, namespace, serviceName, &service)
	if meta.FindStatusCondition(service.Status.Conditions, v1alpha1.ConditionPaused) != nil {
		t.Error("the condition Paused is left")
	}
}
