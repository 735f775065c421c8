// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package replay

import (
	"fmt"
	"math"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/plan"
	"goservice.dev/operator/controllers/sim"
	"goservice.dev/operator/controllers/tuner"
)

// Outcome is what some settings did, or would have done. Steps without data are left out of every sum.
type Outcome struct {
	Settings string `json:"settings"`
	// PodHours and CoreHours of the pods that existed, by the CPU that they request.
	PodHours  float64 `json:"podHours"`
	CoreHours float64 `json:"coreHours"`
	MeanPods  float64 `json:"meanPods"`
	MostPods  int     `json:"mostPods"`
	// Seconds that were judged, and MissedSeconds in steps in which more requests were slow, failed, or lost than the objectives allow, and
	// at least two. Absent without objectives.
	Seconds       int  `json:"seconds"`
	MissedSeconds *int `json:"missedSeconds,omitempty"`
	// Requests that count for the objectives, and those of them that missed.
	Requests       float64  `json:"requests"`
	MissedRequests *float64 `json:"missedRequests,omitempty"`
	// ScaleUps and ScaleDowns are changes of the number of pods that is wanted, or by steps of the one that there was.
	ScaleUps   int `json:"scaleUps"`
	ScaleDowns int `json:"scaleDowns"`
	// Decisions are figures that the operator would have moved; absent where nothing is tuned.
	Decisions []v1alpha1.TuningDecision `json:"decisions,omitempty"`

	// Pods of each step on average, NaN where nothing is known, and whether it missed the objectives.
	Pods   []float64 `json:"-"`
	Missed []bool    `json:"-"`
}

// Declared are settings of a service, by a name.
type Declared struct {
	Name string
	Spec *v1alpha1.GoServiceSpec
}

// seed of all chance in a replay: the same recording and settings give the same outcome.
const seed = 1

// beginning of simulated time. Minutes, by which the tuner learns what comes by the clock, are the same there, because Align puts the
// recording's beginning on one, and a warm-up is whole minutes.
var beginning = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Align a beginning, back by less than a minute.
func Align(from time.Time) time.Time { return from.Truncate(time.Minute) }

func decision(c tuner.Change, at time.Time) v1alpha1.TuningDecision {
	return v1alpha1.TuningDecision{At: metav1.NewTime(at.Truncate(time.Second)), What: c.What, From: c.From, To: c.To, Reason: c.Reason}
}

func steeringOf(spec *v1alpha1.GoServiceSpec) plan.Steering {
	return plan.SteeringOf(spec, plan.Compute(spec, plan.Observed{}))
}

// isTuned says whether the operator measures a service and moves its figures.
func isTuned(spec *v1alpha1.GoServiceSpec) bool {
	return spec.SLO != nil && plan.Measurable(spec) && (spec.Tuning == nil || spec.Tuning.Mode == "" || spec.Tuning.Mode == v1alpha1.TuningAutomatic)
}

// AsItRan is what really ran, as the recording has it.
func (r *Recording) AsItRan() Outcome {
	o := Outcome{Settings: "as it ran", Pods: r.Pods, Missed: make([]bool, r.Steps)}
	steering, step := steeringOf(&r.Service.Spec), r.Step.Seconds()
	cores, steps, before := steering.Cores, 0, math.NaN()
	missedSeconds, missedRequests := 0, 0.0
	for i, pods := range r.Pods {
		if math.IsNaN(pods) || math.IsNaN(r.Demand[i]) {
			continue
		}
		steps++
		o.PodHours += pods * r.Step.Hours()
		o.MostPods = max(o.MostPods, int(math.Round(pods)))
		switch {
		case pods > before:
			o.ScaleUps++
		case pods < before:
			o.ScaleDowns++
		}
		before = pods
		if r.Counted[i] > 0 {
			o.Requests += r.Counted[i] * step
		}
		if r.Missed == nil || !(r.Missed[i] > 0) {
			continue
		}
		missedRequests += r.Missed[i] * step
		if isMissed(r.Missed[i]*step, r.Counted[i]*step, budgetOf(steering)) {
			o.Missed[i] = true
			missedSeconds += int(step)
		}
	}
	o.CoreHours, o.Seconds, o.MeanPods = o.PodHours*cores, steps*int(step), o.PodHours/(float64(max(steps, 1))*r.Step.Hours())
	if r.Missed != nil && budgetOf(steering) > 0 {
		o.MissedSeconds, o.MissedRequests = &missedSeconds, &missedRequests
	}
	return o
}

// isMissed says that more requests of a step are bad than may be, and at least two: with few requests a single one is more than any
// percentile allows.
func isMissed(bad, all, budget float64) bool { return bad >= 2 && bad > budget*all }

// budgetOf the objective that is judged: latency, or availability where no latency is declared; 0 without any.
func budgetOf(s plan.Steering) float64 {
	if s.SlowBudget > 0 {
		return s.SlowBudget
	}
	return s.FailedBudget
}

// Replay the demand under some settings, with pods of the simulator.
func (r *Recording) Replay(d Declared) (Outcome, error) {
	figures := plan.Compute(d.Spec, r.observed())
	if d.Spec.Autoscaling != nil && d.Spec.Autoscaling.Mode == v1alpha1.AutoscalingExternal {
		return Outcome{}, fmt.Errorf("%s: spec.autoscaling.mode is External, and what another autoscaler would have done is not known", d.Name)
	}
	var decisions []v1alpha1.TuningDecision
	contender := sim.Unscaled(d.Name)
	if figures.Autoscaled {
		contender = sim.OperatorOf(d.Name, d.Spec, isTuned(d.Spec), func(changes []tuner.Change) {
			for _, c := range changes {
				at := r.From.Add(c.At.Sub(beginning) - sim.WarmUp*time.Second)
				if !at.Before(r.From) {
					decisions = append(decisions, decision(c, at))
				}
			}
		})
	}
	contender.Sharing = build.SharesQueue(d.Spec)
	o := r.simulate(d.Spec, &figures, contender)
	o.Decisions = decisions
	return o, nil
}

