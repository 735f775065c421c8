// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
	clientretry "k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
)

// countLog is every replica count that the Deployment had, in order.
type countLog struct {
	mu     sync.Mutex
	counts []int32
}

func (l *countLog) all() []int32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.counts)
}

// watchCounts follows the Deployment's replica count from now on.
func watchCounts(t *testing.T, namespace string) *countLog {
	t.Helper()
	clientset, err := kubernetes.NewForConfig(testConfig)
	if err != nil {
		t.Fatal(err)
	}
	var now appsv1.Deployment
	get(t, namespace, serviceName, &now)
	watcher, err := clientset.AppsV1().Deployments(namespace).Watch(t.Context(), metav1.ListOptions{ResourceVersion: now.ResourceVersion})
	if err != nil {
		t.Fatal(err)
	}
	log := &countLog{counts: []int32{*now.Spec.Replicas}}
	var reading sync.WaitGroup
	reading.Go(func() {
		for event := range watcher.ResultChan() {
			deployment, is := event.Object.(*appsv1.Deployment)
			if !is {
				continue
			}
			log.mu.Lock()
			if log.counts[len(log.counts)-1] != *deployment.Spec.Replicas {
				log.counts = append(log.counts, *deployment.Spec.Replicas)
			}
			log.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		watcher.Stop()
		reading.Wait()
	})
	return log
}

// autoscale sets the count as the HorizontalPodAutoscaler's controller does.
func autoscale(t *testing.T, namespace string, replicas int32) {
	t.Helper()
	clientset, err := kubernetes.NewForConfig(testConfig)
	if err != nil {
		t.Fatal(err)
	}
	deployments := clientset.AppsV1().Deployments(namespace)
	if err := clientretry.RetryOnConflict(clientretry.DefaultRetry, func() error {
		scale, err := deployments.GetScale(t.Context(), serviceName, metav1.GetOptions{})
		if err != nil {
			return err
		}
		scale.Spec.Replicas = replicas
		_, err = deployments.UpdateScale(t.Context(), serviceName, scale, metav1.UpdateOptions{FieldManager: "kube-controller-manager"})
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func replicasOf(t *testing.T, namespace string) int32 {
	t.Helper()
	var deployment appsv1.Deployment
	get(t, namespace, serviceName, &deployment)
	return *deployment.Spec.Replicas
}

// follows waits until the watch has seen the present count.
func (l *countLog) follows(t *testing.T, namespace string) []int32 {
	t.Helper()
	eventually(t, func(g gomega.Gomega) {
		counts := l.all()
		g.Expect(counts[len(counts)-1]).To(gomega.Equal(replicasOf(t, namespace)))
	})
	return l.all()
}

func TestTheCountSurvivesEveryHandOver(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	op := startOperator(t, namespace, nil)
	applyService(t, namespace, `replicas: 5`)
	settled(t, namespace, serviceName)
	counts := watchCounts(t, namespace)

	const autoscaled = `autoscaling: {minReplicas: 2, maxReplicas: 10}`
	applyService(t, namespace, autoscaled)
	settled(t, namespace, serviceName)
	if written := nudgeOperator(t, namespace, op, 1); len(written) > 0 {
		t.Errorf("after the hand-over to the autoscaler the operator still wrote %v", written)
	}
	autoscale(t, namespace, 7)
	if written := nudgeOperator(t, namespace, op, 2); len(written) > 0 {
		t.Errorf("the operator fought the autoscaler: %v", written)
	}
	applyService(t, namespace, with(t, autoscaled, `image: registry.example/checkout:v2`))
	settled(t, namespace, serviceName)
	applyService(t, namespace, with(t, autoscaled, `autoscaling: {minReplicas: 3}`))
	settled(t, namespace, serviceName)
	if diff := cmp.Diff([]int32{5, 7}, counts.follows(t, namespace)); diff != "" {
		t.Errorf("counts while autoscaled (-want +got):\n%s", diff)
	}

	applyService(t, namespace, `replicas: 7`)
	settled(t, namespace, serviceName)
	applyService(t, namespace, autoscaled)
	settled(t, namespace, serviceName)
	autoscale(t, namespace, 9)
	applyService(t, namespace, `replicas: 4`)
	settled(t, namespace, serviceName)
	applyService(t, namespace, autoscaled)
	settled(t, namespace, serviceName)
	if diff := cmp.Diff([]int32{5, 7, 9, 4}, counts.follows(t, namespace)); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

func TestAFixedSizeIsKept(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	startOperator(t, namespace, nil)
	applyService(t, namespace, `replicas: 3`)
	settled(t, namespace, serviceName)
	autoscale(t, namespace, 8)
	eventually(t, func(g gomega.Gomega) { g.Expect(replicasOf(t, namespace)).To(gomega.Equal(int32(3))) })
}

func TestAnAutoscaledServiceStartsAtItsMinimum(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	op := startOperator(t, namespace, nil)
	applyService(t, namespace, `autoscaling: {minReplicas: 4, maxReplicas: 10}`)
	settled(t, namespace, serviceName)
	if got := replicasOf(t, namespace); got != 4 {
		t.Errorf("%d replicas", got)
	}
	created := slices.DeleteFunc(op.writes.to(serviceName), func(entry string) bool { return entry != "PATCH deployments/checkout" })
	if len(created) != 1 {
		t.Errorf("%d writes made the Deployment; between two it would start with one pod", len(created))
	}
	autoscale(t, namespace, 6)
	op.stop()
	restarted := startOperator(t, namespace, nil)
	if written := nudgeOperator(t, namespace, restarted, 1); len(written) > 0 || replicasOf(t, namespace) != 6 {
		t.Errorf("after a restart: %d replicas, written %v", replicasOf(t, namespace), written)
	}
}

// kubectl scale and autoscalers of the user's own work on a GoService like on a Deployment.
func TestScaleSubresource(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	startOperator(t, namespace, nil)
	service := applyService(t, namespace, `replicas: 2`)
	settled(t, namespace, serviceName)
	scale := &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: 6}}
	if err := api.SubResource("scale").Update(t.Context(), service, client.WithSubResourceBody(scale)); err != nil {
		t.Fatal(err)
	}
	settled(t, namespace, serviceName)
	if got := replicasOf(t, namespace); got != 6 {
		t.Errorf("%d replicas, want the 6 that the GoService was scaled to", got)
	}
	setDeploymentStatus(t, namespace, appsv1.DeploymentStatus{Replicas: 5, ReadyReplicas: 4})
	eventually(t, func(g gomega.Gomega) {
		var seen autoscalingv1.Scale
		g.Expect(api.SubResource("scale").Get(t.Context(), service, &seen)).To(gomega.Succeed())
		g.Expect(seen.Status.Replicas).To(gomega.Equal(int32(5)))
		g.Expect(seen.Status.Selector).To(gomega.Equal("app.kubernetes.io/managed-by=goservice-operator,app.kubernetes.io/name=checkout"))
	})
	var now v1alpha1.GoService
	get(t, namespace, serviceName, &now)
	if now.Spec.Replicas == nil || *now.Spec.Replicas != 6 {
		t.Errorf("spec.replicas %v", now.Spec.Replicas)
	}
}

func TestAChangedStartIsAppliedOnce(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	op := startOperator(t, namespace, nil)
	const bounds = `autoscaling: {minReplicas: 2, maxReplicas: 20}`
	applyService(t, namespace, with(t, bounds, `replicas: 4`))
	settled(t, namespace, serviceName)
	counts := watchCounts(t, namespace)
	autoscale(t, namespace, 9)
	applyService(t, namespace, with(t, with(t, bounds, `replicas: 4`), `image: registry.example/checkout:v2`))
	settled(t, namespace, serviceName)

	applyService(t, namespace, with(t, bounds, `replicas: 6`))
	settled(t, namespace, serviceName)
	autoscale(t, namespace, 7)
	if written := nudgeOperator(t, namespace, op, 1); len(written) > 0 {
		t.Errorf("the operator fought the autoscaler: %v", written)
	}
	applyService(t, namespace, with(t, bounds, `replicas: 30`)) // no further than the bounds
	settled(t, namespace, serviceName)
	applyService(t, namespace, bounds) // the default, which is no wish to run fewer pods
	settled(t, namespace, serviceName)
	if diff := cmp.Diff([]int32{4, 9, 6, 7, 20}, counts.follows(t, namespace)); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

func TestAServiceIsSwitchedOffAndOn(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	startOperator(t, namespace, nil)
	const bounds = `autoscaling: {minReplicas: 2, maxReplicas: 20}`
	applyService(t, namespace, bounds)
	settled(t, namespace, serviceName)
	counts := watchCounts(t, namespace)
	for _, n := range []string{`replicas: 0`, `replicas: 3`, `replicas: 0`} {
		applyService(t, namespace, with(t, bounds, n))
		settled(t, namespace, serviceName)
		_, autoscaled := childrenOf(t, namespace)["HorizontalPodAutoscaler/checkout"]
		if off := n == `replicas: 0`; autoscaled == off {
			t.Errorf("%s: autoscaler %t", n, autoscaled)
		}
	}
	applyService(t, namespace, bounds)
	settled(t, namespace, serviceName)
	if diff := cmp.Diff([]int32{2, 0, 3, 0, 2}, counts.follows(t, namespace)); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

func TestADeploymentThatSomebodyScaledToZeroStaysThere(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	op := startOperator(t, namespace, nil)
	const bounds = `autoscaling: {minReplicas: 2, maxReplicas: 20}`
	applyService(t, namespace, bounds)
	settled(t, namespace, serviceName)
	autoscale(t, namespace, 0) // as kubectl scale and kube-downscaler do
	applyService(t, namespace, with(t, bounds, `image: registry.example/checkout:v2`))
	settled(t, namespace, serviceName)
	var deployment appsv1.Deployment
	get(t, namespace, serviceName, &deployment)
	if err := op.reconciler.engine.Raise(t.Context(), &deployment, 5); err != nil {
		t.Fatal(err)
	}
	if got := replicasOf(t, namespace); got != 0 {
		t.Errorf("%d replicas", got)
	}
	autoscale(t, namespace, 3)
	get(t, namespace, serviceName, &deployment)
	if err := op.reconciler.engine.Raise(t.Context(), &deployment, 5); err != nil {
		t.Fatal(err)
	}
	if got := replicasOf(t, namespace); got != 5 {
		t.Errorf("%d replicas after somebody switched it on and the demand needs 5", got)
	}
}

// scaleService writes spec.replicas through the scale subresource, as KEDA and kubectl scale do.
func scaleService(t *testing.T, namespace string, replicas int32) {
	t.Helper()
	service := &v1alpha1.GoService{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: serviceName}}
	scale := &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: replicas}}
	if err := api.SubResource("scale").Update(t.Context(), service, client.WithSubResourceBody(scale)); err != nil {
		t.Fatal(err)
	}
}

func TestTheCountIsHandedToAnExternalAutoscalerAndBack(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	startOperator(t, namespace, nil)
	const automatic, external = `autoscaling: {minReplicas: 2, maxReplicas: 20}`, `autoscaling: {mode: External}`
	applyService(t, namespace, automatic)
	settled(t, namespace, serviceName)
	autoscale(t, namespace, 7)
	counts := watchCounts(t, namespace)

	applyService(t, namespace, external)
	settled(t, namespace, serviceName)
	if _, autoscaled := childrenOf(t, namespace)["HorizontalPodAutoscaler/checkout"]; autoscaled {
		t.Error("the operator's own autoscaler is left")
	}
	applyService(t, namespace, with(t, external, `image: registry.example/checkout:v2`))
	settled(t, namespace, serviceName)
	scaleService(t, namespace, 9)
	settled(t, namespace, serviceName)
	scaleService(t, namespace, 2)
	settled(t, namespace, serviceName)
	scaleService(t, namespace, 8)
	settled(t, namespace, serviceName)

	applyService(t, namespace, automatic)
	settled(t, namespace, serviceName)
	get(t, namespace, serviceName, &autoscalingv2.HorizontalPodAutoscaler{})
	if diff := cmp.Diff([]int32{7, 9, 2, 8}, counts.follows(t, namespace)); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

// A service has a scale from the beginning: the API server fills in the default, also for objects that were stored before
// there was one.
func TestTheScaleOfAServiceCanAlwaysBeRead(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	service := applyService(t, namespace, `slo: {availability: "99"}`)
	var scale autoscalingv1.Scale
	if err := api.SubResource("scale").Get(t.Context(), service, &scale); err != nil || scale.Spec.Replicas != 2 {
		t.Errorf("a scale of %d (%v), want 2", scale.Spec.Replicas, err)
	}

	definition := shippedDefinition(t, "before.goservice.dev")
	replicas := definition.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
	withDefault := replicas.Properties["replicas"]
	without := withDefault
	without.Default = nil
	replicas.Properties["replicas"] = without
	if err := api.Create(t.Context(), definition); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := api.Delete(context.Background(), definition); err != nil {
			t.Error(err)
		}
	})
	stored := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{}}}
	stored.SetGroupVersionKind(schema.GroupVersionKind{Group: "before.goservice.dev", Version: "v1alpha1", Kind: "GoService"})
	stored.SetNamespace(namespace)
	stored.SetName(serviceName)
	eventually(t, func(g gomega.Gomega) { g.Expect(api.Create(t.Context(), stored.DeepCopy())).To(gomega.Succeed()) })
	get(t, namespace, serviceName, stored)
	if _, has, _ := unstructured.NestedFieldNoCopy(stored.Object, "spec", "replicas"); has {
		t.Fatal("the object was stored with a default")
	}
	var current apiextensionsv1.CustomResourceDefinition
	if err := api.Get(t.Context(), client.ObjectKeyFromObject(definition), &current); err != nil {
		t.Fatal(err)
	}
	current.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"].Properties["replicas"] = withDefault
	if err := api.Update(t.Context(), &current); err != nil {
		t.Fatal(err)
	}
	eventually(t, func(g gomega.Gomega) {
		scale := &unstructured.Unstructured{}
		scale.SetGroupVersionKind(autoscalingv1.SchemeGroupVersion.WithKind("Scale"))
		g.Expect(api.SubResource("scale").Get(t.Context(), stored, scale)).To(gomega.Succeed())
		g.Expect(scale.Object["spec"]).To(gomega.Equal(map[string]any{"replicas": int64(2)}))
	})
}

// shippedDefinition is the definition of GoServices as it is shipped, in a group of its own.
func shippedDefinition(t *testing.T, group string) *apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	var shipped apiextensionsv1.CustomResourceDefinition
	if err := api.Get(t.Context(), client.ObjectKey{Name: "goservices." + v1alpha1.GoServiceKind.Group}, &shipped); err != nil {
		t.Fatal(err)
	}
	definition := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: "goservices." + group}, Spec: shipped.Spec}
	definition.Spec.Group = group
	return definition
}
