// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"testing"
	"time"
)

func TestRestartsAreToldFromClocks(t *testing.T) {
	for name, c := range map[string]struct {
		change func(c *Counters, now time.Time)
		want   float64 // requests per second in the round
	}{
		"the same process":    {func(*Counters, time.Time) {}, 100},
		"a clock that drifts": {func(c *Counters, _ time.Time) { c.StartSeconds++ }, 100},
		"a clock set forward": {func(c *Counters, _ time.Time) { c.StartSeconds += 3600 }, 100},
		"a clock set back":    {func(c *Counters, _ time.Time) { c.StartSeconds -= 3600 }, 100},
		"a restart":           {func(c *Counters, now time.Time) { *c = restartedAt(now.Add(-time.Second), 60) }, 30},
		"a restart that counts more": {func(c *Counters, now time.Time) {
			*c = restartedAt(now.Add(-time.Second), c.Requests+1000)
			c.Served, c.CPUSeconds = 1e6, 1e6
		}, (30*200 + 1000) / 2},
		"a restart that counts more, on a clock a second ahead": {func(c *Counters, now time.Time) {
			*c = restartedAt(now.Add(time.Second), c.Requests+1000)
			c.Served, c.CPUSeconds = 1e6, 1e6
		}, (30*200 + 1000) / 2},
		"a restart on a wrong clock": {func(c *Counters, now time.Time) { *c = restartedAt(now.Add(-time.Hour), 60) }, 30},
		"no start":                   {func(c *Counters, _ time.Time) { c.StartSeconds = 0 }, 100},
	} {
		t.Run(name, func(t *testing.T) {
			f, e := newFleet(1), &Estimator{}
			f.steady(e, 29, 100, 0)
			reports := f.run(tick, 100, 0)
			c.change(reports[0].Counters, f.at)
			e.Observe(f.at, 1, reports)
			near(t, "demand now", e.Estimate(0).DemandNow.PerSecond(), c.want, 1e-6)
		})
	}
}

func restartedAt(start time.Time, requests float64) Counters {
	return Counters{StartSeconds: float64(start.UnixMilli()) / 1000, Requests: requests, Served: requests}
}

// A counter that goes back in the same process is an answer with a part missing: neither that round nor the next may count
// what is missing or comes back.
func TestACounterThatGoesBackIsALostRound(t *testing.T) {
	for name, change := range map[string]func(*Counters){
		"requests":             func(c *Counters) { c.Requests /= 2 },
		"failed requests":      func(c *Counters) { c.Failed = 0 },
		"rate-limited ones":    func(c *Counters) { c.RateLimited = 0 },
		"CPU time":             func(c *Counters) { c.CPUSeconds = 0 },
		"all, without a start": func(c *Counters) { *c = Counters{At: c.At} },
	} {
		t.Run(name, func(t *testing.T) {
			f, e := newFleet(2), &Estimator{}
			for _, c := range f.counters {
				c.Failed, c.RateLimited = 10, 10
			}
			for round := range 32 {
				reports := f.run(tick, 100, 0)
				if round == 30 {
					for _, report := range reports {
						if report.Pod == "p0" {
							change(report.Counters)
						}
					}
				}
				e.Observe(f.at, 2, reports)
				if round > 0 {
					near(t, "demand now", e.Estimate(0).DemandNow.PerSecond(), 200, 1e-6)
				}
			}
		})
	}
}

// What stays below is what there is from then on.
func TestACounterThatStaysBackIsBegunAnew(t *testing.T) {
	f, e := newFleet(1), &Estimator{}
	f.steady(e, 30, 100, 0)
	f.counters["p0"].Requests = 0
	f.steady(e, int(StableWindow/tick)+6, 1, 0)
	if got := e.Estimate(0); !got.Known {
		t.Error("not known")
	} else {
		near(t, "demand now", got.DemandNow.PerSecond(), 1, 1e-6)
	}
}

func TestALifetimeIsNoRound(t *testing.T) {
	f, e := newFleet(1), &Estimator{}
	f.steady(e, 30, 100, 0)
	reports := append(f.run(tick, 100, 0), Report{"new", &Counters{ // its node's clock is an hour ahead
		StartSeconds: float64(f.at.Add(50 * time.Minute).Unix()), Requests: 1e6,
	}})
	e.Observe(f.at, 2, reports)
	near(t, "demand now", e.Estimate(0).DemandNow.PerSecond(), 100, 1e-6)
}

// Any counter that is less than before tells that a part is missing, or that the process is another one.
func TestAnyCounterThatIsLessWentBack(t *testing.T) {
	before := Counters{Requests: 10, Failed: 10, RateLimited: 10, Served: 10, Rejected: 10, Refused: 10, CPUSeconds: 10}
	for name, counter := range map[string]func(*Counters) *float64{
		"requests": func(c *Counters) *float64 { return &c.Requests }, "failed": func(c *Counters) *float64 { return &c.Failed },
		"limited": func(c *Counters) *float64 { return &c.RateLimited }, "served": func(c *Counters) *float64 { return &c.Served },
		"rejected": func(c *Counters) *float64 { return &c.Rejected }, "refused": func(c *Counters) *float64 { return &c.Refused },
		"CPU time": func(c *Counters) *float64 { return &c.CPUSeconds },
	} {
		now := before
		if now.wentBack(&before) {
			t.Error("equal counters went back")
		}
		if *counter(&now) = 11; now.wentBack(&before) {
			t.Errorf("more %s went back", name)
		}
		if *counter(&now) = 9; !now.wentBack(&before) {
			t.Errorf("less %s did not go back", name)
		}
	}
}
