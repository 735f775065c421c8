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
	// retuneDelay is what new live settings take to reach all pods.
	retuneDelay = 0.5
	// watchDelay is how late the operator hears at most of a pod that was created or became ready.
	watchDelay = 0.1
)

// operator is this project's: its plan, its tuner, and the HorizontalPodAutoscaler that it creates.
type operator struct {
	spec  v1alpha1.GoServiceSpec
	hpa   HPA
	tuner *tuner.Tuner
	// given is the spec of a service; without it, one that suits the simulated service.
	given *v1alpha1.GoServiceSpec
	// fixed says that nothing is measured, and changed is told each change of a figure, if anybody wants to know.
	fixed   bool
	changed func([]tuner.Change)
	// figures of the last round, and what they follow from.
	figures plan.Plan
	from    figuresOf
	// began is when the last round did, and known how many pods had been created and had become ready by then.
	began float64
	known int
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

// Begin starts with what the plan says before anything is measured.
func (o *operator) Begin(w *World) {
	o.spec = specOf(w.service)
	if o.given != nil {
		o.spec = *o.given
	}
	o.tuner = tuner.New(tuner.Learned{})
	figures := plan.Compute(&o.spec, plan.Observed{})
	o.follow(&figures)
	w.resize(&figures, false)
	o.hpa.Begin(w)
	if !o.fixed {
		w.after(w.random.autoscaler.Float64()*tuner.Period.Seconds(), func() { o.round(w) })
	}
}

// round measures and decides, and comes again as the operator's loop does (controllers/internal/measure): after a period while
// something moves or pods came, which it then hears of, and after a longer one while nothing does.
func (o *operator) round(w *World) {
	o.began, o.known = w.now, w.comings()
	o.tick(w)
	w.after(tuner.Period.Seconds(), func() { o.await(w) })
}

// await the moment of the next round, from a period after the last one on.
func (o *operator) await(w *World) {
	calm := o.began + tuner.CalmPeriod.Seconds()
	if o.tuner.Moving() || w.comings() > o.known || w.now >= calm-1e-9 {
		o.round(w)
		return
	}
	w.after(min(watchDelay, calm-w.now), func() { o.await(w) })
}

// follow gives the HorizontalPodAutoscaler what the plan says.
func (o *operator) follow(figures *plan.Plan) {
	o.hpa.Target = float64(figures.CPUTarget.Value) / 100
	o.hpa.Floor = int(figures.ReplicaFloor.Value)
	o.hpa.Up, o.hpa.Down = stockUp(), stockDown()
	o.hpa.Down.Window = figures.ScaleDownWindow.Value.Seconds()
	if up := figures.ScaleUp; up != nil {
		period := up.Value.Period.Seconds()
		o.hpa.Up.Policies = []HPAPolicy{{Pods: int(up.Value.Pods), Period: period}, {Percent: int(up.Value.Percent), Period: period}}
	}
	if figures.ScaleUpTolerance != nil {
		o.hpa.Up.Tolerance = figures.ScaleUpTolerance.Value
	}
}

// resize gives all pods the plan's pool. With workers that are fitted, as many may wait as are served in time.
func (w *World) resize(figures *plan.Plan, fitted bool) {
	if !figures.OnToolkit {
		return // nobody carries it out
	}
	workers, depth := int(figures.Workers.Value), w.depth
	switch {
	case !fitted:
		depth = workers
	case workers != w.workers:
		depth = w.service.places(w.shape.slower(w.now))
	}
	w.setPool(Pool{workers, depth, figures.QueueTimeout.Value})
}

// tick is one round of measuring and deciding.
func (o *operator) tick(w *World) {
	w.settle()
	now := w.Now()
	reports := make([]tuner.Report, 0, len(w.pods))
	var starts []tuner.Start
	for _, p := range w.pods {
		if p.readyAt != p.created { // the first pods did not start within the simulation
			starts = append(starts, p.startUp())
		}
		if p.ready && !p.leaving {
			counters := p.counters(w)
			if !plan.OnToolkit(&o.spec) {
				counters = tuner.Counters{
					Requests: counters.Requests, DurationSeconds: counters.DurationSeconds, Failed: counters.Failed, RateLimited: counters.RateLimited,
					CPUSeconds: counters.CPUSeconds, Buckets: counters.Buckets, StartSeconds: counters.StartSeconds,
				}
			}
			reports = append(reports, tuner.Report{Pod: p.Name(), Counters: &counters})
		}
	}
	target := tuner.Target{Spec: &o.spec, Wanted: int32(w.wanted), Ready: int32(len(w.serving)), Floor: int32(o.hpa.Floor), Starts: starts}
	if w.sharing && len(w.serving) > 1 {
		target.Linked = 1
	}
	outcome, changes := o.tuner.Digest(now, target, len(reports), reports, "")
	if o.changed != nil && len(changes) > 0 {
		o.changed(changes)
	}
	figures := o.planned(target.Wanted, outcome)
	w.after(decisionDelay, func() {
		o.follow(&figures)
		if o.hpa.Floor > w.wanted { // the operator raises the Deployment itself; no policy of the autoscaler counts that
			w.scaleNow(o.hpa.Floor)
		}
	})
	w.after(decisionDelay+retuneDelay, func() { w.resize(&figures, outcome.Tuned.Workers != nil) })
}

// figuresOf is what the plan's figures follow from, without the reasons that people read.
type figuresOf struct {
	wanted, needed, floor, workers int32
	utilization                    float64
	queueShared                    bool
	cost, highest                  tuner.Cost
}

// planned is the plan of an outcome. It is computed where something differs: a week has as many rounds as a plan has figures for.
func (o *operator) planned(wanted int32, outcome tuner.Outcome) plan.Plan {
	t := outcome.Tuned
	from := figuresOf{wanted: wanted, needed: t.Needed, queueShared: t.QueueShared, cost: outcome.Cost, highest: outcome.Highest}
	if t.ReplicaFloor != nil {
		from.floor = t.ReplicaFloor.Value
	}
	if t.Workers != nil {
		from.workers = t.Workers.Value
	}
	if t.Utilization != nil {
		from.utilization = t.Utilization.Value
	}
	if from != o.from {
		o.from = from
		o.figures = plan.Compute(&o.spec, plan.Observed{
			WantedReplicas: wanted, Tuned: t, ServiceTime: outcome.Cost.ServiceTime, CPUTime: outcome.Cost.CPUTime,
			HighestServiceTime: outcome.Highest.ServiceTime, HighestCPUTime: outcome.Highest.CPUTime,
		})
	}
	return o.figures
}

// simEpoch gives the simulation's seconds a date.
var simEpoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func simTime(seconds float64) time.Time {
	return simEpoch.Add(time.Duration(seconds * float64(time.Second)))
}

// startUp is what the pod's conditions would say of it.
func (p *Pod) startUp() tuner.Start {
	start := tuner.Start{Pod: p.Name(), Created: simTime(p.created)}
	if p.ready {
		start.Ready = simTime(p.readyAt)
	}
	return start
}

// counters are what the pod's /metrics would say.
func (p *Pod) counters(w *World) tuner.Counters {
	c := tuner.Counters{
		Requests: p.requests, DurationSeconds: p.durationSeconds, Failed: p.failed, Rejected: p.failed + p.limited,
		Served: p.served, ServiceSeconds: p.serviceSeconds, CPUSeconds: p.cpu,
		StartSeconds: float64(simEpoch.Unix()) + p.created,
		Active:       float64(p.inside() + p.away - p.taken), Busy: float64(p.running), Workers: float64(w.workers), Queued: float64(p.queue.length),
		Processors: float64(p.cores), RateLimited: p.limited, Refused: p.limited,
	}
	sum := 0.0
	for i, bound := range w.bounds {
		sum += p.buckets[i]
		c.Buckets = append(c.Buckets, tuner.Bucket{UpperBound: bound, Count: sum})
	}
	c.Buckets = append(c.Buckets, tuner.Bucket{UpperBound: math.Inf(1), Count: p.requests - p.failed})
	return c
}
