// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

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
	j.Expect(j.figures("shared", "goservice_service_seconds_count")).To(gomega.HaveEach(gomega.MatchRegexp(`^[1-9]\d*$`)), "each pod has served some")

	seen, log = load("alone")
	t.Logf("alone: %+v", seen)
	j.Expect(seen.Accepted).To(gomega.BeNumerically("<", seen.Sent*3/4), log)

	// A service that is scaled is planned as one queue once its pods have been linked for a minute.
	j.eventually(func() string { return j.service("planned").Status.Plan.CPUTarget.Reason }).Should(gomega.ContainSubstring("in one queue"))
}

// The pods to which requests move are other processes, which stop and die when nobody expects it: one that stops for seconds delays what
// runs in it, as its own requests are delayed, and one that dies takes along what it was working on, which may have run and so is not
// run again. Nothing else is lost.
func TestPodsThatOthersRelyOnStopAndDie(t *testing.T) {
	const pods = 4
	j := newJourney(t)
	j.apply(manifest("shared", map[string]any{"replicas": pods, "resources": smallResources, "pool": map[string]any{"workers": 1}}))
	j.ready("shared")
	j.eventually(func() []string { return j.figures("shared", "goservice_hand_off_peers") }).Should(gomega.HaveEach(fmt.Sprint(pods - 1)))
	clients := j.startInside(flow{"one connection", "shared", 80, "/work?sleep=100ms", []string{"-http2", "-connections", "1", "-rate", "20"}, 1})

	const taken = "goservice_hand_off_taken_total"
	var others []corev1.Pod
	j.eventually(func() int {
		others = others[:0]
		for _, pod := range j.pods("shared") {
			if count, err := strconv.ParseFloat(j.figure(&pod, taken), 64); err == nil && count > 0 {
				others = append(others, pod)
			}
		}
		return len(others)
	}).Should(gomega.Equal(pods-1), "all but the pod with the connection run requests of that one")

	// In one command, as the links between pods are given up after some seconds of silence.
	j.Expect(signalProcess(j.ctx, &others[0], "workload", "kill -s STOP $p && sleep 3 && kill -s CONT $p")).To(gomega.Succeed())
	clients.goOn()
	seen := clients.total()
	t.Logf("after a pod stopped for 3 s: %+v", seen)
	j.Expect(seen.Failed+seen.Refused+seen.Unsent).To(gomega.BeZero(), "%+v", seen)

	j.Expect(signalProcess(j.ctx, &others[1], "workload", "kill -s KILL $p")).To(gomega.Succeed())
	j.eventually(func() []string { return j.figures("shared", "goservice_hand_off_peers") }).
		Should(gomega.HaveEach(fmt.Sprint(pods-1)), "its next process is linked with all")
	clients.goOn()
	seen = clients.each(true)[0]
	t.Logf("after another one died: %+v", seen)
	j.Expect(seen.Refused+seen.Unsent).To(gomega.BeZero(), "%+v", seen)
	j.Expect(seen.Failed).To(gomega.BeNumerically("<=", 1), "it had one worker: %+v", seen)
	j.Expect(seen.Accepted).To(gomega.Equal(seen.Sent-seen.Failed), "%+v", seen)
}

// figures of a metric in each pod of a service, by the beginning of its line.
func (j *journey) figures(name, metric string) (all []string) {
	j.t.Helper()
	for _, pod := range j.pods(name) {
		all = append(all, j.figure(&pod, metric))
	}
	return all
}

// figure of a pod; the error if the pod does not answer.
func (j *journey) figure(pod *corev1.Pod, metric string) string {
	j.t.Helper()
	page, err := cluster.clientset.CoreV1().Pods(j.namespace).ProxyGet("http", pod.Name, "9100", "/metrics", nil).DoRaw(j.ctx)
	if err != nil {
		return err.Error()
	}
	value := "0"
	for line := range strings.Lines(string(page)) {
		if fields := strings.Fields(line); strings.HasPrefix(line, metric) {
			value = fields[len(fields)-1]
		}
	}
	return value
}
