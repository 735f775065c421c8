// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"github.com/onsi/gomega/types"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/load/loadgen"
)

const burning = "GoServiceAvailabilityBudgetBurn"

// objectives that minutes of good traffic keep.
func objectives(availability string) map[string]any {
	return map[string]any{"slo": map[string]any{"availability": availability, "latency": map[string]any{"threshold": "500ms", "percentile": "90"}}}
}

// Services that are instrumented with common libraries, podinfo as it is among them, run from what the converter makes of their plain
// manifests. They are scraped, measured, and scaled by their demand. An outage pages, and so does a small part of the requests that fails;
// both resolve, while evictions, other sizes, and a rollout lose no request. Nothing else ever fires.
func TestForeignServicesAreMeasured(t *testing.T) {
	j := newJourney(t)
	for _, s := range teams {
		availability := "90"
		if s.name == "basket" {
			availability = "99.9"
		}
		more := objectives(availability)
		if !s.scaled {
			more["autoscaling"] = map[string]any{"mode": "External"}
		}
		j.adopt(s, more)
	}
	for _, s := range teams {
		j.waitFor(s.name, v1alpha1.ConditionReady)
		j.Expect(j.condition(s.name, v1alpha1.ConditionTuned)).To(gomega.Equal(metav1.Condition{}), "nothing takes live settings")
	}
	j.expose("shop")
	basket := j.exposeSecond("basket")

	t.Log("a step of load")
	began := time.Now()
	load := j.send(cluster.url+"/work?cpu=5ms", 40)
	key := client.ObjectKey{Namespace: j.namespace, Name: "shop"}
	j.eventually(func() (int32, error) {
		var autoscaler autoscalingv2.HorizontalPodAutoscaler
		err := cluster.client.Get(j.ctx, key, &autoscaler)
		return *autoscaler.Spec.MinReplicas, err
	}).Should(gomega.BeEquivalentTo(3), "the floor that the measured demand needs")
	t.Logf("the floor rose %s after the step", time.Since(began).Round(100*time.Millisecond))
	j.eventually(func() int32 { return j.service("shop").Status.ReadyReplicas }).Should(gomega.BeEquivalentTo(3))
	calls := j.send(basket+"/work", perSecond)
	for _, s := range teams {
		j.scrapedAt(s.name, s.metricsPort)
		j.eventually(func() metav1.Condition { return j.condition(s.name, v1alpha1.ConditionMeasured) }).Should(
			gomega.HaveField("Status", metav1.ConditionTrue))
		j.ruled(s.name)
	}
	j.recorded(`goservice:slo_requests:rate{namespace=%q,service="shop",slo="availability"} > 1`)
	j.recorded(`goservice:slo_requests:rate{namespace=%q,service="basket",slo="availability"} > 1`)
	j.recorded(`goservice:slo_requests:rate{namespace=%q,service="orders",slo="availability"} > 1`)  // the client's calls, not those of the probes
	j.recorded(`goservice:slo_requests:rate{namespace=%q,service="podinfo",slo="availability"} > 0`) // podinfo counts its probes
	for _, name := range []string{"orders", "podinfo"} {
		j.eventually(func() metav1.ConditionStatus { return j.condition(name, v1alpha1.ConditionSLOMet).Status }).
			Should(gomega.Equal(metav1.ConditionTrue), name)
	}
	calls.lossless(j)
	load.stop() // one core of one node may be too little for all of it

	t.Log("every request of shop fails, and 8% of those of basket")
	broken, partly := j.send(cluster.url+"/fail", perSecond), j.send(basket+"/fail?percent=8", perSecond)
	breached := time.Now()
	j.paging("shop", gomega.ContainElement(outage))
	t.Logf("the outage paged after %s", since(breached))
	j.recorded(`ALERTS{alertstate="firing",namespace=%q,service="basket",alertname="` + burning + `",severity="page",window="1h"}`)
	t.Logf("the part that fails had paged after %s", since(breached))
	j.eventually(func() string { return j.condition("basket", v1alpha1.ConditionSLOMet).Reason }).Should(gomega.Equal(v1alpha1.ReasonMissed))
	for _, load := range []*clients{broken, partly} {
		load.count.Do(func() {}) // meant to fail, and so no figure of the run
		load.stop()
	}

	t.Log("requests are answered again, and through disruptions")
	load = j.send(cluster.url+"/work", perSecond)
	// The windows of a page about a part need many good requests to outweigh the bad ones soon.
	many := j.startClients(stream{"HTTP/1.1, kept alive", loadgen.Config{URL: basket + "/work", Rate: 2 * perSecond, Connections: 16}})
	inner := j.startInside(foreignFlows(0.1)...)
	recovered := time.Now()
	j.disturb(inner, []disruption{
		{"scale to 4", j.scaleForeign(steadyPods)},
		{"evictions", j.evictForeign},
		{"scale to 2", j.scaleForeign(2)},
		{"env roll", j.rollForeign},
	})
	for _, name := range []string{"shop", "basket"} {
		j.paging(name, gomega.BeEmpty())
		t.Logf("no page was left for %s at the latest %s after the recovery", name, since(recovered))
	}
	load.lossless(j)
	many.lossless(j)
	inner.lossless()
	for _, s := range teams {
		j.sound(s.name)
	}
	j.Expect(j.fired("shop")).To(gomega.ContainElement(outage))
	j.Expect(j.fired("basket")).To(gomega.ConsistOf(burning))
	for _, name := range []string{"orders", "podinfo"} {
		j.Expect(j.fired(name)).To(gomega.BeEmpty(), name)
	}
}

// paging waits until what fires of the service and wakes somebody is what it should be.
func (j *journey) paging(name string, want types.GomegaMatcher) {
	j.t.Helper()
	j.Eventually(func() ([]string, error) { return j.pages(name) }).WithTimeout(prometheusPatience).WithPolling(time.Second).Should(want)
}

// fired are the names of all alerts of the service that ever fired.
func (j *journey) fired(name string) ([]string, error) {
	var data struct {
		Result []struct{ Metric map[string]string }
	}
	query := fmt.Sprintf(`group by (alertname) (last_over_time(ALERTS{alertstate="firing",namespace=%q,service=%q}[2h]))`, j.namespace, name)
	if err := j.prometheus("query", map[string]string{"query": query}, &data); err != nil {
		return nil, err
	}
	names := []string{}
	for _, alert := range data.Result {
		names = append(names, alert.Metric["alertname"])
	}
	return names, nil
}
