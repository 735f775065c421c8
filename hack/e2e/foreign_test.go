// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/onsi/gomega"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
)

// foreign is a service of an image that knows nothing of the toolkit, with objectives as those of watched.
func foreign(name string, args []any, metrics map[string]any, more map[string]any) string {
	metrics["interval"] = "5s"
	spec := map[string]any{
		"image": os.Getenv("FOREIGN_IMG"), "imagePullPolicy": "IfNotPresent", "args": args, "replicas": 1, "resources": smallResources,
		"autoscaling":   map[string]any{"mode": "External"},
		"slo":           map[string]any{"availability": "90", "latency": map[string]any{"threshold": "500ms", "percentile": "90"}},
		"observability": map[string]any{"metrics": metrics},
	}
	maps.Copy(spec, more)
	return manifest(name, spec)
}

// Services that are instrumented with common libraries are scraped, measured, and scaled by their demand; an outage pages and resolves,
// and nothing else ever fires.
func TestForeignServicesAreMeasured(t *testing.T) {
	j := newJourney(t)
	j.apply(foreign("shop", []any{"-metrics=otelhttp"}, map[string]any{"indicators": "OpenTelemetry"}, map[string]any{
		"autoscaling": map[string]any{"minReplicas": 1, "maxReplicas": 3},
		"probes":      map[string]any{"readiness": map[string]any{"httpGet": map[string]any{"path": "/"}, "periodSeconds": 1}},
	}))
	j.apply(foreign("basket", []any{"-metrics=promhttp"}, map[string]any{"indicators": "Prometheus"}, nil))
	probe := map[string]any{"grpc": map[string]any{"port": 8080}, "periodSeconds": 1}
	j.apply(foreign("orders", []any{"-metrics=grpc", "-metrics-address=:2112"}, map[string]any{"indicators": "GRPC", "port": 2112}, map[string]any{
		"service": map[string]any{"appProtocol": "grpc"}, "probes": map[string]any{"readiness": probe, "liveness": probe},
		"initContainers": []any{map[string]any{
			"name": "client", "restartPolicy": "Always", "image": os.Getenv("FOREIGN_IMG"), "imagePullPolicy": "IfNotPresent", "args": []any{"-call=127.0.0.1:8080"},
		}},
	}))
	ports := map[string]string{"shop": "8080", "basket": "8080", "orders": "2112"}
	for name := range ports {
		j.waitFor(name, v1alpha1.ConditionReady)
		j.Expect(j.condition(name, v1alpha1.ConditionTuned)).To(gomega.Equal(metav1.Condition{}), "nothing takes live settings")
	}
	j.expose("shop")

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
	for name, port := range ports {
		j.scrapedAt(name, port)
		j.eventually(func() metav1.Condition { return j.condition(name, v1alpha1.ConditionMeasured) }).Should(
			gomega.HaveField("Status", metav1.ConditionTrue))
	}
	j.ruled("shop")
	j.recorded(`goservice:slo_requests:rate{namespace=%q,service="shop",slo="availability"} > 1`)
	j.recorded(`goservice:slo_requests:rate{namespace=%q,service="orders",slo="availability"} > 1`) // the client's calls, not those of the probes
	j.eventually(func() metav1.ConditionStatus { return j.condition("orders", v1alpha1.ConditionSLOMet).Status }).
		Should(gomega.Equal(metav1.ConditionTrue))
	load.stop() // one core of one node may be too little for all of it

	t.Log("a rollout under load")
	load = j.send(cluster.url+healthyPath, perSecond)
	j.kubectl("", "patch", "gosvc", "shop", "--type=merge", "-p", `{"spec":{"pod":{"labels":{"team":"shop"}}}}`)
	j.waitFor("shop", v1alpha1.ConditionReady)
	load.lossless(j)

	t.Log("every request fails")
	broken := j.send(cluster.url+"/fail", perSecond)
	breached := time.Now()
	j.Eventually(func() ([]string, error) { return j.pages("shop") }).WithTimeout(prometheusPatience).WithPolling(time.Second).
		Should(gomega.ContainElement(outage))
	t.Logf("the outage paged after %s", since(breached))
	broken.count.Do(func() {}) // meant to fail, and so no figure of the run
	broken.stop()

	t.Log("requests are answered again")
	load = j.send(cluster.url+"/work?cpu=0s", perSecond)
	recovered := time.Now()
	j.Eventually(func() ([]string, error) { return j.pages("shop") }).WithTimeout(prometheusPatience).WithPolling(time.Second).
		Should(gomega.BeEmpty())
	t.Logf("no page is left %s after the recovery", since(recovered))
	load.lossless(j)
	for _, name := range slices.Sorted(maps.Keys(ports)) {
		j.sound(name)
	}
	for _, name := range []string{"basket", "orders"} {
		j.Expect(j.firing(name, "")).To(gomega.BeEmpty())
	}
}
