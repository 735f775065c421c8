// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/onsi/gomega"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/measure"
	"goservice.dev/operator/controllers/tuner"
)

// traffic stands in for the metrics of pods that serve at a rate, some at one of their own.
type traffic struct {
	mu        sync.Mutex
	perSecond float64
	own       map[string]float64
	last      map[string]time.Time
	served    map[string]float64
	slow      float64 // share of the requests that come from now on
	late      map[string]float64
	down      bool
	asked     int
}

func newTraffic(perSecond float64) *traffic {
	return &traffic{perSecond: perSecond, last: map[string]time.Time{}, served: map[string]float64{}, late: map[string]float64{}}
}

func (f *traffic) set(perSecond float64) { f.change(func() { f.perSecond = perSecond }) }

func (f *traffic) change(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// timesAsked is how often any pod was asked.
func (f *traffic) timesAsked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

func (f *traffic) scrape(_ context.Context, pod measure.Pod, _ measure.Endpoint) (measure.Sample, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	if f.down {
		return measure.Sample{}, errors.New("does not answer")
	}
	now := time.Now()
	if last, known := f.last[pod.Name]; known {
		rate, special := f.own[pod.Name]
		if !special {
			rate = f.perSecond
		}
		f.served[pod.Name] += rate * now.Sub(last).Seconds()
		f.late[pod.Name] += f.slow * rate * now.Sub(last).Seconds()
	}
	f.last[pod.Name] = now
	n := f.served[pod.Name]
	return measure.Sample{Counters: tuner.Counters{
		At: now, Requests: n, Served: n, ServiceSeconds: n * 0.010, DurationSeconds: n * 0.010, CPUSeconds: n * 0.005, StartSeconds: 1,
		Workers: 64, Processors: 1, HeapLiveBytes: 20 << 20,
		Buckets: []tuner.Bucket{{UpperBound: 0.1, Count: n - f.late[pod.Name]}, {UpperBound: math.Inf(1), Count: n}},
	}}, nil
}

func TestMeasuredDemandRaisesTheFloor(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	load := newTraffic(50)
	pods := newWorkload()
	pods.scrape = load.scrape
	op := startOperator(t, namespace, pods)
	const spec = `{slo: {availability: "99.9", latency: {threshold: 100ms}}, autoscaling: {maxReplicas: 30}, resources: {requests: {cpu: "1"}, limits: {cpu: "1"}}}`
	applyService(t, namespace, spec)
	settled(t, namespace, serviceName)
	startPod(t, namespace, "checkout-a")
	startPod(t, namespace, "checkout-b")
	eventually(t, func(g gomega.Gomega) {
		var service v1alpha1.GoService
		g.Expect(api.Get(t.Context(), clientKey(namespace, serviceName), &service)).To(gomega.Succeed())
		g.Expect(meta.IsStatusConditionTrue(service.Status.Conditions, v1alpha1.ConditionMeasured)).To(gomega.BeTrue())
		g.Expect(meta.IsStatusConditionTrue(service.Status.Conditions, v1alpha1.ConditionSLOMet)).To(gomega.BeTrue())
	})
	if n := replicasOf(t, namespace); n != 2 {
		t.Fatalf("%d replicas for 100/s, want 2", n)
	}
	load.set(600) // 1200/s of 5 ms: 6 cores
	eventually(t, func(g gomega.Gomega) {
		g.Expect(replicasOf(t, namespace)).To(gomega.BeNumerically(">=", 8))
		var autoscaler autoscalingv2.HorizontalPodAutoscaler
		g.Expect(api.Get(t.Context(), clientKey(namespace, serviceName), &autoscaler)).To(gomega.Succeed())
		g.Expect(*autoscaler.Spec.MinReplicas).To(gomega.BeNumerically(">=", 8))
		var service v1alpha1.GoService
		g.Expect(api.Get(t.Context(), clientKey(namespace, serviceName), &service)).To(gomega.Succeed())
		g.Expect(service.Status.Plan.ReplicaFloor).NotTo(gomega.BeNil())
		g.Expect(service.Status.Decisions).NotTo(gomega.BeEmpty())
	})
	applyService(t, namespace, with(t, spec, `tuning: {mode: Disabled}`))
	eventually(t, func(g gomega.Gomega) {
		var autoscaler autoscalingv2.HorizontalPodAutoscaler
		g.Expect(api.Get(t.Context(), clientKey(namespace, serviceName), &autoscaler)).To(gomega.Succeed())
		g.Expect(*autoscaler.Spec.MinReplicas).To(gomega.Equal(int32(2)))
		var service v1alpha1.GoService
		g.Expect(api.Get(t.Context(), clientKey(namespace, serviceName), &service)).To(gomega.Succeed())
		g.Expect(meta.FindStatusCondition(service.Status.Conditions, v1alpha1.ConditionMeasured)).To(gomega.BeNil())
	})
	if n := replicasOf(t, namespace); n < 8 {
		t.Errorf("switching tuning off scaled in to %d at once: that is the autoscaler's to do", n)
	}
	op.stop()
}

func TestASharedLimitFollowsTheDemand(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	load := newTraffic(0)
	load.own = map[string]float64{"checkout-a": 270, "checkout-b": 60}
	pods := newWorkload()
	pods.scrape = load.scrape
	op := startOperator(t, namespace, pods)
	applyService(t, namespace, `{slo: {availability: "99.9"}, replicas: 2, rateLimit: {requestsPerSecond: 200}}`)
	settled(t, namespace, serviceName)
	startPod(t, namespace, "checkout-a")
	startPod(t, namespace, "checkout-b")
	eventually(t, func(g gomega.Gomega) {
		force := pods.inForce(t, namespace)
		g.Expect(force).To(gomega.HaveLen(2))
		g.Expect(force["checkout-a"]).To(gomega.BeNumerically(">", 120))
		g.Expect(force["checkout-b"]).To(gomega.BeNumerically(">", 40))
		g.Expect(force["checkout-a"] + force["checkout-b"]).To(gomega.BeNumerically("<=", 200))
		var service v1alpha1.GoService
		g.Expect(api.Get(t.Context(), clientKey(namespace, serviceName), &service)).To(gomega.Succeed())
		g.Expect(service.Status.LiveSettings.RequestsPerSecondPerPod).To(gomega.MatchRegexp(`^\d+(\.\d+)? to \d+(\.\d+)?/s$`))
		g.Expect(service.Status.Plan.SharePerPod.Reason).To(gomega.Equal("200/s over 2 pods, by the demand on each"))
		g.Expect(meta.IsStatusConditionTrue(service.Status.Conditions, v1alpha1.ConditionTuned)).To(gomega.BeTrue())
	})
	op.stop()

	t.Log("another operator goes on from there")
	before := pods.inForce(t, namespace)
	op = startOperator(t, namespace, pods)
	applyService(t, namespace, `{slo: {availability: "99.9"}, replicas: 2, rateLimit: {requestsPerSecond: 400}}`)
	eventually(t, func(g gomega.Gomega) {
		force := pods.inForce(t, namespace)
		g.Expect(force["checkout-a"]).To(gomega.BeNumerically(">", before["checkout-a"]))
		g.Expect(force["checkout-a"] + force["checkout-b"]).To(gomega.BeNumerically("~", 400, 8))
		g.Expect(force["checkout-a"] + force["checkout-b"]).To(gomega.BeNumerically("<=", 400))
	})
	op.stop()
}

// TestPrometheusMeasures lets one service be measured by a Prometheus, and says what to do where there is none.
func TestPrometheusMeasures(t *testing.T) {
	t.Parallel()
	const spec = `{slo: {availability: "99.9", latency: {threshold: 100ms}}, tuning: {source: Prometheus}, observability: {metrics: {interval: 2s}}}`
	measured := func(namespace string) *metav1.Condition {
		var service v1alpha1.GoService
		get(t, namespace, serviceName, &service)
		return meta.FindStatusCondition(service.Status.Conditions, v1alpha1.ConditionMeasured)
	}
	none := newNamespace(t)
	pods := newWorkload()
	pods.scrape = func(context.Context, measure.Pod, measure.Endpoint) (measure.Sample, error) {
		return measure.Sample{}, errors.New("must not be asked")
	}
	startOperator(t, none, pods)
	applyService(t, none, spec)
	startPod(t, none, "checkout-a")
	eventually(t, func(g gomega.Gomega) {
		c := measured(none)
		g.Expect(c).NotTo(gomega.BeNil())
		g.Expect(c.Status).To(gomega.Equal(metav1.ConditionFalse))
		g.Expect(c.Reason).To(gomega.Equal(v1alpha1.ReasonNoPrometheus))
		g.Expect(c.Message).To(gomega.ContainSubstring("--prometheus-address"))
	})

	some := newNamespace(t)
	load := newTraffic(50)
	pods = newWorkload()
	pods.scrape = func(context.Context, measure.Pod, measure.Endpoint) (measure.Sample, error) {
		return measure.Sample{}, errors.New("must not be asked")
	}
	pods.query = func(ctx context.Context, service types.NamespacedName, _ measure.Endpoint) (map[string]measure.Sample, error) {
		if service != clientKey(some, serviceName) {
			return nil, fmt.Errorf("asked for %s", service)
		}
		sample, err := load.scrape(ctx, measure.Pod{Name: "checkout-a"}, measure.Endpoint{})
		sample.At = time.Now()
		return map[string]measure.Sample{"checkout-a": sample}, err
	}
	startOperator(t, some, pods)
	applyService(t, some, spec)
	startPod(t, some, "checkout-a")
	eventually(t, func(g gomega.Gomega) {
		c := measured(some)
		g.Expect(c).NotTo(gomega.BeNil())
		g.Expect(c.Status).To(gomega.Equal(metav1.ConditionTrue), c.Message)
		g.Expect(c.Message).To(gomega.ContainSubstring("Prometheus"))
	})
}

func clientKey(namespace, name string) client.ObjectKey {
	return client.ObjectKey{Namespace: namespace, Name: name}
}
