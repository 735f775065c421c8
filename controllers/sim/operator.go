// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"math"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
	"goservice.dev/operator/controllers/tuner"
)

const (
	tunerTick = 2.0
	// retuneDelay is what new live settings take to reach all pods.
	retuneDelay = 0.5
)

// operator is this project's: its plan, its estimator and its decider, and the HorizontalPodAutoscaler that it creates.
type operator struct {
	spec      v1alpha1.GoServiceSpec
	hpa       hpa
	estimator tuner.Estimator
	decider   tuner.Decider
	cost      tuner.Cost
	decisions []tuner.Change
}

// specOf is what a user of the simulated service would write.
func specOf(s Service) v1alpha1.GoServiceSpec {
	cpu := *resource.NewQuantity(int64(s.Cores), resource.DecimalSI)
	lowest, highest := int32(s.MinReplicas), int32(s.MaxReplicas)
	return v1alpha1.GoServiceSpec{
		SLO: &v1alpha1.SLOSpec{
			Availability: "99.9",
			Latency: &v1alpha1.LatencyObjective{
				Threshold:  metav1.Duration{Duration: s.Threshold},
				Percentile: strconv.FormatFloat(100*s.Percentile, 'f', -1, 64),
			},
		},
		Autoscaling: &v1alpha1.AutoscalingSpec{MinReplicas: &lowest, MaxReplicas: &highest},
		Resources: &v1alpha1.ResourcesSpec{
			Requests: corev1.ResourceList{corev1.ResourceCPU: cpu},
			Limits:   corev1.ResourceList{corev1.ResourceCPU: cpu},
		},
	}
}

func (o *operator) begin(w *world) {
	o.spec = specOf(w.service)
	figures := plan.Compute(&o.spec, plan.Observed{})
	o.hpa.target = float64(figures.CPUTarget.Value) / 100
	o.hpa.downWindow = figures.ScaleDownWindow.Value.Seconds()
	o.hpa.begin(w)
	w.every(w.random.Float64()*tunerTick, tunerTick, func() { o.tick(w) })
}

func (o *operator) tick(w *world) {
	now := simTime(w.now)
	reports := make([]tuner.Report, 0, len(w.pods))
	for _, p := range w.pods {
		if p.ready && !p.leaving {
			counters := p.counters(w)
			reports = append(reports, tuner.Report{Pod: strconv.Itoa(p.number), Counters: &counters})
		}
	}
	o.estimator.Observe(now, len(reports), reports)
	estimates := o.estimator.Estimate(w.service.Threshold)
	o.cost = o.cost.Settle(estimates)
	observed := plan.Observed{ServiceTime: o.cost.ServiceTime, CPUTime: o.cost.CPUTime}
	decision := o.decider.Decide(now, tuner.Situation{
		Bounds:    tuner.BoundsOf(&o.spec, plan.Compute(&o.spec, observed), int32(w.workers)),
		Estimates: estimates, Wanted: int32(w.wanted), Ready: int32(len(w.serving)),
	})
	o.decisions = append(o.decisions, decision.Changes...)
	observed.Tuned = decision.Tuned()
	figures := plan.Compute(&o.spec, observed)
	w.after(decisionDelay, func() {
		o.hpa.floor = int(figures.ReplicaFloor.Value)
		o.hpa.target = float64(figures.CPUTarget.Value) / 100
		if decision.AtOnce && o.hpa.floor > w.wanted {
			o.hpa.noteUp(w.now, o.hpa.floor-w.wanted)
			w.scale(o.hpa.floor)
		}
	})
	w.after(decisionDelay+retuneDelay, func() {
		w.workers, w.depth = int(figures.Workers.Value), int(figures.QueueDepth.Value)
	})
}

// simEpoch gives the simulation's seconds a date.
var simEpoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func simTime(seconds float64) time.Time {
	return simEpoch.Add(time.Duration(seconds * float64(time.Second)))
}

// counters are what the pod's /metrics would say.
func (p *pod) counters(w *world) tuner.Counters {
	c := tuner.Counters{
		Requests: p.requests, DurationSeconds: p.durationSeconds, Failed: p.failed, Rejected: p.failed,
		Served: p.served, ServiceSeconds: p.serviceSeconds, CPUSeconds: p.cpu,
		StartSeconds: float64(simEpoch.Unix()) + p.created,
		Active:       float64(p.inside()), Busy: float64(p.running), Workers: float64(w.workers), Queued: float64(p.queue.length),
		Processors: float64(p.cores),
	}
	sum := 0.0
	for i, bound := range bounds {
		sum += p.buckets[i]
		c.Buckets = append(c.Buckets, tuner.Bucket{UpperBound: bound, Count: sum})
	}
	c.Buckets = append(c.Buckets, tuner.Bucket{UpperBound: math.Inf(1), Count: p.served})
	return c
}
