// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// enough is how many requests have to be served, over all disruptions, without a single one that is not.
	enough       = 300_000
	steadyPods   = 4
	retuneEdits  = 30
	retuneEvery  = time.Second
	podsToDelete = 2
)

// Whatever is done to a service on a living cluster, no client notices: new image, new environment, other sizes, a node that
// is drained, pods that are deleted, a retune each second, an operator that restarts. The limit is far above the load and the pool
// has room for every request that can be on its way, so that no pod has a reason to refuse one but that it leaves: 429 and 503
// are a loss like any other.
func TestNothingIsLost(t *testing.T) {
	j := newJourney(t)
	j.Expect(j.schedulable()).To(gomega.BeNumerically(">=", 2), "draining a node takes another one: remove the cluster and let make test-e2e make it anew")
	j.apply(fixed("steady", steadyPods, 40_000))
	j.ready("steady")
	j.settled("steady", steadyPods)
	j.expose("steady")

	clients := j.startClients(steadyStreams()...)
	for round := 1; clients.total().Accepted() < enough && !t.Failed(); round++ {
		for _, d := range j.disruptions() {
			before, start := clients.total(), time.Now()
			d.happen("steady")
			seen := clients.total()
			t.Logf("round %d: %-20s %3.0f s, %d served", round, d.name, time.Since(start).Seconds(), seen.Accepted()-before.Accepted())
			if lost := seen.Sent() - seen.Accepted() - before.Sent() + before.Accepted(); lost > 0 {
				repeated{t}.Errorf("%s: %d requests failed or were turned away; so far %s", d.name, lost, statuses(seen))
			}
		}
	}
	clients.lossless(j)
	j.Expect(clients.total().Accepted()).To(gomega.BeNumerically(">=", enough))
}

type disruption struct {
	name   string
	happen func(name string)
}

func (j *journey) disruptions() []disruption {
	return []disruption{
		{"image roll", j.rollImage},
		{"env roll", j.rollEnvironment},
		{"scale 4 → 1 → 4", func(name string) {
			j.scaleTo(name, 1)
			j.scaleTo(name, steadyPods)
		}},
		{"node drain", func(name string) { j.drainNode(name) }},
		{"pod delete", j.deletePods},
		{"retune every second", j.retuneOften},
		{"operator restart", func(name string) {
			j.operator("rollout", "restart", "deployment/"+operatorDeployment)
			j.operator("rollout", "status", "deployment/"+operatorDeployment, "--timeout="+patience.String())
			j.settled(name, steadyPods)
		}},
	}
}

// rollImage changes to the other reference of the workload's image.
func (j *journey) rollImage(name string) {
	next := os.Getenv("NEXT_WORKLOAD_IMG")
	j.Expect(next).NotTo(gomega.BeEmpty(), "NEXT_WORKLOAD_IMG must name the workload's image by another reference")
	if j.service(name).Spec.Image == next {
		next = os.Getenv("WORKLOAD_IMG")
	}
	before := j.identities(name)
	j.patch(name, fmt.Sprintf(`{"spec":{"image":%q}}`, next))
	j.replaced(name, before)
}

func (j *journey) rollEnvironment(name string) {
	before := j.identities(name)
	j.patch(name, fmt.Sprintf(`{"spec":{"env":[{"name":"ROLLED_AT","value":%q}]}}`, time.Now().Format(time.RFC3339Nano)))
	j.replaced(name, before)
}

func (j *journey) scaleTo(name string, pods int) {
	j.kubectl("", "scale", "gosvc/"+name, fmt.Sprintf("--replicas=%d", pods))
	j.settled(name, pods)
}

// drainNode evicts everything from the node with a pod of the services, as before maintenance; not from the one that the
// clients' traffic enters the cluster by, which here is the only way in.
func (j *journey) drainNode(names ...string) {
	node := ""
	for _, pod := range j.pods(names[0]) {
		if !strings.HasSuffix(pod.Spec.NodeName, "-control-plane") {
			node = pod.Spec.NodeName
		}
	}
	j.Expect(node).NotTo(gomega.BeEmpty(), "pods are spread over the nodes")
	uncordon := func() (string, error) { return j.tryKubectl("", "uncordon", node) }
	j.t.Cleanup(func() { _, _ = uncordon() }) // before the namespace goes
	j.kubectl("", "drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout="+patience.String())
	for _, name := range names {
		j.settled(name, steadyPods)
		for _, pod := range j.pods(name) {
			j.Expect(pod.Spec.NodeName).NotTo(gomega.Equal(node))
		}
	}
	_, err := uncordon()
	j.Expect(err).NotTo(gomega.HaveOccurred())
}

func (j *journey) deletePods(name string) {
	for range podsToDelete {
		j.kubectl("", "delete", "pod", j.pods(name)[0].Name, "--wait=false")
		j.settled(name, steadyPods)
	}
}

// retuneOften edits the limit each second; all of its values are far above the load.
func (j *journey) retuneOften(name string) {
	before := j.identities(name)
	ticker := time.NewTicker(retuneEvery)
	defer ticker.Stop()
	for edit := range retuneEdits {
		j.patchRate(name, 40_000+1_000*(1+edit%10))
		<-ticker.C
	}
	j.waitFor(name, "Tuned")
	j.Expect(j.identities(name)).To(gomega.Equal(before), "no pod was replaced or restarted")
}

func (j *journey) patch(name, patch string) {
	j.t.Helper()
	j.kubectl("", "patch", "gosvc", name, "--type=merge", "-p", patch)
}

// replaced waits until none of the former pods is left, and as many others are.
func (j *journey) replaced(name string, former map[string]int32) {
	j.t.Helper()
	j.eventually(func() int {
		left := 0
		for _, pod := range j.pods(name) {
			if _, is := former[string(pod.UID)]; is {
				left++
			}
		}
		return left
	}).Should(gomega.BeZero())
	j.settled(name, len(former))
}

// settled waits until the service has just these pods, all of them ready and none on its way out.
func (j *journey) settled(name string, pods int) {
	j.t.Helper()
	j.eventually(func(g gomega.Gomega) {
		var list corev1.PodList
		g.Expect(cluster.client.List(j.ctx, &list, client.InNamespace(j.namespace),
			client.MatchingLabels{"app.kubernetes.io/name": name})).To(gomega.Succeed())
		ready := 0
		for i := range list.Items {
			// A pod that leaves is ready until its kubelet says otherwise.
			if list.Items[i].DeletionTimestamp == nil && isReady(&list.Items[i]) {
				ready++
			}
		}
		g.Expect(list.Items).To(gomega.HaveLen(pods))
		g.Expect(ready).To(gomega.Equal(pods))
	}).Should(gomega.Succeed())
}

func isReady(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

func (j *journey) schedulable() int {
	j.t.Helper()
	var nodes corev1.NodeList
	j.Expect(cluster.client.List(j.ctx, &nodes)).To(gomega.Succeed())
	count := 0
	for i := range nodes.Items {
		free := !nodes.Items[i].Spec.Unschedulable
		for _, taint := range nodes.Items[i].Spec.Taints {
			free = free && taint.Effect != corev1.TaintEffectNoSchedule
		}
		if free {
			count++
		}
	}
	return count
}
