// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"testing"

	"github.com/onsi/gomega"

	"goservice.dev/operator/api/v1alpha1"
)

// A real autoscaler scales the service under real load, the operator leaves its replica count alone whatever else it
// applies, and the way to a fixed size and back keeps the count.
func TestRealAutoscalerScales(t *testing.T) {
	j := newJourney(t)
	j.apply(manifest("busy", map[string]any{
		"replicas":    1,
		"slo":         map[string]any{"latency": map[string]any{"threshold": "500ms"}},
		"autoscaling": map[string]any{"minReplicas": 1, "maxReplicas": 3},
		"resources":   smallResources,
	}))
	j.ready("busy")
	j.expose("busy")
	j.Expect(j.pods("busy")).To(gomega.HaveLen(1))

	load := send(j.ctx, cluster.url+"/work?cpu=5ms", 40)
	j.eventually(func() int { return len(j.pods("busy")) }).WithTimeout(2 * patience).Should(gomega.Equal(3))
	seen, errs := load.Stop()
	j.Expect(seen.failed()).To(gomega.BeZero(), "%v of %v", errs, seen)
	j.eventually(func() int32 { return j.service("busy").Status.ReadyReplicas }).Should(gomega.BeEquivalentTo(3))

	t.Log("an apply that changes the Deployment keeps the autoscaler's count")
	j.kubectl("", "patch", "gosvc", "busy", "--type=merge", "-p", `{"spec":{"pod":{"labels":{"team":"shop"}}}}`)
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
}
