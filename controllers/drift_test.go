// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/controllers/internal/build"
)

// content is all of an object that somebody declared.
func content(t *testing.T, object client.Object) map[string]any {
	t.Helper()
	all, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		t.Fatal(err)
	}
	delete(all, "status")
	delete(all, "metadata")
	all["labels"], all["annotations"], all["owners"] = maps.Clone(object.GetLabels()), maps.Clone(object.GetAnnotations()), object.GetOwnerReferences()
	return all
}

func TestDriftIsPutRight(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		child string
		drift func(client.Object)
	}{
		"a token is mounted":          {"ServiceAccount/checkout", func(o client.Object) { o.(*corev1.ServiceAccount).AutomountServiceAccountToken = new(true) }},
		"a token is mounted again":    {"ServiceAccount/checkout", func(o client.Object) { o.(*corev1.ServiceAccount).AutomountServiceAccountToken = nil }},
		"the document is edited":      {"ConfigMap/checkout-live-settings", func(o client.Object) { o.(*corev1.ConfigMap).Data["live-settings.json"] = "{}" }},
		"the document is removed":     {"ConfigMap/checkout-live-settings", func(o client.Object) { o.(*corev1.ConfigMap).Data = nil }},
		"the selector selects less":   {"Service/checkout", func(o client.Object) { o.(*corev1.Service).Spec.Selector["version"] = "v2" }},
		"the port leads elsewhere":    {"Service/checkout", func(o client.Object) { o.(*corev1.Service).Spec.Ports[0].TargetPort = intstr.FromInt32(1) }},
		"a label is changed":          {"Service/checkout", func(o client.Object) { o.GetLabels()["app.kubernetes.io/instance"] = "mine" }},
		"the operator's label is off": {"Service/checkout", func(o client.Object) { delete(o.GetLabels(), build.LabelManagedBy) }},
		"the operator's mark is off":  {"Service/checkout", func(o client.Object) { o.SetAnnotations(nil) }},
		"draining pods are unlisted":  {"Service/checkout-metrics", func(o client.Object) { o.(*corev1.Service).Spec.PublishNotReadyAddresses = false }},
		"no pod may be evicted": {"PodDisruptionBudget/checkout", func(o client.Object) {
			o.(*policyv1.PodDisruptionBudget).Spec.MaxUnavailable = new(intstr.FromInt32(0))
		}},
		"somebody else may connect": {"NetworkPolicy/checkout", func(o client.Object) {
			rule := &o.(*networkingv1.NetworkPolicy).Spec.Ingress[0]
			rule.From = append(rule.From, networkingv1.NetworkPolicyPeer{NamespaceSelector: &metav1.LabelSelector{}})
		}},
		"everybody may connect": {"NetworkPolicy/checkout", func(o client.Object) {
			spec := &o.(*networkingv1.NetworkPolicy).Spec
			spec.Ingress = append(spec.Ingress, networkingv1.NetworkPolicyIngressRule{})
		}},
		"Prometheus may not connect": {"NetworkPolicy/checkout", func(o client.Object) {
			spec := &o.(*networkingv1.NetworkPolicy).Spec
			spec.Ingress = spec.Ingress[:1]
		}},
		"the policy is for egress": {"NetworkPolicy/checkout", func(o client.Object) {
			o.(*networkingv1.NetworkPolicy).Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress}
		}},
		"the policy is for fewer pods": {"NetworkPolicy/checkout", func(o client.Object) {
			o.(*networkingv1.NetworkPolicy).Spec.PodSelector.MatchLabels["version"] = "v2"
		}},
		"the autoscaler is unbounded": {"HorizontalPodAutoscaler/checkout", func(o client.Object) { o.(*autoscalingv2.HorizontalPodAutoscaler).Spec.MaxReplicas = 9999 }},
		"the autoscaler sees more": {"HorizontalPodAutoscaler/checkout", func(o client.Object) {
			spec := &o.(*autoscalingv2.HorizontalPodAutoscaler).Spec
			more := spec.Metrics[0].DeepCopy()
			more.ContainerResource.Name = corev1.ResourceMemory
			spec.Metrics = append(spec.Metrics, *more)
		}},
		"the autoscaler hurries more": {"HorizontalPodAutoscaler/checkout", func(o client.Object) {
			rules := o.(*autoscalingv2.HorizontalPodAutoscaler).Spec.Behavior.ScaleUp
			rules.Policies = append(rules.Policies, autoscalingv2.HPAScalingPolicy{Type: autoscalingv2.PercentScalingPolicy, Value: 900, PeriodSeconds: 1})
		}},
		"another image": {"Deployment/checkout", func(o client.Object) { template(o).Containers[0].Image = "other:latest" }},
		"a removed variable": {"Deployment/checkout", func(o client.Object) {
			template(o).Containers[0].Env = template(o).Containers[0].Env[1:]
		}},
		"a shorter grace": {"Deployment/checkout", func(o client.Object) { template(o).TerminationGracePeriodSeconds = new(int64(999)) }},
		"more rights":     {"Deployment/checkout", func(o client.Object) { template(o).Containers[0].SecurityContext.AllowPrivilegeEscalation = nil }},
		"another strategy": {"Deployment/checkout", func(o client.Object) {
			o.(*appsv1.Deployment).Spec.Strategy.RollingUpdate.MaxUnavailable = new(intstr.FromInt32(1))
		}},
		"no history to go back to": {"Deployment/checkout", func(o client.Object) { o.(*appsv1.Deployment).Spec.RevisionHistoryLimit = new(int32(0)) }},
	}
	namespace := newNamespace(t)
	op := startOperator(t, namespace, nil)
	applyService(t, namespace, with(t, minimalSpec, `networkPolicy: {from: [{podSelector: {}}]}`))
	settled(t, namespace, serviceName)
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		c := cases[name]
		t.Run(name, func(t *testing.T) {
			child := childrenOf(t, namespace)[c.child]
			before := content(t, child)
			c.drift(child)
			if cmp.Equal(before, content(t, child)) {
				t.Fatal("that is no drift")
			}
			op.writes.forget()
			if err := api.Update(t.Context(), child, client.FieldOwner("somebody")); err != nil {
				t.Fatal(err)
			}
			eventually(t, func(g gomega.Gomega) {
				now := child.DeepCopyObject().(client.Object)
				g.Expect(api.Get(t.Context(), client.ObjectKeyFromObject(child), now)).To(gomega.Succeed())
				g.Expect(cmp.Diff(before, content(t, now))).To(gomega.BeEmpty())
			})
		})
	}
}

