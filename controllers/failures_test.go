// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"strings"
	"testing"

	"github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
)

// refuse makes a policy that refuses writes of a resource in a namespace for as long as an expression is false. It returns
// how to take it away. Policies take effect a moment after they are made, so it waits until a dry run is refused.
func refuse(t *testing.T, namespace, group, resource, expression string, probe client.Object) func() {
	t.Helper()
	name := resource + "." + namespace
	policy := &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{
				RuleWithOperations: admissionv1.RuleWithOperations{
					Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update},
					Rule:       admissionv1.Rule{APIGroups: []string{group}, APIVersions: []string{"*"}, Resources: []string{resource}},
				},
			}}},
			Validations: []admissionv1.Validation{{Expression: expression, Message: "the release train has left"}},
		},
	}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName:        name,
			ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
			MatchResources: &admissionv1.MatchResources{NamespaceSelector: &metav1.LabelSelector{
				MatchLabels: map[string]string{corev1.LabelMetadataName: namespace},
			}},
		},
	}
	for _, object := range []client.Object{policy, binding} {
		if err := api.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	probe.SetNamespace(namespace)
	eventually(t, func(g gomega.Gomega) {
		attempt := probe.DeepCopyObject().(client.Object)
		g.Expect(api.Create(t.Context(), attempt, client.DryRunAll)).To(gomega.MatchError(gomega.ContainSubstring("denied request")))
	})
	return func() {
		t.Helper()
		for _, object := range []client.Object{binding, policy} {
			if err := api.Delete(t.Context(), object); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func aService() client.Object {
	return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "probe"}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 1}}}}
}

func TestWhatAPolicyRefusesIsRetriedUntilItAllows(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	allow := refuse(t, namespace, "", "services", "false", aService())
	startOperator(t, namespace, nil)
	applyService(t, namespace, `replicas: 1`)
	message := expectCondition(t, namespace, v1alpha1.ConditionApplied, metav1.ConditionFalse, v1alpha1.ReasonDenied)
	for _, part := range []string{`"checkout"`, `"checkout-metrics"`, "the release train has left"} {
		if !strings.Contains(message, part) {
			t.Errorf("message %q does not name %s", message, part)
		}
	}
	allow()
	settled(t, namespace, serviceName)
}

func TestNothingIsPrunedWhileAnApplyFails(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	startOperator(t, namespace, nil)
	applyService(t, namespace, `autoscaling: {minReplicas: 2, maxReplicas: 4}`)
	settled(t, namespace, serviceName)
	allow := refuse(t, namespace, "apps", "deployments", "false", aDeployment("probe"))
	applyService(t, namespace, `replicas: 3`)
	expectCondition(t, namespace, v1alpha1.ConditionApplied, metav1.ConditionFalse, v1alpha1.ReasonDenied)
	get(t, namespace, serviceName, &autoscalingv2.HorizontalPodAutoscaler{})
	allow()
	settled(t, namespace, serviceName)
	if children := names(childrenOf(t, namespace)); len(children) != 6 || replicasOf(t, namespace) != 3 {
		t.Errorf("children %v, %d replicas", children, replicasOf(t, namespace))
	}
}

// The API server of these tests runs without a namespace controller: a deleted namespace stays on its way out.
func TestANamespaceThatEndsIsLeftAlone(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	op := startOperator(t, namespace, nil)
	applyService(t, namespace, `replicas: 1`)
	settled(t, namespace, serviceName)
	object := aNamespace()
	object.SetName(namespace)
	if err := api.Delete(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	eventually(t, func(g gomega.Gomega) {
		ends, err := op.reconciler.ends(t.Context(), namespace)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		g.Expect(ends).To(gomega.BeTrue(), "the operator's cache knows that the namespace is being deleted")
	})
	op.writes.forget()
	for _, child := range childrenOf(t, namespace) {
		if err := api.Delete(t.Context(), child); err != nil {
			t.Fatal(err)
		}
	}
	applyService(t, namespace, `{replicas: 1, pool: {workers: 3}}`)
	eventually(t, func(g gomega.Gomega) {
		var service v1alpha1.GoService
		g.Expect(op.reconciler.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: serviceName}, &service)).To(gomega.Succeed())
		g.Expect(service.Generation).To(gomega.BeEquivalentTo(2))
		seen, err := op.reconciler.observer.Observe(t.Context(), &service)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		g.Expect(seen.Children).To(gomega.BeEmpty())
	})
	request := ctrl.Request{NamespacedName: client.ObjectKey{Namespace: namespace, Name: serviceName}}
	if result, err := op.reconciler.Reconcile(t.Context(), request); err != nil || !result.IsZero() {
		t.Errorf("reconciled: %v, %v", result, err)
	}
	op.stop()
	if written := op.writes.to(serviceName); len(written) != 0 {
		t.Errorf("writes in a namespace that is being deleted: %v", written)
	}
}

func aDeployment(name string) *appsv1.Deployment {
	labels := map[string]string{"app": "theirs"}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Image: "b"}}},
			},
		},
	}
}
