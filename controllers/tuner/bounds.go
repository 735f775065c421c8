// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"fmt"
	"math"
	"time"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
)

// BoundsOf reads from a spec and its plan, computed without Tuned figures, what the loop may move and how far. workers are
// those in force.
func BoundsOf(spec *v1alpha1.GoServiceSpec, untuned plan.Plan, workers int32) Bounds {
	steering := plan.SteeringOf(spec, untuned)
	b := Bounds{
		MinReplicas: untuned.Replicas.Value.Min, MaxReplicas: untuned.Replicas.Value.Max,
		Utilization: steering.Utilization, UtilizationIsFixed: steering.UtilizationIsFixed,
		AloneUtilization: steering.AloneUtilization,
		Cores:            steering.Cores, PoolCores: steering.CPULimit, Workers: workers,
		Threshold: steering.Threshold, SlowBudget: steering.SlowBudget, FailedBudget: steering.FailedBudget,
		HoldFor:     untuned.ScaleDownWindow.Value,
		PoolIsFixed: plan.WorkersAreFixed(spec),
		GOGCIsFixed: plan.GOGCIsFixed(spec),
		SharedLimit: plan.SharedLimit(spec),
	}
	if untuned.ScaleUp != nil {
		b.MaxStep, b.DoublingAllowed = untuned.ScaleUp.Value.Pods, true
	}
	if !plan.OnToolkit(spec) { // there is no pool, and nothing that takes figures while it runs
		b.Workers, b.PoolIsFixed, b.GOGCIsFixed = 0, true, true
	}
	if spec.Tuning != nil && spec.Tuning.MaxStep != nil {
		b.MaxStep, b.DoublingAllowed = *spec.Tuning.MaxStep, false
	}
	if spec.RateLimit != nil && b.SharedLimit == 0 {
		b.PodLimit = float64(spec.RateLimit.RequestsPerSecond)
	}
	if untuned.MemoryLimitBytes != nil {
		b.MemoryLimitBytes = float64(untuned.MemoryLimitBytes.Value)
	}
	return b
}

// growth of a load per second for which pods that share their queue leave room: by half within a minute.
const growth = 0.5 / 60

// withRoom lowers the utilization of pods that share their queue, which need no room for chance, until a load that grows finds room for as
// long as a pod takes to start. It is never below that of pods that are alone, whose room for chance is enough.
func (b Bounds) withRoom(startup time.Duration) Bounds {
	room := max(1/(1+growth*startup.Seconds()), b.AloneUtilization)
	if !b.UtilizationIsFixed && room < b.Utilization {
		b.Utilization = room
		b.UtilizationWhy = fmt.Sprintf("room for a load that grows by half within a minute, for the %s that a pod takes to start", readable(startup.Round(time.Second)))
	}
	return b
}

// limited leaves of the demand what a shared rate limit lets in: more pods would not let in more. Rates that the limit cuts
// have no trend.
func (s Situation) limited() Situation {
	limit, e := s.Bounds.SharedLimit, &s.Estimates
	if limit <= 0 {
		return s
	}
	for _, rate := range []*Rate{&e.Demand, &e.DemandSince, &e.DemandPanic, &e.DemandNow, &e.DemandBefore} {
		if most := limit * rate.Seconds; rate.Events > most {
			rate.Events, e.Trend = most, 0
		}
	}
	return s
}

// Tuned is the decision in the form that the plan takes.
func (d Decision) Tuned() plan.Tuned {
	return plan.Tuned{
		ReplicaFloor: &d.Floor, Needed: d.Needed, Utilization: &d.Utilization,
		Workers: d.Workers, GOGC: d.GOGC,
	}
}

// Cost is what a request costs, as the plan takes it in: it changes only by a good tenth, so that the plan and all that
// follows from it stand still while a measurement wavers.
type Cost struct{ ServiceTime, CPUTime time.Duration }

// costDigits is the relative difference from which a cost is taken as changed.
const costDigits = 0.1

// Settle takes over the measured cost where it differs enough from the one in use.
func (c Cost) Settle(e Estimates) Cost {
	return Cost{settled(c.ServiceTime, e.ServiceTime), settled(c.CPUTime, e.CPUTime)}
}

// raised to another cost where that one is higher.
func (c Cost) raised(to Cost) Cost {
	return Cost{max(c.ServiceTime, to.ServiceTime), max(c.CPUTime, to.CPUTime)}
}

func settled(used, measured time.Duration) time.Duration {
	if measured <= 0 || math.Abs(float64(measured-used)) <= costDigits*float64(used) {
		return used
	}
	return twoDigits(measured)
}

// twoDigits rounds to what is worth reading.
func twoDigits(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d/unit >= 100 {
		unit *= 10
	}
	return d.Round(unit)
}
