// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"context"
	"testing"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/internal/measure"
)

// TestAForeignServiceIsMeasuredAndScaled lets a service that is not built on the toolkit become one that is, and back: what only the
// toolkit has goes and comes, and the demand is answered all the time.
func TestAForeignServiceIsMeasuredAndScaled(t *testing.T) {
	t.Parallel()
	namespace, load, pods := newNamespace(t), newTraffic(50), newWorkload()
	pods.scrape = func(ctx context.Context, pod measure.Pod, from measure.Endpoint) (measure.Sample, error) {
		counters, err := load.scrape(ctx, pod, from)
		counters.Served, counters.ServiceSeconds, counters.Workers = 0, 0, 0
		return counters, err
	}
	startOperator(t, namespace, pods)
	const spec = `{image: "registry.example/orders:1", slo: {availability: "99.9", latency: {threshold: 100ms}}, autoscaling: {maxReplicas: 30},
		resources: {requests: {cpu: "1"}, limits: {cpu: "1"}}}`
	foreign := with(t, spec, `observability: {metrics: {indicators: OpenTelemetry, port: 2112}}`)
	wasLive := false
	live := func(g gomega.Gomega, wanted bool) {
		var service v1alpha1.GoService
		g.Expect(api.Get(t.Context(), clientKey(namespace, serviceName), &service)).To(gomega.Succeed())
		g.Expect(service.Status.ObservedGeneration).To(gomega.Equal(service.Generation))
		g.Expect(service.Status.LiveSettings != nil).To(gomega.Equal(wanted), "status.liveSettings")
		g.Expect(service.Status.Plan.Workers != nil).To(gomega.Equal(wanted), "status.plan.workers")
		g.Expect(meta.FindStatusCondition(service.Status.Conditions, v1alpha1.ConditionTuned) != nil).To(gomega.Equal(wanted), "condition Tuned")
		err := api.Get(t.Context(), clientKey(namespace, serviceName+"-live-settings"), &corev1.ConfigMap{})
		if wanted || !wasLive { // what running pods mount stays until their rollout has finished
			g.Expect(apierrors.IsNotFound(err)).To(gomega.Equal(!wanted), "ConfigMap")
		}
		wasLive = wasLive || wanted
		var deployment appsv1.Deployment
		g.Expect(api.Get(t.Context(), clientKey(namespace, serviceName), &deployment)).To(gomega.Succeed())
		container := deployment.Spec.Template.Spec.Containers[0]
		g.Expect(len(deployment.Spec.Template.Spec.Volumes) > 0).To(gomega.Equal(wanted), "volumes")
		g.Expect(container.ReadinessProbe.TCPSocket != nil).To(gomega.Equal(!wanted), "readiness by TCP")
		names := make([]string, 0, len(container.Ports))
		for _, port := range container.Ports {
			names = append(names, port.Name)
		}
		g.Expect(names).To(gomega.Equal(map[bool][]string{true: {"http", build.PortNameAdmin}, false: {"http"}}[wanted]))
		var metrics corev1.Service
		g.Expect(api.Get(t.Context(), clientKey(namespace, serviceName+"-metrics"), &metrics)).To(gomega.Succeed())
		g.Expect(metrics.Spec.Ports[0].TargetPort.IntValue()).To(gomega.Equal(map[bool]int{true: 0, false: 2112}[wanted]))
	}
	applyService(t, namespace, foreign)
	settled(t, namespace, serviceName)
	startPod(t, namespace, "checkout-a")
	startPod(t, namespace, "checkout-b")
	eventually(t, func(g gomega.Gomega) {
		live(g, false)
		var service v1alpha1.GoService
		g.Expect(api.Get(t.Context(), clientKey(namespace, serviceName), &service)).To(gomega.Succeed())
		g.Expect(meta.IsStatusConditionTrue(service.Status.Conditions, v1alpha1.ConditionMeasured)).To(gomega.BeTrue())
		g.Expect(meta.IsStatusConditionTrue(service.Status.Conditions, v1alpha1.ConditionSLOMet)).To(gomega.BeTrue())
	})
	load.set(600) // 1200/s of 5 ms: 6 cores
	eventually(t, func(g gomega.Gomega) { g.Expect(replicasOf(t, namespace)).To(gomega.BeNumerically(">=", 8)) })

	t.Log("the next image is built on the toolkit")
	applyService(t, namespace, spec)
	eventually(t, func(g gomega.Gomega) { live(g, true) })
	if n := replicasOf(t, namespace); n < 8 {
		t.Errorf("%d replicas: nothing that was measured is forgotten", n)
	}
	applyService(t, namespace, foreign)
	eventually(t, func(g gomega.Gomega) { live(g, false) })
}
