// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"strings"
	"testing"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
)

// expectCondition waits for a condition's status and reason and returns its message.
func expectCondition(t *testing.T, namespace, conditionType string, status metav1.ConditionStatus, reason string) string {
	t.Helper()
	var message string
	eventually(t, func(g gomega.Gomega) {
		var service v1alpha1.GoService
		g.Expect(api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: serviceName}, &service)).To(gomega.Succeed())
		condition := meta.FindStatusCondition(service.Status.Conditions, conditionType)
		g.Expect(condition).NotTo(gomega.BeNil(), conditionType)
		g.Expect(string(condition.Status)+" "+condition.Reason).To(gomega.Equal(string(status)+" "+reason), condition.Message)
		g.Expect(condition.ObservedGeneration).To(gomega.Equal(service.Generation))
		message = condition.Message
	})
	return message
}

func TestForeignObjectsAreNotTouched(t *testing.T) {
	t.Parallel()
	named := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name} }
	podLabels := map[string]string{"app": "theirs"}
	cases := map[string]struct {
		foreign client.Object
		message string
		// without is how many others do not exist either.
		without int
	}{
		"a Service of nobody": {
			&corev1.Service{ObjectMeta: named("checkout"), Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 1}}}},
			`a Service named "checkout" exists and belongs to no GoService`, 0,
		},
		"a ConfigMap of Helm": {
			&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
				Name: "checkout-live-settings", Labels: map[string]string{build.LabelManagedBy: "Helm"},
				Annotations: map[string]string{"meta.helm.sh/release-name": "shop"},
			}},
			`a ConfigMap named "checkout-live-settings" exists and belongs to Helm release "shop"`, 0,
		},
		"a ServiceAccount with a controller": {
			&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "checkout", OwnerReferences: []metav1.OwnerReference{
				{APIVersion: "example.com/v1", Kind: "Shop", Name: "theirs", UID: "1", Controller: new(true)},
			}}},
			`a ServiceAccount named "checkout" exists and belongs to Shop "theirs"`, 0,
		},
		"a Deployment with the operator's own label": {
			&appsv1.Deployment{
				ObjectMeta: metav1.ObjectMeta{Name: "checkout", Labels: map[string]string{build.LabelManagedBy: build.ManagedBy}},
				Spec: appsv1.DeploymentSpec{
					Selector: &metav1.LabelSelector{MatchLabels: podLabels},
					Template: corev1.PodTemplateSpec{
						ObjectMeta: metav1.ObjectMeta{Labels: podLabels},
						Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Image: "b"}}},
					},
				},
			},
			`a Deployment named "checkout" exists and belongs to "goservice-operator" (its app.kubernetes.io/managed-by label)`,
			1, // the autoscaler, which would scale it
		},
		"an autoscaler of an earlier life": {
			&autoscalingv2.HorizontalPodAutoscaler{
				ObjectMeta: metav1.ObjectMeta{Name: "checkout", OwnerReferences: []metav1.OwnerReference{
					{APIVersion: "goservice.dev/v1alpha1", Kind: "GoService", Name: "checkout", UID: "gone", Controller: new(true)},
				}},
				Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
					MaxReplicas: 3, ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "theirs"},
				},
			},
			`a HorizontalPodAutoscaler named "checkout" exists and belongs to GoService "checkout"`, 0,
		},
		"a NetworkPolicy of nobody": {
			&networkingv1.NetworkPolicy{ObjectMeta: named("checkout")}, `a NetworkPolicy named "checkout" exists and belongs to no GoService`, 0,
		},
		"a PodDisruptionBudget of nobody": {
			&policyv1.PodDisruptionBudget{ObjectMeta: named("checkout"), Spec: policyv1.PodDisruptionBudgetSpec{MaxUnavailable: new(intstr.FromInt32(1))}},
			`a PodDisruptionBudget named "checkout" exists and belongs to no GoService`, 0,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t)
			c.foreign.SetNamespace(namespace)
			if err := api.Create(t.Context(), c.foreign); err != nil {
				t.Fatal(err)
			}
			before := c.foreign.GetResourceVersion()
			startOperator(t, namespace, nil)
			applyService(t, namespace, with(t, minimalSpec, `networkPolicy: {}`))

			message := expectCondition(t, namespace, v1alpha1.ConditionApplied, metav1.ConditionFalse, v1alpha1.ReasonConflict)
			if !strings.HasPrefix(message, c.message) || !strings.Contains(message, "choose another name for the GoService") {
				t.Errorf("message %q, want it to begin with %q and to say what to do", message, c.message)
			}
			expectCondition(t, namespace, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonConflict)
			get(t, namespace, c.foreign.GetName(), c.foreign)
			if after := c.foreign.GetResourceVersion(); after != before {
				t.Errorf("the foreign object was written: resource version %s, before %s", after, before)
			}
			ours := 0
			for _, child := range childrenOf(t, namespace) {
				if child.GetUID() != c.foreign.GetUID() {
					ours++
				}
			}
			if ours != 7-c.without {
				t.Errorf("%d of the %d other children exist", ours, 7-c.without)
			}

			if err := api.Delete(t.Context(), c.foreign); err != nil {
				t.Fatal(err)
			}
			settled(t, namespace, serviceName)
			if children := names(childrenOf(t, namespace)); len(children) != 8 {
				t.Errorf("children: %v", children)
			}
		})
	}
}

