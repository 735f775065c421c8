// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/apply"
)

// leftByV0 makes the children of a GoService as the last version left them whose pods mount tuning.json.
func leftByV0(t *testing.T, service *v1alpha1.GoService) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", "v0", "children.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	_, objects, _ := strings.Cut(string(content), "---\n")
	for text := range strings.SplitSeq(objects, "---\n") {
		object := &unstructured.Unstructured{Object: parse(t, text)}
		object.SetNamespace(service.Namespace)
		object.SetOwnerReferences([]metav1.OwnerReference{*metav1.NewControllerRef(service, v1alpha1.GoServiceKind)})
		if err := api.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner(apply.FieldManager)); err != nil {
			t.Fatal(err)
		}
	}
}

// Pods that an operator of before started go on being retuned, beside those of a template of today, and what they mount
// stays for as long as there are any.
func TestOlderPodsAreRetunedInTheirForm(t *testing.T) {
	t.Parallel()
	namespace, pods := newNamespace(t), newWorkload()
	leftByV0(t, applyService(t, namespace, minimalSpec))
	older := []string{"a", "b", "c", "d"}
	for _, pod := range older {
		startPodWith(t, namespace, pod, nil)
	}
	op := startOperator(t, namespace, pods)
	tuned(t, namespace, 4, "625/s")

	op.writes.forget()
	applyService(t, namespace, with(t, minimalSpec, `rateLimit: {requestsPerSecond: 5000}`))
	tuned(t, namespace, 4, "1250/s")
	expectRates(t, pods, namespace, map[string]float64{"a": 1250, "b": 1250, "c": 1250, "d": 1250})
	written := op.writes.written()
	slices.Sort(written)
	want := []string{
		"PATCH configmaps/checkout-live-settings", "PATCH configmaps/checkout-tuning", "PATCH goservices/checkout/status",
		"PATCH pods/a", "PATCH pods/b", "PATCH pods/c", "PATCH pods/d",
	}
	if diff := cmp.Diff(want, written); diff != "" {
		t.Errorf("writes of a retune (-want +got):\n%s", diff)
	}

	applyService(t, namespace, with(t, minimalSpec, `{image: registry.example/checkout:v2, rateLimit: {requestsPerSecond: 5000}}`))
	settled(t, namespace, serviceName)
	startPod(t, namespace, "e")
	tuned(t, namespace, 5, "1000/s")
	expectRates(t, pods, namespace, map[string]float64{"a": 1000, "b": 1000, "c": 1000, "d": 1000, "e": 1000})
	for _, pod := range older {
		if _, exists := childrenOf(t, namespace)["ConfigMap/checkout-tuning"]; !exists {
			t.Fatalf("there is no ConfigMap for pod %s to mount", pod)
		}
		if err := api.Delete(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: pod}}); err != nil {
			t.Fatal(err)
		}
	}
	tuned(t, namespace, 1, "5000/s")
	var deployment appsv1.Deployment
	get(t, namespace, serviceName, &deployment)
	setDeploymentStatus(t, namespace, appsv1.DeploymentStatus{ObservedGeneration: deployment.Generation, Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 1})
	eventually(t, func(g gomega.Gomega) {
		g.Expect(names(childrenOf(t, namespace))).NotTo(gomega.ContainElement("ConfigMap/checkout-tuning"))
	})
	expectRates(t, pods, namespace, map[string]float64{"e": 5000})
}
