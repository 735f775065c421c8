// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"math"
	"testing"
	"time"
)

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

// The smallest of the pods' pools counts, whichever pod it is, and the largest of what else they tell of.
func TestTheSmallestPoolCounts(t *testing.T) {
	for name, c := range map[string]struct {
		most []float64
		want float64
	}{"one pod": {[]float64{64}, 64}, "the first": {[]float64{16, 64}, 16}, "the last": {[]float64{64, 32, 16}, 16}, "one that does not tell": {[]float64{64, 0}, 0}} {
		var reports []Report
		for i, most := range c.most {
			reports = append(reports, Report{string(rune('a' + i)), &Counters{MostWorkers: most, Workers: 8, Busy: 2, HeapLiveBytes: most, GOGC: 100 + most}})
		}
		e := &Estimator{}
		e.Observe(epoch, len(reports), reports)
		got := e.Estimate(0)
		if got.MostWorkers != c.want || got.Workers != 8 || got.Saturation != 0.25 || got.HeapLiveBytes != max(c.most[0], c.most[len(c.most)-1]) || got.GOGC != 100+got.HeapLiveBytes {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// What came since a moment is that of all rounds that ended then or later, the oldest one included, if enough pods were heard.
func TestWhatCameSinceAMoment(t *testing.T) {
	e := &Estimator{}
	for i := range 4 {
		e.samples = append(e.samples, sample{at: epoch.Add(time.Duration(i) * tick), span: 2, arrivals: math.Pow(10, float64(i)), complete: i != 2})
	}
	for after, want := range map[time.Duration]Rate{-1: {1011, 6}, 0: {1011, 6}, 1: {1010, 4}, 3 * tick: {1000, 2}, 3*tick + 1: {}} {
		if got := e.arrivalsSince(epoch.Add(after)); got != want {
			t.Errorf("since %s: %+v, want %+v", after, got, want)
		}
	}
}

func TestTheTimeOfASingleRequest(t *testing.T) {
	h := histogram{}
	h.add([]Bucket{{0.05, 0}, {0.1, 1}, {math.Inf(1), 1}}, 1, nil)
	if got := h.quantile(0.99); got < 50*time.Millisecond || got > 100*time.Millisecond {
		t.Errorf("p99 of one request between 50 and 100 ms: %s", got)
	}
	if got := (&histogram{}).quantile(0.99); got != 0 {
		t.Errorf("p99 of no request: %s", got)
	}
}

// A round has the part of what a silent pod did that its time has of the pod's; where there is no time to compare, it has all.
func TestTheShareOfARound(t *testing.T) {
	for _, c := range []struct{ span, pod, want float64 }{{2, 2, 100}, {2, 8, 25}, {4, 2, 200}, {0, 2, 100}, {2, 0, 100}} {
		e, s := &Estimator{}, sample{span: c.span}
		e.add(&s, Counters{Requests: 100, Served: 100, CPUSeconds: 1}, c.pod)
		if s.arrivals != c.want || s.served != c.want || s.cpuSeconds != c.want/100 {
			t.Errorf("%+v: %+v", c, s)
		}
	}
}

// The windows: the last round, the one before it, the last six seconds, and a minute. Nothing is known from rounds that are older than those seconds.
func TestTheWindows(t *testing.T) {
	f, e := newFleet(1), &Estimator{}
	f.steady(e, 2, 0, 0)
	for _, perSecond := range []float64{10, 20, 40, 80, 160} {
		f.steady(e, 1, perSecond, 0)
	}
	got := e.Estimate(0)
	near(t, "the last round", got.DemandNow.Events, 320, 1e-9)
	near(t, "the one before", got.DemandBefore.Events, 160, 1e-9)
	near(t, "the last six seconds", got.DemandPanic.Events, 560, 1e-9)
	near(t, "their length", got.DemandPanic.Seconds, 6, 1e-9)
	near(t, "the last minute", got.Demand.Events, 620, 1e-9)
	if !got.Known {
		t.Error("nothing is known")
	}
	f.at = f.at.Add(tick)
	e.Observe(f.at, 0, nil)
	f.at = f.at.Add(PanicWindow)
	e.Observe(f.at, 1, []Report{{"p9", &Counters{}}})
	if e.Estimate(0).Known {
		t.Error("known from rounds before there was no pod")
	}
}

// Pods may count less than they did, or in another order: no round has less than nothing of anything that is a difference.
func TestNothingIsLessThanNone(t *testing.T) {
	for name, c := range map[string]struct {
		counted        Counters
		arrivals, done float64
	}{
		"more under way":           {Counters{Requests: 10, Active: 3}, 13, 10},
		"less under way":           {Counters{Requests: 10, Active: -4}, 6, 10},
		"only less under way":      {Counters{Active: -4}, 0, 0},
		"without a route":          {Counters{Requests: 10, Unmatched: 4}, 6, 6},
		"only without a route":     {Counters{Requests: 4, Unmatched: 4, Active: -1}, 0, 0},
		"turned away":              {Counters{Requests: 10, Rejected: 4}, 10, 6},
		"turned away, and unasked": {Counters{Requests: 4, Rejected: 5}, 4, 0},
		"hardly anything":          {Counters{Requests: 0.5}, 0.5, 0.5},
	} {
		e, s := &Estimator{}, sample{span: 1}
		if e.add(&s, c.counted, 1); s.arrivals != c.arrivals || s.done != c.done {
			t.Errorf("%s: %v came, %v were done", name, s.arrivals, s.done)
		}
	}
}
