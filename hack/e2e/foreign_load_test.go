// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/onsi/gomega"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
)

// enoughForeign is how many requests services that know nothing of the toolkit have to serve, over all disruptions.
const enoughForeign = 100_000

// Services that know nothing of the toolkit lose no request either, through rollouts, other sizes, a drained node, and evictions: a server
// that stops on SIGTERM as net/http and grpc-go offer it is enough, since a pod serves on while the cluster learns that it leaves. Their
// clients keep connections or open one for each request.
func TestNothingIsLostByForeignServices(t *testing.T) {
	j := newJourney(t)
	j.Expect(j.schedulable()).To(gomega.BeNumerically(">=", 2), "draining a node takes another one")
	j.adoptSteady()
	clients := j.startInside(foreignFlows(1)...)
	for clients.total().Accepted < enoughForeign && !t.Failed() {
		j.disturb(clients, []disruption{
			{"env roll", j.rollForeign},
			{"scale to 1", j.scaleForeign(1)},
			{"scale to 4", j.scaleForeign(steadyPods)},
			{"second env roll", j.rollForeign},
			{"node drain", func(string) { j.drainNode(names(teams)...) }},
			{"evictions", j.evictForeign},
		})
	}
	j.Expect(clients.lossless().Accepted).To(gomega.BeNumerically(">=", enoughForeign))
}

func names(teams []team) (all []string) {
	for _, s := range teams {
		all = append(all, s.name)
	}
	return all
}

// adoptSteady has four pods of each service.
func (j *journey) adoptSteady() {
	j.t.Helper()
	for _, s := range teams {
		more := map[string]any{"replicas": steadyPods}
		if s.scaled {
			more = map[string]any{"autoscaling": map[string]any{"minReplicas": steadyPods, "maxReplicas": steadyPods, "targetCPUUtilization": nil}}
		}
		j.adopt(s, more)
	}
	for _, s := range teams {
		j.waitFor(s.name, v1alpha1.ConditionReady)
		j.settled(s.name, steadyPods)
	}
}

// foreignFlows are a part of all clients' load. Some requests take a while, so that they are under way whenever a pod goes.
func foreignFlows(part float64) []flow {
	if leadersAreKilled() { // see steadyStreams
		part /= 2
	}
	rate := func(perSecond float64) string { return fmt.Sprint(perSecond * part) }
	fresh := func(perSecond float64) []string { return []string{"-fresh", "-rate", rate(perSecond)} }
	kept := func(perSecond float64) []string { return []string{"-connections", "16", "-rate", rate(perSecond)} }
	return []flow{
		{"shop, kept alive", "shop", 80, "/work?sleep=10ms", kept(200), 16},
		{"shop, fresh", "shop", 80, "/work?sleep=10ms", fresh(25), 0},
		{"basket, kept alive", "basket", 80, "/work?sleep=10ms", kept(200), 16},
		{"basket, fresh", "basket", 80, "/work?sleep=10ms", fresh(25), 0},
		{"podinfo, kept alive", "podinfo", 9898, "/api/info", kept(120), 16},
		{"podinfo, fresh", "podinfo", 9898, "/api/info", fresh(15), 0},
		{"podinfo, fresh, a second each", "podinfo", 9898, "/delay/1", fresh(5), 0},
		{"orders, gRPC, kept", "orders", 8080, "/shop.Orders/Place", append(kept(200), "-grpc"), 16},
		{"orders, gRPC, fresh", "orders", 8080, "/shop.Orders/Place", append(fresh(15), "-grpc"), 0},
	}
}

// disturb all services, one way after another, and say after each what it cost.
func (j *journey) disturb(clients *inside, disruptions []disruption) {
	j.t.Helper()
	for _, d := range disruptions {
		before, start := clients.total(), time.Now()
		d.happen("")
		clients.goOn()
		seen := clients.total()
		j.t.Logf("%-16s %3.0f s, %d served", d.name, time.Since(start).Seconds(), seen.Accepted-before.Accepted)
		if lost := seen.Sent - seen.Accepted - before.Sent + before.Accepted; lost > 0 {
			repeated{j.t}.Errorf("%s: %d requests failed or were turned away", d.name, lost)
		}
	}
}

// What follows happens to one service after another: the pods of four that start at once would have the machine's two cores for seconds,
// in which neither the kubelets nor who sends requests to the pods would learn of anything.

func (j *journey) rollForeign(string) {
	for _, s := range teams {
		former := j.identities(s.name)
		j.patch(s.name, fmt.Sprintf(`{"spec":{"env":[{"name":"ROLLED_AT","value":%q}]}}`, time.Now().Format(time.RFC3339Nano)))
		j.replaced(s.name, former)
	}
}

// scaleForeign to so many pods: by the number of replicas, or by the bounds of the autoscaler.
func (j *journey) scaleForeign(pods int) func(string) {
	return func(string) {
		for _, s := range teams {
			if s.scaled {
				j.patch(s.name, fmt.Sprintf(`{"spec":{"autoscaling":{"minReplicas":%d,"maxReplicas":%[1]d}}}`, pods))
			} else {
				j.kubectl("", "scale", "gosvc/"+s.name, fmt.Sprintf("--replicas=%d", pods))
			}
			j.settled(s.name, pods)
		}
	}
}

// evictForeign asks for the eviction of two pods of each service, as a drain does; the service's budget says when.
func (j *journey) evictForeign(string) {
	for _, s := range teams {
		former := j.pods(s.name)
		for i := range 2 {
			eviction := &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Namespace: former[i].Namespace, Name: former[i].Name}}
			j.eventually(func() error { return cluster.clientset.PolicyV1().Evictions(j.namespace).Evict(j.ctx, eviction) }).Should(gomega.Succeed())
		}
		j.settled(s.name, steadyPods)
	}
}
