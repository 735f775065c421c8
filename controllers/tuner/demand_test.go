// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"testing"
	"time"
)

// pods is the floor after a fleet's pods have counted for two minutes what change adds in each round to what they serve.
func floorAfter(t *testing.T, perPod float64, change func(c *Counters, served float64)) (int32, Outcome) {
	t.Helper()
	spec, f := specified(), newFleet(4)
	tuner := New(Learned{})
	var outcome Outcome
	for range 60 {
		reports := f.run(tick, perPod, 0)
		for _, report := range reports {
			change(f.counters[report.Pod], perPod*tick.Seconds())
			now := *f.counters[report.Pod]
			*report.Counters = now
		}
		outcome, _ = tuner.Digest(f.at, Target{Spec: spec, Wanted: 4, Ready: 4}, len(f.counters), reports, "")
	}
	return outcome.Tuned.ReplicaFloor.Value, outcome
}

// Demand and cost count the same requests: what is not served by a route is no reason for a pod, and a route that holds no
// worker is one like any other.
func TestDemandAndCostCountTheSameRequests(t *testing.T) {
	plain, _ := floorAfter(t, 250, func(*Counters, float64) {})
	for name, c := range map[string]struct {
		change func(c *Counters, served float64)
		cpu    time.Duration
	}{
		"a flood of paths that do not exist": {func(c *Counters, served float64) {
			c.Requests, c.Unmatched = c.Requests+9*served, c.Unmatched+9*served
			c.Buckets[0].Count += 9 * served
			c.Buckets[1].Count += 9 * served
			c.Buckets[2].Count += 9 * served
		}, 5 * time.Millisecond},
		"half of the requests on routes without a worker": {func(c *Counters, served float64) {
			c.Served -= served / 2
			c.ServiceSeconds -= served / 2 * 0.010
		}, 5 * time.Millisecond},
		"only routes without a worker": {func(c *Counters, served float64) {
			c.Served -= served
			c.ServiceSeconds -= served * 0.010
		}, 5 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			floor, outcome := floorAfter(t, 250, c.change)
			if floor != plain || outcome.Cost.CPUTime != c.cpu {
				t.Errorf("floor %d, %s of CPU; without it %d, %s", floor, outcome.Cost.CPUTime, plain, c.cpu)
			}
		})
	}
}

// Requests that only ask whether a service is there make its pods cheap, not few.
func TestAQuietNightForgetsNoCost(t *testing.T) {
	spec, f := specified(), newFleet(4)
	tuner := New(Learned{})
	digest := func(perPod float64) Outcome {
		reports := f.run(tick, perPod, 0)
		outcome, _ := tuner.Digest(f.at, Target{Spec: spec, Wanted: 4, Ready: 4}, len(f.counters), reports, "")
		return outcome
	}
	var day, night Outcome
	for range 120 {
		day = digest(250)
	}
	for range 8 * 60 * 30 {
		night = digest(0.2)
	}
	if night.Cost != day.Cost || night.Highest != day.Highest {
		t.Errorf("cost %+v after a night, was %+v", night.Cost, day.Cost)
	}
	if floor := night.Tuned.ReplicaFloor.Value; floor != 2 {
		t.Errorf("floor %d at night, want the minimum", floor)
	}
}

