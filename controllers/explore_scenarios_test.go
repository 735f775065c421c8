// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"testing"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
)

// scenario is what users and the cluster do to one GoService. Each step waits for what its user would wait for.
type scenario struct {
	name  string
	steps []func(t *testing.T, namespace string)
}

// scenarios that are explored.
var scenarios = []scenario{
	{"change", []func(*testing.T, string){
		applying(`{image: "registry.example/checkout:v1", rateLimit: {requestsPerSecond: 300}, slo: {availability: "99.9", latency: {threshold: 50ms}, load: {peakRequestsPerSecond: 900}}}`),
		applying(`{image: "registry.example/checkout:v2", env: [{name: A, value: b}], pod: {serviceAccountName: mine}, slo: {availability: "99"}}`),
		rolledOut, // and its own ServiceAccount goes
	}},
	{"retune", []func(*testing.T, string){
		applying(`{replicas: 2, rateLimit: {requestsPerSecond: 300}}`),
		func(t *testing.T, namespace string) {
			startPod(t, namespace, "checkout-a")
			startPod(t, namespace, "checkout-b")
		},
		tunedTo("150/s"),
		applying(`{replicas: 2, rateLimit: {requestsPerSecond: 100}, pool: {workers: 5}}`),
		tunedTo("50/s"),
	}},
	{"conflict", []func(*testing.T, string){
		func(t *testing.T, namespace string) {
			foreign := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: serviceName + "-live-settings"}}
			if err := api.Create(t.Context(), foreign); err != nil {
				t.Fatal(err)
			}
			applyService(t, namespace, `{slo: {availability: "99.9"}}`)
			expectConditions(t, namespace, map[string]string{"Applied": "False Conflict"})
			if err := api.Delete(t.Context(), foreign); err != nil {
				t.Fatal(err)
			}
			settled(t, namespace, serviceName)
		},
	}},
	{"rollout", []func(*testing.T, string){
		applying(`{replicas: 2, image: "registry.example/checkout:v1"}`),
		rolledOut,
		applying(`{replicas: 2, image: "registry.example/checkout:v2"}`),
		func(t *testing.T, namespace string) {
			rollout(t, namespace, 3, 1, 2)
			expectConditions(t, namespace, map[string]string{"Ready": "False RollingOut"})
		},
		rolledOut,
	}},
	{"hand-over", []func(*testing.T, string){
		applying(`{autoscaling: {minReplicas: 2, maxReplicas: 9}}`),
		scaledTo(6),
		applying(`{replicas: 3}`),
		counting(3),
		applying(`{replicas: 3, autoscaling: {minReplicas: 2, maxReplicas: 9}}`),
		scaledTo(5),
		applying(`{replicas: 3, autoscaling: {minReplicas: 4, maxReplicas: 9}}`),
		counting(5),
	}},
	{"scaled amid a hand-over", []func(*testing.T, string){
		applying(`{replicas: 3}`),
		func(t *testing.T, namespace string) {
			applyService(t, namespace, `{autoscaling: {minReplicas: 2, maxReplicas: 9}}`)
		},
		autoscaledAtOnce(6),
		applying(`{autoscaling: {minReplicas: 2, maxReplicas: 8}}`),
		counting(6),
	}},
}

func applying(spec string) func(*testing.T, string) {
	return func(t *testing.T, namespace string) {
		applyService(t, namespace, spec)
		settled(t, namespace, serviceName)
	}
}

// scaledTo lets the autoscaler's own controller set the count.
func scaledTo(replicas int32) func(*testing.T, string) {
	return func(t *testing.T, namespace string) {
		autoscale(t, namespace, replicas)
		counting(replicas)(t, namespace)
	}
}

// autoscaledAtOnce lets the autoscaler's own controller set the count as soon as there is an autoscaler, and its count must stay.
func autoscaledAtOnce(replicas int32) func(*testing.T, string) {
	return func(t *testing.T, namespace string) {
		eventually(t, func(g gomega.Gomega) {
			var autoscaler autoscalingv2.HorizontalPodAutoscaler
			g.Expect(api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: serviceName}, &autoscaler)).To(gomega.Succeed())
		})
		scaledTo(replicas)(t, namespace)
	}
}

func counting(replicas int32) func(*testing.T, string) {
	return func(t *testing.T, namespace string) {
		eventually(t, func(g gomega.Gomega) {
			var deployment appsv1.Deployment
			g.Expect(api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: serviceName}, &deployment)).To(gomega.Succeed())
			g.Expect(*deployment.Spec.Replicas).To(gomega.Equal(replicas))
		})
	}
}

// rolledOut finishes a rollout as the Deployment's controller does, and waits for Ready.
func rolledOut(t *testing.T, namespace string) {
	rollout(t, namespace, 2, 2, 2)
	expectConditions(t, namespace, map[string]string{"Ready": "True Ready"})
}

// tunedTo waits until every pod confirmed its share of the limit.
func tunedTo(share string) func(*testing.T, string) {
	return func(t *testing.T, namespace string) {
		eventually(t, func(g gomega.Gomega) {
			var service v1alpha1.GoService
			g.Expect(api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: serviceName}, &service)).To(gomega.Succeed())
			g.Expect(service.Status.LiveSettings).NotTo(gomega.BeNil())
			g.Expect(service.Status.LiveSettings.RequestsPerSecondPerPod).To(gomega.Equal(share))
			g.Expect(service.Status.LiveSettings.ConfirmedPods).To(gomega.Equal(int32(2)))
			g.Expect(meta.IsStatusConditionTrue(service.Status.Conditions, v1alpha1.ConditionTuned)).To(gomega.BeTrue())
		})
	}
}