// Rival is a plain HorizontalPodAutoscaler at a CPU target in percent, with what Kubernetes does by default, within the bounds that the
// service has.
func (r *Recording) Rival(percent int) Outcome {
	figures := plan.Compute(&r.Service.Spec, r.observed())
	contender := sim.HPAContender(percent, 300)
	contender.Sharing = build.SharesQueue(&r.Service.Spec) // whatever scales them
	return r.simulate(&r.Service.Spec, &figures, contender)
}

func (r *Recording) observed() plan.Observed {
	o := plan.Observed{CPUTime: r.CPUTime, HighestCPUTime: r.CPUTime}
	if r.ServiceIsMeasured {
		o.ServiceTime, o.HighestServiceTime = r.ServiceTime, r.ServiceTime
	}
	return o
}

func (r *Recording) simulate(spec *v1alpha1.GoServiceSpec, figures *plan.Plan, contender sim.Contender) Outcome {
	service, steering := r.simulated(spec, figures), plan.SteeringOf(spec, *figures)
	load := sim.Flow{Durations: r.Durations}
	if limit := spec.RateLimit; limit != nil && limit.Scope != v1alpha1.ScopePod {
		load.Limit = float64(limit.RequestsPerSecond)
		load.Burst = load.Limit / 10
		if limit.Burst != nil {
			load.Burst = float64(*limit.Burst)
		}
	}
	result := sim.RunFlow(service, load, sim.FlowPool(service, spec, load), r.shape(), contender, seed)
	return r.sum(&result, service, budgetOf(steering))
}

// simulated is the service as the simulator takes it.
func (r *Recording) simulated(spec *v1alpha1.GoServiceSpec, figures *plan.Plan) sim.Service {
	steering := plan.SteeringOf(spec, *figures)
	usable := steering.Cores
	if steering.CPULimit > 0 {
		usable = steering.CPULimit
	}
	from, to := r.startups()
	return sim.Service{
		CPUTime: r.CPUTime, Variation: 1, Wait: r.ServiceTime - r.CPUTime,
		Cores: max(int(usable), 1), Usable: max(usable, 0.001), Requested: max(steering.Cores, 0.001),
		Threshold: steering.Threshold, Percentile: 1 - budgetOf(steering),
		MinReplicas: int(figures.Replicas.Value.Min), MaxReplicas: int(figures.Replicas.Value.Max),
		StartupFrom: from, StartupTo: to,
	}
}

// startups are how long the last pods took at least and at most to start, or what the operator assumes.
func (r *Recording) startups() (from, to time.Duration) {
	from, to = plan.StartupTime/2, plan.StartupTime
	if learned := r.Service.Status.Learned; learned != nil {
		for i, s := range learned.StartupSeconds {
			took := time.Duration(s) * time.Second
			if i == 0 {
				from, to = took, took
			}
			from, to = min(from, took), max(to, took)
		}
	}
	return from, to
}

// shape is the demand step by step. In a gap it goes on as before, so that there is something to simulate, and is not judged.
func (r *Recording) shape() sim.Shape {
	filled := make([]float64, r.Steps)
	last := 0.0
	for _, d := range r.Demand {
		if !math.IsNaN(d) {
			last = d
			break
		}
	}
	for i, d := range r.Demand {
		if !math.IsNaN(d) {
			last = d
		}
		filled[i] = last
	}
	step := r.Step.Seconds()
	return sim.Shape{Name: "replay", Seconds: sim.WarmUp + step*float64(r.Steps), Rate: func(at float64) float64 {
		return filled[min(max(int((at-sim.WarmUp)/step), 0), r.Steps-1)]
	}}
}

// sum up what a simulation has seen at times that are known.
func (r *Recording) sum(result *sim.Result, service sim.Service, budget float64) Outcome {
	o := Outcome{Settings: result.Contender, Pods: make([]float64, r.Steps), Missed: make([]bool, r.Steps)}
	step, podSeconds, wanted, missedSeconds, missedRequests := int(r.Step.Seconds()), 0, -1, 0, 0.0
	arrived, bad := make([]float64, r.Steps), make([]float64, r.Steps)
	for second, m := range result.Moments() {
		i := second / step
		if i >= r.Steps || math.IsNaN(r.Demand[i]) {
			continue
		}
		o.Seconds++
		podSeconds += m.Pods
		o.Pods[i] += float64(m.Pods) / float64(step)
		o.MostPods = max(o.MostPods, m.Pods)
		arrived[i] += float64(m.Arrived)
		bad[i] += float64(m.Slow + m.Lost)
		switch {
		case wanted >= 0 && m.Wanted > wanted:
			o.ScaleUps++
		case wanted >= 0 && m.Wanted < wanted:
			o.ScaleDowns++
		}
		wanted = m.Wanted
	}
	for i, d := range r.Demand {
		if math.IsNaN(d) {
			o.Pods[i] = math.NaN()
		}
		o.Requests += arrived[i]
		missedRequests += bad[i]
		if o.Missed[i] = isMissed(bad[i], arrived[i], budget); o.Missed[i] {
			missedSeconds += step
		}
	}
	o.PodHours = float64(podSeconds) / time.Hour.Seconds()
	o.CoreHours, o.MeanPods = o.PodHours*service.Requested, float64(podSeconds)/float64(max(o.Seconds, 1))
	if budget > 0 {
		o.MissedSeconds, o.MissedRequests = &missedSeconds, &missedRequests
	}
	return o
}