// The first traffic after nothing is answered with what it needs: README's sample, 40 requests per second of 14 ms on pods of
// a quarter of a core, needs 8 pods.
func TestFirstTrafficIsNoPanic(t *testing.T) {
	spec := specified()
	spec.SLO.Latency.Threshold.Duration = 50 * time.Millisecond
	spec.Resources, spec.Autoscaling = nil, nil
	for name, first := range map[string]float64{"a whole round": 1, "half of a round": 0.5, "hardly any of a round": 0.1} {
		t.Run(name, func(t *testing.T) {
			f, tuner := newFleet(2), New(Learned{})
			highest, last := int32(0), int32(0)
			for round := range 90 {
				perSecond := 0.0
				switch {
				case round == 15:
					perSecond = 40 * first
				case round > 15:
					perSecond = 40
				}
				f.at = f.at.Add(tick)
				var reports []Report
				for pod, c := range f.counters {
					n := perSecond * tick.Seconds() / float64(len(f.counters))
					c.Requests, c.Served = c.Requests+n, c.Served+n
					c.ServiceSeconds, c.DurationSeconds = c.ServiceSeconds+n*0.014, c.DurationSeconds+n*0.014
					c.CPUSeconds += n * 0.014
					c.Buckets[0].Count, c.Buckets[1].Count, c.Buckets[2].Count = c.Requests, c.Requests, c.Requests
					now := *c
					now.Buckets = append([]Bucket(nil), c.Buckets...)
					reports = append(reports, Report{pod, &now})
				}
				outcome, _ := tuner.Digest(f.at, Target{Spec: spec, Wanted: max(last, 2), Ready: max(last, 2)}, len(f.counters), reports, "")
				if outcome.Tuned.ReplicaFloor != nil {
					last = outcome.Tuned.ReplicaFloor.Value
					highest = max(highest, last)
				}
			}
			if highest < 8 || highest > 9 || last != 8 {
				t.Errorf("at most %d pods, %d in the end; 8 carry it", highest, last)
			}
		})
	}
}

// A dependency that becomes slow is no reason for more pods, and where only trying tells, steps that do not help are taken
// back.
func TestASlowDependencyAddsNoPods(t *testing.T) {
	ready := int32(5)
	slow := func(service time.Duration) func(time.Duration) Situation {
		return func(time.Duration) Situation {
			s := constant(1600, ready)(0)
			s.Estimates.ServiceTime = service
			s.Estimates.Objectives = Tally{Total: 96000, Slow: 96000 * 0.05}
			return s
		}
	}
	t.Run("that takes long by itself", func(t *testing.T) {
		got := steps(&Decider{}, 0, 30*time.Minute, slow(60*time.Millisecond))
		if got.Utilization.Value != 0.8 {
			t.Errorf("utilization %+v", got.Utilization)
		}
	})
	t.Run("that shows only in a few requests", func(t *testing.T) {
		d := &Decider{}
		lowest := 1.0
		var got Decision
		for at := time.Duration(0); at < 30*time.Minute; at += tick {
			got = d.Decide(epoch.Add(at), slow(10*time.Millisecond)(at))
			ready = got.Floor.Value
			lowest = min(lowest, got.Utilization.Value)
		}
		if lowest < 0.8*lowerBy*lowerBy-1e-9 || got.Utilization.Value != 0.8 {
			t.Errorf("lowest %v, then %+v", lowest, got.Utilization)
		}
	})
}

func TestUtilizationRecoversWithinAnHour(t *testing.T) {
	d := &Decider{}
	d.resume(Learned{Tuned: everythingLearned().Tuned})
	d.earlier.Tuned.Utilization.Value = minUtilization
	got := steps(d, 0, time.Hour, constant(400, 6))
	if got.Utilization.Value != 0.8 {
		t.Errorf("after a calm hour %+v", got.Utilization)
	}
}

// One decision moves the floor no further than the user allows, however much comes; the next one goes on.
func TestAStepIsBounded(t *testing.T) {
	d := &Decider{}
	bounded := func(perSecond float64, wanted int32) Situation {
		s := constant(perSecond, wanted)(0)
		s.Bounds.MaxStep = 5
		return s
	}
	steps(d, 0, 5*time.Minute, func(time.Duration) Situation { return bounded(800, 3) })
	floor, begun := int32(3), 5*time.Minute+tick
	for _, c := range []struct {
		after time.Duration
		want  int32
	}{{0, 8}, {tick, 8}, {raiseEvery, 13}, {raiseEvery + tick, 13}, {2 * raiseEvery, 18}} {
		got := d.Decide(epoch.Add(begun+c.after), bounded(6400, floor))
		if floor = got.Floor.Value; floor != c.want {
			t.Fatalf("floor %d %s after the step, want %d: %s", floor, c.after, c.want, got.Floor.Reason)
		}
	}
}
