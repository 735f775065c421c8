// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"fmt"
	"testing"

	"github.com/onsi/gomega"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
)

// A real autoscaler scales the service under real load, with nobody else to do it: tuning is off until it has. The operator leaves
// its replica count alone whatever else it applies, and the way to a fixed size and back keeps the count.
func TestRealAutoscalerScales(t *testing.T) {
	j := newJourney(t)
	j.apply(manifest("busy", map[string]any{
		"replicas":    1,
		"slo":         map[string]any{"latency": map[string]any{"threshold": "500ms"}},
		"autoscaling": map[string]any{"minReplicas": 1, "maxReplicas": 3},
		"tuning":      map[string]any{"mode": "Disabled"},
		"pool":        roomy,
		"resources":   smallResources,
	}))
	j.ready("busy")
	j.expose("busy")
	j.Expect(j.pods("busy")).To(gomega.HaveLen(1))

	load := j.send(cluster.url+"/work?cpu=5ms", 40)
	j.eventually(func() int { return len(j.pods("busy")) }).WithTimeout(2 * patience).Should(gomega.Equal(3))
	j.scaledByItself("busy", 3)
	j.eventually(func() int32 { return j.service("busy").Status.ReadyReplicas }).Should(gomega.BeEquivalentTo(3))

	t.Log("an apply that changes the Deployment keeps the autoscaler's count, with tuning on")
	j.kubectl("", "patch", "gosvc", "busy", "--type=merge", "-p", `{"spec":{"pod":{"labels":{"team":"shop"}},"tuning":{"mode":"Automatic"}}}`)
	j.ready("busy")
	j.Expect(j.service("busy").Status.ReadyReplicas).To(gomega.BeEquivalentTo(3))

	t.Log("from the autoscaler to an external one and back")
	j.kubectl("", "patch", "gosvc", "busy", "--type=merge", "-p", `{"spec":{"autoscaling":{"mode":"External"},"replicas":3}}`)
	j.eventually(func() string { return j.kubectl("", "get", "hpa", "--no-headers", "--ignore-not-found") }).Should(gomega.BeEmpty())
	// The last rollout's surplus pod may still be about to leave.
	j.eventually(func() int { return len(j.pods("busy")) }).Should(gomega.Equal(3))
	j.kubectl("", "patch", "gosvc", "busy", "--type=merge", "-p", `{"spec":{"autoscaling":{"mode":"Automatic","maxReplicas":4}}}`)
	j.eventually(func() string { return j.kubectl("", "get", "hpa", "--no-headers", "--ignore-not-found") }).ShouldNot(gomega.BeEmpty())
	j.waitFor("busy", v1alpha1.ConditionReady)
	j.Expect(len(j.pods("busy"))).To(gomega.BeNumerically(">=", 3))
	load.lossless(j) // it had to go on: without it, the autoscaler would have been right to take pods away
}

// scaledByItself demands that the autoscaler has measured more CPU than its target and has set the count because of it, and that
// its minimum was left where the user set it.
func (j *journey) scaledByItself(name string, pods int32) {
	j.t.Helper()
	var autoscaler autoscalingv2.HorizontalPodAutoscaler
	key := client.ObjectKey{Namespace: j.namespace, Name: name}
	j.eventually(func(g gomega.Gomega) {
		g.Expect(cluster.client.Get(j.ctx, key, &autoscaler)).To(gomega.Succeed())
		g.Expect(autoscaler.Spec.MinReplicas).To(gomega.HaveValue(gomega.BeEquivalentTo(1)), "nobody else has raised the count")
		g.Expect(autoscaler.Status.DesiredReplicas).To(gomega.Equal(pods))
		g.Expect(autoscaler.Status.CurrentMetrics).To(gomega.ContainElement(gomega.HaveField("ContainerResource.Current.AverageUtilization",
			gomega.HaveValue(gomega.BeNumerically(">", *autoscaler.Spec.Metrics[0].ContainerResource.Target.AverageUtilization)))))
	}).Should(gomega.Succeed())
	var events corev1.EventList
	j.eventually(func() ([]corev1.Event, error) {
		err := cluster.client.List(j.ctx, &events, client.InNamespace(j.namespace))
		return events.Items, err
	}).Should(gomega.ContainElement(gomega.And(
		gomega.HaveField("InvolvedObject.Kind", "HorizontalPodAutoscaler"),
		gomega.HaveField("InvolvedObject.Name", name),
		gomega.HaveField("Reason", "SuccessfulRescale"),
		gomega.HaveField("Message", gomega.ContainSubstring(fmt.Sprintf("New size: %d", pods))),
	)))
}
