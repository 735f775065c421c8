// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"errors"
	"strings"
	"testing"

	"github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
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

// A Prometheus that selects by label finds the objects of all services by what the operator was told once; a service may say otherwise.
func TestMonitorsHaveTheLabelsThatPrometheusSelects(t *testing.T) {
	namespace := newNamespace(t)
	define(t, definitionOf(build.ServiceMonitorKind), definitionOf(build.PrometheusRuleKind))
	startOperator(t, namespace, nil, func(o *operatorOptions) {
		if err := errors.Join(o.AddMonitorLabel("release=prometheus"), o.AddMonitorLabel("example.com/tier=")); err != nil {
			t.Fatal(err)
		}
	})
	expect := func(release string) {
		t.Helper()
		for _, kind := range []schema.GroupVersionKind{build.ServiceMonitorKind, build.PrometheusRuleKind} {
			object := &unstructured.Unstructured{}
			object.SetGroupVersionKind(kind)
			eventually(t, func(g gomega.Gomega) {
				g.Expect(api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: serviceName}, object)).To(gomega.Succeed())
				g.Expect(object.GetLabels()).To(gomega.SatisfyAll(gomega.HaveKeyWithValue("release", release), gomega.HaveKeyWithValue("example.com/tier", "")))
			})
		}
	}
	applyService(t, namespace, `slo: {availability: "99.9"}`)
	expect("prometheus")
	applyService(t, namespace, `{slo: {availability: "99.9"}, observability: {metrics: {labels: {release: own}}}}`)
	expect("own")
}

func TestMonitorLabelsMustBeLabels(t *testing.T) {
	for text, complaint := range map[string]string{
		"release":                            "must be name=value",
		"=prometheus":                        "must begin with the name of a label",
		"a b=c":                              "must begin with the name of a label",
		"release=a=b":                        "must end with the value of a label",
		"release=a b":                        "must end with the value of a label",
		"release=" + strings.Repeat("a", 64): "must end with the value of a label",
	} {
		var o Options
		if err := o.AddMonitorLabel(text); err == nil || !strings.Contains(err.Error(), complaint) || len(o.MonitorLabels) > 0 {
			t.Errorf("%s: error %v, want one with %q", text, err, complaint)
		}
	}
}
