// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
)

func TestChildrenInTheCache(t *testing.T) {
	entry := func(manager, fields string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{Manager: manager, FieldsV1: metav1.NewFieldsV1(fields)}
	}
	count := entry("autoscaler", `{"f:spec":{"f:replicas":{}}}`)
	meta := metav1.ObjectMeta{
		Namespace: "shop", Name: serviceName, Labels: map[string]string{"team": "pay"}, Annotations: map[string]string{"a": "b"},
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "goservice.dev/v1alpha1", Kind: "GoService", Name: serviceName, UID: "7"}},
	}
	with := func(managers ...metav1.ManagedFieldsEntry) metav1.ObjectMeta {
		m := *meta.DeepCopy()
		m.ManagedFields = managers
		return m
	}
	ours := map[string]string{build.LabelManagedBy: build.ManagedBy}
	foreignMeta := func(annotations map[string]string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: "shop", Name: "theirs", Annotations: annotations}
	}
	replicas := int32(3)
	spec := autoscalingv2.HorizontalPodAutoscalerSpec{MinReplicas: &replicas, MaxReplicas: 9}
	rules := networkingv1.NetworkPolicySpec{
		PodSelector: metav1.LabelSelector{MatchLabels: map[string]string{"team": "pay"}},
		Ingress:     []networkingv1.NetworkPolicyIngressRule{{From: []networkingv1.NetworkPolicyPeer{{PodSelector: &metav1.LabelSelector{}}}}},
	}
	for name, test := range map[string]struct{ object, want any }{
		"a Deployment tells who manages its replicas": {
			&appsv1.Deployment{
				ObjectMeta: with(entry("other", `{"f:spec":{"f:paused":{}}}`), count),
				Spec:       appsv1.DeploymentSpec{Replicas: &replicas}, Status: appsv1.DeploymentStatus{ReadyReplicas: 2},
			},
			&appsv1.Deployment{
				ObjectMeta: with(count),
				Spec:       appsv1.DeploymentSpec{Replicas: &replicas}, Status: appsv1.DeploymentStatus{ReadyReplicas: 2},
			},
		},
		"of an autoscaler's status only what keeps it from its work is read": {
			&autoscalingv2.HorizontalPodAutoscaler{
				ObjectMeta: with(count), Spec: spec, Status: autoscalingv2.HorizontalPodAutoscalerStatus{
					CurrentReplicas: 4, Conditions: []autoscalingv2.HorizontalPodAutoscalerCondition{
						{Type: autoscalingv2.AbleToScale, Status: corev1.ConditionTrue, Reason: "ReadyForNewScale", Message: "recommended size matches current size"},
						{Type: autoscalingv2.ScalingActive, Status: corev1.ConditionFalse, Reason: "FailedGetResourceMetric", Message: "no metrics"},
						{Type: autoscalingv2.ScalingLimited, Status: corev1.ConditionFalse, Reason: "DesiredWithinRange"},
					},
				},
			},
			&autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: meta, Spec: spec, Status: autoscalingv2.HorizontalPodAutoscalerStatus{
				Conditions: []autoscalingv2.HorizontalPodAutoscalerCondition{
					{Type: autoscalingv2.AbleToScale, Status: corev1.ConditionTrue},
					{Type: autoscalingv2.ScalingActive, Status: corev1.ConditionFalse, Reason: "FailedGetResourceMetric", Message: "no metrics"},
				},
			}},
		},
		"of a foreign budget it is read what it selects, and to whom it was handed over": {
			&policyv1.PodDisruptionBudget{ObjectMeta: foreignMeta(map[string]string{"a": "b", build.AnnotationAdopt: serviceName}), Status: policyv1.PodDisruptionBudgetStatus{CurrentHealthy: 2}},
			&policyv1.PodDisruptionBudget{ObjectMeta: foreignMeta(map[string]string{"a": "b", build.AnnotationAdopt: serviceName})},
		},
		"a foreign budget that was not handed over": {
			&policyv1.PodDisruptionBudget{ObjectMeta: foreignMeta(map[string]string{"a": "b"})},
			&policyv1.PodDisruptionBudget{ObjectMeta: foreignMeta(nil)},
		},
		"of the operator's own budget all annotations are read": {
			&policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Labels: ours, Annotations: map[string]string{"a": "b"}, ManagedFields: []metav1.ManagedFieldsEntry{count}}},
			&policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Labels: ours, Annotations: map[string]string{"a": "b"}}},
		},
		"a NetworkPolicy has all of its rules": {
			&networkingv1.NetworkPolicy{ObjectMeta: with(count), Spec: rules}, &networkingv1.NetworkPolicy{ObjectMeta: meta, Spec: rules},
		},
		"what is no object stays": {"gone", "gone"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := slimChild(test.object)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Routes are compared whole, and of their status only what Exposed tells is kept: the rest changes without news.
func TestRoutesInTheCache(t *testing.T) {
	route := &unstructured.Unstructured{Object: parse(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: checkout, managedFields: [{manager: goservice-operator}]}
spec: {hostnames: [shop.example]}
status:
  parents:
  - parentRef: {name: edge, namespace: gateways, sectionName: https}
    controllerName: example.com/gateway
    conditions:
    - {type: Accepted, status: "False", reason: NotAllowedByListeners, message: refused, observedGeneration: 2, lastTransitionTime: "2026-01-02T12:00:00Z"}
    - {type: Programmed, status: "True", reason: Programmed, message: "", observedGeneration: 2, lastTransitionTime: "2026-01-02T12:00:00Z"}
`)}
	want := parse(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: checkout}
spec: {hostnames: [shop.example]}
status:
  parents:
  - parentRef: {name: edge, namespace: gateways, sectionName: https}
    controllerName: example.com/gateway
    conditions: [{type: Accepted, status: "False", reason: NotAllowedByListeners, message: refused, observedGeneration: 2}]
`)
	for range 2 { // caches transform some objects twice
		slim, err := digestChild(route)
		if err != nil {
			t.Fatal(err)
		}
		route = slim.(*unstructured.Unstructured)
		if got, want := fmt.Sprint(route.Object), fmt.Sprint(want); got != want {
			t.Errorf("the cached route is\n%s, want\n%s", got, want)
		}
	}
}

func TestServicesInTheCacheShareTheirSentences(t *testing.T) {
	made := func() *v1alpha1.GoService {
		sentence := strings.Clone
		return &v1alpha1.GoService{
			ObjectMeta: metav1.ObjectMeta{Name: serviceName, ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubectl"}}},
			Status: v1alpha1.GoServiceStatus{
				Conditions: []metav1.Condition{{Type: "Ready", Message: sentence("2 of at least 2 pods are available")}},
				Plan: &v1alpha1.PlanStatus{
					Replicas: v1alpha1.PlannedValue{Value: "2", Reason: sentence("two pods outlive a node")},
					Alerts:   []v1alpha1.PlannedAlert{{Reason: sentence("there is no traffic")}},
				},
			},
		}
	}
	want := made()
	want.ManagedFields = nil
	var got [2]*v1alpha1.GoService
	for i := range got {
		slim, err := slimService(made())
		if err != nil {
			t.Fatal(err)
		}
		service, is := slim.(*v1alpha1.GoService)
		if !is {
			t.Fatalf("a GoService became a %T", slim)
		}
		if diff := cmp.Diff(want, service); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		got[i] = service
	}
	for name, text := range map[string]func(*v1alpha1.GoService) string{
		"a condition's message": func(s *v1alpha1.GoService) string { return s.Status.Conditions[0].Message },
		"a reason of the plan":  func(s *v1alpha1.GoService) string { return s.Status.Plan.Replicas.Reason },
		"a reason in a list":    func(s *v1alpha1.GoService) string { return s.Status.Plan.Alerts[0].Reason },
	} {
		if unsafe.StringData(text(got[0])) != unsafe.StringData(text(got[1])) {
			t.Errorf("%s is in memory twice", name)
		}
	}
}

func TestEqualStringsAreKeptOnce(t *testing.T) {
	var i interner
	first, second := i.intern(strings.Clone("a key")), i.intern(strings.Clone("a key"))
	if unsafe.StringData(first) != unsafe.StringData(second) || first != "a key" {
		t.Errorf("%q and %q are two strings", first, second)
	}
	for number := range 2 * maxInterned {
		if text := strconv.Itoa(number); i.intern(text) != text {
			t.Fatalf("%s became another string", text)
		}
	}
	if len(i.known) > maxInterned {
		t.Errorf("%d strings are kept", len(i.known))
	}
	if known := i.intern(strings.Clone("a key")); unsafe.StringData(known) != unsafe.StringData(first) {
		t.Error("what was known is forgotten once the table is full")
	}
}