func template(deployment client.Object) *corev1.PodSpec {
	return &deployment.(*appsv1.Deployment).Spec.Template.Spec
}

// What others add and the operator has no opinion on stays: a restart by kubectl, a label of an inventory, a sidecar.
func TestWhatOthersAddStays(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	op := startOperator(t, namespace, nil)
	applyService(t, namespace, minimalSpec)
	settled(t, namespace, serviceName)
	var deployment appsv1.Deployment
	get(t, namespace, serviceName, &deployment)
	deployment.Labels["inventory.example/id"] = "7"
	deployment.Spec.Template.Annotations["kubectl.kubernetes.io/restartedAt"] = "2026-01-01T00:00:00Z"
	deployment.Spec.Template.Spec.Containers = append(deployment.Spec.Template.Spec.Containers, corev1.Container{Name: "sidecar", Image: "sidecar"})
	deployment.Spec.Template.Spec.Containers[0].Env = append(deployment.Spec.Template.Spec.Containers[0].Env, corev1.EnvVar{Name: "EXTRA"})
	deployment.Spec.Paused = true
	if err := api.Update(t.Context(), &deployment, client.FieldOwner("somebody")); err != nil {
		t.Fatal(err)
	}
	want := content(t, &deployment)
	if written := nudgeOperator(t, namespace, op, 1); len(written) > 0 {
		t.Errorf("the operator wrote %v", written)
	}
	applyService(t, namespace, with(t, minimalSpec, `pool: {workers: 3}`))
	settled(t, namespace, serviceName)
	get(t, namespace, serviceName, &deployment)
	if diff := cmp.Diff(want, content(t, &deployment)); diff != "" {
		t.Errorf("what others added is gone (-want +got):\n%s", diff)
	}
}
