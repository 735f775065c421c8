// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"context"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/hack/load/loadgen"
)

const (
	// inARow requests that are served say that the cluster sends none to a node that answers no more: they take longer to come than a
	// client waits for an answer.
	inARow = 1_000
	// afterwards is how long the load goes on when the cluster has noticed, and again when everything is back.
	afterwards = 20 * time.Second
)

// outageServices are served by the first and the second loopback port: one far from its limit, one that is flooded.
func (j *journey) outageServices() (second string, before map[string]map[string]int32) {
	j.t.Helper()
	j.operatorReady()
	j.apply(fixed("steady", steadyPods, 40_000))
	j.apply(fixed("bounded", 2, 60))
	for name, pods := range map[string]int{"steady": steadyPods, "bounded": 2} {
		j.ready(name)
		j.settled(name, pods)
	}
	for _, pods := range []map[string]bool{j.nodesOf("steady"), j.nodesOf("bounded")} {
		j.Expect(pods).To(gomega.HaveLen(2), "pods are spread over both nodes, which have no zones")
	}
	j.expose("steady")
	return j.exposeSecond("bounded"), map[string]map[string]int32{"steady": j.identities("steady"), "bounded": j.identities("bounded")}
}

func (j *journey) nodesOf(name string) map[string]bool {
	j.t.Helper()
	nodes := map[string]bool{}
	for _, pod := range j.pods(name) {
		nodes[pod.Spec.NodeName] = true
	}
	return nodes
}

// recovered demands that the operator works again, and that the services are what they were.
func (j *journey) recovered(before map[string]map[string]int32) {
	j.t.Helper()
	j.operatorReady()
	start := time.Now()
	j.patchRate("steady", 41_000)
	j.agree("steady", steadyPods, 41_000)
	j.t.Logf("an edit was in force on all pods after %s", time.Since(start).Round(100*time.Millisecond))
	j.settled("steady", steadyPods)
	j.settled("bounded", 2)
	j.untouched(before)
}

// answers tells whether the API server does.
func answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, err := cluster.clientset.CoreV1().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
	return err == nil
}

// stopped takes a static pod of the control plane away until the API server does not answer, and returns what brings it back.
func (j *journey) stopped(component string) (restore func()) {
	j.t.Helper()
	node, manifest := j.node(true), component+".yaml"
	var once sync.Once
	restore = func() {
		once.Do(func() {
			if _, err := docker(context.Background(), "exec", node, "mv", "/etc/kubernetes/"+manifest, "/etc/kubernetes/manifests/"+manifest); err != nil {
				j.t.Error(err)
				return
			}
			j.Eventually(func() bool { return answers(context.Background()) }).WithTimeout(patience).WithPolling(interval).Should(gomega.BeTrue())
		})
	}
	j.docker("exec", node, "mv", "/etc/kubernetes/manifests/"+manifest, "/etc/kubernetes/"+manifest)
	j.t.Cleanup(restore)
	j.Eventually(func() bool { return answers(j.ctx) }).WithTimeout(patience).WithPolling(interval).Should(gomega.BeFalse())
	return restore
}

// While the API server is away for minutes, services serve and keep their limits; then the operator goes on.
func TestChaosAPIServerStops(t *testing.T) {
	j := newJourney(t)
	outage := 5 * time.Minute
	if text := os.Getenv("CHAOS_OUTAGE"); text != "" {
		var err error
		outage, err = time.ParseDuration(text)
		j.Expect(err).NotTo(gomega.HaveOccurred())
	}
	second, before := j.outageServices()
	load := j.startClients(steadyStreams()...)
	restore := j.stopped("kube-apiserver")
	start := time.Now()
	j.admitsAt(second, 60)
	j.elapse(outage/2 - time.Since(start)/2)
	j.Expect(answers(j.ctx)).To(gomega.BeFalse())
	j.admitsAt(second, 60)
	j.elapse(outage - time.Since(start))
	restore()
	t.Logf("the API server was away for %s", time.Since(start).Round(time.Second))
	j.recovered(before)
	load.lossless(j)
}

// A restart of etcd is no more than a short outage of the API server.
func TestChaosEtcdRestarts(t *testing.T) {
	j := newJourney(t)
	_, before := j.outageServices()
	load := j.startClients(steadyStreams()...)
	j.stopped("etcd")()
	j.recovered(before)
	load.lossless(j)
}

// lateness counts what was not served by when it was due.
type lateness struct {
	mu       sync.Mutex
	deadline time.Time // zero: not yet
	served   int       // in a row
	excused  int64
	late     int64
}

func (l *lateness) observe(outcome loadgen.Outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if outcome.Accepted() {
		l.served++
		return
	}
	l.served = 0
	switch {
	case !l.deadline.IsZero() && !outcome.Due.Before(l.deadline):
		l.late++
	case outcome.Status != http.StatusTooManyRequests && outcome.Status != http.StatusServiceUnavailable:
		l.excused++ // of those that the clients count as failed
	}
}

// servedInARow is how many requests were served since the last one that was not.
func (l *lateness) servedInARow() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.served
}

// excuseNoMore of those that are due from now on.
func (l *lateness) excuseNoMore() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deadline = time.Now()
}

// again begins to count those that are served in a row.
func (l *lateness) again() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.served = 0
}

// A node stands still without a word. The cluster needs a while to notice, and sends requests there until then. When it has, and
// requests are served one after the other, none fails any more, and when the node is back everything is as it was.
func TestChaosNodeIsPaused(t *testing.T) {
	j := newJourney(t)
	_, before := j.outageServices()
	node := j.node(false)
	seen := &lateness{}
	t.Cleanup(func() { figures.excuse(seen.excused) }) // after the clients have ended
	load := j.startClients(stream{"HTTP/1.1, fresh", loadgen.Config{
		URL: cluster.url, Rate: 100, Fresh: true, Timeout: 3 * time.Second, Observe: seen.observe,
	}})
	var unpause sync.Once
	resume := func() {
		unpause.Do(func() {
			if _, err := docker(context.Background(), "unpause", node); err != nil {
				t.Error(err)
			}
		})
	}
	paused := time.Now()
	j.docker("pause", node)
	t.Cleanup(resume)
	j.eventually(func() (corev1.ConditionStatus, error) { return j.nodeReady(node) }).ShouldNot(gomega.Equal(corev1.ConditionTrue))
	seen.again()
	j.eventually(seen.servedInARow).Should(gomega.BeNumerically(">=", inARow))
	seen.excuseNoMore()
	took := time.Since(paused)
	j.elapse(afterwards)
	resume()
	j.eventually(func() (corev1.ConditionStatus, error) { return j.nodeReady(node) }).Should(gomega.Equal(corev1.ConditionTrue))
	j.recovered(before)
	j.elapse(afterwards)
	load.stop()
	total := load.total()
	t.Logf("%d requests, %d failed within %s of the pause, %d later", total.Sent(), seen.excused, took.Round(time.Second), seen.late)
	j.Expect(seen.late).To(gomega.BeZero())
	j.Expect(total.Unsent).To(gomega.BeZero(), "the load generator kept up")
}

func (j *journey) nodeReady(name string) (corev1.ConditionStatus, error) {
	var node corev1.Node
	if err := cluster.client.Get(j.ctx, client.ObjectKey{Name: name}, &node); err != nil {
		return corev1.ConditionUnknown, err
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status, nil
		}
	}
	return corev1.ConditionUnknown, nil
}
