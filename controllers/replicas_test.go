// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
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
	scale, err := deployments.GetScale(t.Context(), serviceName, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	scale.Spec.Replicas = replicas
	if _, err := deployments.UpdateScale(t.Context(), serviceName, scale, metav1.UpdateOptions{FieldManager: "kube-controller-manager"}); err != nil {
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
