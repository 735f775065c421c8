// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"goservice.dev/operator/api/v1alpha1"
)

// All requests come over one connection of HTTP/2, as those of a gRPC client do, so all of them reach one pod, which can do ten a second. Pods
// that share their queue serve all of them; those that do not are the proof that one alone could not.
func TestOneConnectionHasAllPods(t *testing.T) {
	const pods, sent = 4, "24"
	j := newJourney(t)
	for name, mode := range map[string]v1alpha1.HandOffMode{"shared": v1alpha1.HandOffAutomatic, "alone": v1alpha1.HandOffDisabled} {
		j.apply(manifest(name, map[string]any{
			"replicas": pods, "handOff": mode, "resources": smallResources,
			"pool": map[string]any{"workers": 1},
		}))
	}
	j.apply(manifest("planned", map[string]any{
		"resources": smallResources, "slo": map[string]any{"latency": map[string]any{"threshold": "200ms"}},
	}))
	j.ready("shared")
	j.ready("alone")
	j.waitFor("shared", v1alpha1.ConditionQueueShared)
	j.eventually(func() []string { return j.figures("shared", "goservice_hand_off_peers") }).
		Should(gomega.HaveEach(fmt.Sprint(pods-1)), "pods know each other")
	load := func(name string) (loadSummary, string) {
		return j.loadFrom("load-"+name, nil, "-http2", "-connections", "1", "-rate", sent, "-for", "10s",
			"-url", fmt.Sprintf("http://%s.%s.svc/work?sleep=100ms", name, j.namespace))
	}
	seen, log := load("shared")
	t.Logf("shared: %+v", seen)
	j.Expect(seen.Accepted).To(gomega.Equal(seen.Sent), log)
	j.Expect(seen.Unsent).To(gomega.BeZero(), log)
	j.Expect(seen.Sent).To(gomega.BeNumerically(">", 200), log)
	j.Expect(j.figures("shared", "goservice_service_seconds_count")).NotTo(gomega.ContainElement("0"), "each pod has served some")

	seen, log = load("alone")
	t.Logf("alone: %+v", seen)
	j.Expect(seen.Accepted).To(gomega.BeNumerically("<", seen.Sent*3/4), log)

	// A service that is scaled is planned as one queue once its pods have been linked for a minute.
	j.eventually(func() string { return j.service("planned").Status.Plan.CPUTarget.Reason }).Should(gomega.ContainSubstring("in one queue"))
}

// figures of a metric in each pod of a service, by the beginning of its line.
func (j *journey) figures(name, metric string) (all []string) {
	j.t.Helper()
	for _, pod := range j.pods(name) {
		page, err := cluster.clientset.CoreV1().Pods(j.namespace).ProxyGet("http", pod.Name, "9100", "/metrics", nil).DoRaw(j.ctx)
		j.Expect(err).NotTo(gomega.HaveOccurred())
		value := "0"
		for line := range strings.Lines(string(page)) {
			if fields := strings.Fields(line); strings.HasPrefix(line, metric) {
				value = fields[len(fields)-1]
			}
		}
		all = append(all, value)
	}
	return all
}