func TestTwoServicesThatWantOneName(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	startOperator(t, namespace, nil)
	applyNamed(t, namespace, "checkout-metrics", `replicas: 1`)
	settled(t, namespace, "checkout-metrics")
	applyService(t, namespace, `replicas: 1`)
	message := expectCondition(t, namespace, v1alpha1.ConditionApplied, metav1.ConditionFalse, v1alpha1.ReasonConflict)
	if want := `a Service named "checkout-metrics" exists and belongs to GoService "checkout-metrics"`; !strings.HasPrefix(message, want) {
		t.Errorf("message %q, want %q", message, want)
	}
	settled(t, namespace, "checkout-metrics")
}

func TestEveryForeignObjectIsNamed(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	for _, foreign := range []client.Object{aDeployment(serviceName), aService(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "checkout-live-settings"}}} {
		foreign.SetNamespace(namespace)
		if foreign.GetName() == "probe" {
			foreign.SetName("checkout-metrics")
		}
		if err := api.Create(t.Context(), foreign); err != nil {
			t.Fatal(err)
		}
	}
	startOperator(t, namespace, nil)
	applyService(t, namespace, minimalSpec)
	message := expectCondition(t, namespace, v1alpha1.ConditionApplied, metav1.ConditionFalse, v1alpha1.ReasonConflict)
	for _, name := range []string{`a Deployment named "checkout"`, `a Service named "checkout-metrics"`, `a ConfigMap named "checkout-live-settings"`} {
		if !strings.Contains(message, name) {
			t.Errorf("message %q does not name %s", message, name)
		}
	}
}

func TestTheAutoscalerGoesWithItsDeployment(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	op := startOperator(t, namespace, nil)
	applyService(t, namespace, `autoscaling: {minReplicas: 2, maxReplicas: 10}`)
	settled(t, namespace, serviceName)
	op.stop()
	var ours appsv1.Deployment
	get(t, namespace, serviceName, &ours)
	if err := api.Delete(t.Context(), &ours); err != nil {
		t.Fatal(err)
	}
	theirs := aDeployment(serviceName)
	theirs.Namespace, theirs.Spec.Replicas = namespace, new(int32(50))
	if err := api.Create(t.Context(), theirs); err != nil {
		t.Fatal(err)
	}
	startOperator(t, namespace, nil)
	expectCondition(t, namespace, v1alpha1.ConditionApplied, metav1.ConditionFalse, v1alpha1.ReasonConflict)
	eventually(t, func(g gomega.Gomega) {
		err := api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: serviceName}, &autoscalingv2.HorizontalPodAutoscaler{})
		g.Expect(apierrors.IsNotFound(err)).To(gomega.BeTrue(), "the autoscaler: %v", err)
	})
	if err := api.Delete(t.Context(), theirs); err != nil {
		t.Fatal(err)
	}
	settled(t, namespace, serviceName)
	get(t, namespace, serviceName, &autoscalingv2.HorizontalPodAutoscaler{})
}
