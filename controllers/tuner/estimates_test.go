// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import "testing"

// What handlers answer with 429 themselves, as for a quota, does not hide what full pools turn away.
func TestHandlersThatLimitHideNoFullPools(t *testing.T) {
	f, e := newFleet(1), &Estimator{}
	f.steady(e, 3, 100, 0)
	counters := f.counters["p0"]
	counters.Requests, counters.RateLimited = counters.Requests+100, counters.RateLimited+100
	counters.Requests, counters.Rejected, counters.Failed = counters.Requests+80, counters.Rejected+80, counters.Failed+80
	e.Observe(f.at.Add(tick), 1, f.run(tick, 100, 0))
	got := e.Estimate(0)
	near(t, "rejected in the last round", got.Rejected, 80, 1e-9)
	near(t, "turned away by full pods", got.Refused, 80, 1e-9)
}

// Below the quorum nothing is known of the others: what one pod of ten says is spent of the budget, and not ten times that.
func TestARoundOfFewPodsSpendsNoBudget(t *testing.T) {
	f, e := newFleet(10), &Estimator{}
	f.steady(e, 3, 100, 0)
	f.counters["p0"].Failed += 50
	reports := f.run(tick, 100, 0)
	for i := range reports {
		if reports[i].Pod != "p0" {
			reports[i].Counters = nil
		}
	}
	e.Observe(f.at, 100, reports)
	if got := e.LastTally(0); got.Failed != 50 || got.Total != 100*tick.Seconds() {
		t.Errorf("%+v of a round in which one of ten pods answered", got)
	}
	e.Observe(f.at.Add(tick), 100, f.run(tick, 100, 0))
	if got := e.LastTally(0); got.Total < 1000 {
		t.Errorf("%+v of a round in which all answered", got)
	}
}

// Pods that answer requests and tell of no CPU time are told from those that were not asked enough.
func TestPodsWithoutCPUTimeAreKnown(t *testing.T) {
	for name, c := range map[string]struct {
		perSecond float64
		cpu, want bool
	}{"with it": {100, true, false}, "without": {100, false, true}, "hardly any requests": {1, false, false}} {
		f, e := newFleet(1), &Estimator{}
		for range 30 {
			reports := f.run(tick, c.perSecond, 0)
			if !c.cpu {
				for i := range reports {
					reports[i].Counters.CPUSeconds = 0
				}
			}
			e.Observe(f.at, 1, reports)
		}
		if got := e.Estimate(0); got.NoCPU != c.want {
			t.Errorf("%s: %t", name, got.NoCPU)
		}
	}
}
