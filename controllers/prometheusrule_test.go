// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"testing"

	"github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
)

// Definitions are the whole cluster's, so this test runs alone: tests that run in parallel wait for it.
func TestAPrometheusRuleFollowsTheObjectives(t *testing.T) {
	namespace := newNamespace(t)
	op := startOperator(t, namespace, nil)
	rule := &unstructured.Unstructured{}
	rule.SetGroupVersionKind(build.PrometheusRuleKind)
	key := client.ObjectKey{Namespace: namespace, Name: serviceName}

	// Without the kind the service is scraped, but the condition says that nobody watches its objectives.
	define(t, definitionOf(build.ServiceMonitorKind))
	applyService(t, namespace, `slo: {availability: "99.9"}`)
	expectCondition(t, namespace, v1alpha1.ConditionMonitored, metav1.ConditionFalse, v1alpha1.ReasonRuleKindAbsent)
	applyService(t, namespace, `replicas: 2`)
	expectCondition(t, namespace, v1alpha1.ConditionMonitored, metav1.ConditionTrue, v1alpha1.ReasonScraped)

	define(t, definitionOf(build.PrometheusRuleKind))
	applyService(t, namespace, `slo: {availability: "99.9"}`)
	eventually(t, func(g gomega.Gomega) {
		g.Expect(api.Get(t.Context(), key, rule)).To(gomega.Succeed())
		groups, _, err := unstructured.NestedSlice(rule.Object, "spec", "groups")
		g.Expect(err).NotTo(gomega.HaveOccurred())
		g.Expect(groups).To(gomega.HaveLen(3))
	})
	if owner := metav1.GetControllerOf(rule); owner == nil || owner.Name != serviceName {
		t.Errorf("the PrometheusRule's owner is %v", owner)
	}
	expectCondition(t, namespace, v1alpha1.ConditionMonitored, metav1.ConditionTrue, v1alpha1.ReasonScraped)
	settled(t, namespace, serviceName)

	// Nothing changes, nothing is written.
	op.writes.forget()
	if written := nudgeOperator(t, namespace, op, 1); len(written) > 0 {
		t.Errorf("a reconcile without a change wrote %v", written)
	}

	// Without objectives there is nothing to watch.
	applyService(t, namespace, `replicas: 2`)
	eventually(t, func(g gomega.Gomega) {
		err := api.Get(t.Context(), key, rule)
		g.Expect(apierrors.IsNotFound(err)).To(gomega.BeTrue(), "the PrometheusRule: %v", err)
	})
}
