// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"goservice.dev/operator/api/v1alpha1"
)

// startsOf pods that were made at the epoch and took so many seconds; negative ones are not ready yet.
func startsOf(seconds ...float64) []Start {
	var starts []Start
	for i, s := range seconds {
		start := Start{Pod: fmt.Sprint(i), Created: epoch}
		if s >= 0 {
			start.Ready = epoch.Add(time.Duration(s * float64(time.Second)))
		}
		starts = append(starts, start)
	}
	return starts
}

func TestHowLongPodsTakeToStart(t *testing.T) {
	for name, c := range map[string]struct {
		since  time.Time
		starts []Start
		want   time.Duration // 0: unknown
	}{
		"none":                              {time.Time{}, nil, 0},
		"too few to tell":                   {time.Time{}, startsOf(8, 9), 0},
		"enough":                            {time.Time{}, startsOf(8, 7, 9), 9 * time.Second},
		"a part of a second":                {time.Time{}, startsOf(8, 7, 8.2), 9 * time.Second},
		"at once":                           {time.Time{}, startsOf(0, 0, 0), time.Second},
		"one that is not ready":             {time.Time{}, startsOf(8, 7, -1), 0},
		"one of ten took long":              {time.Time{}, startsOf(8, 8, 8, 8, 8, 8, 8, 8, 8, 200), 8 * time.Second},
		"two of ten took long":              {time.Time{}, startsOf(8, 8, 8, 8, 8, 8, 8, 8, 200, 200), 200 * time.Second},
		"waited for room in the cluster":    {time.Time{}, startsOf(8, 7, 9, 301, 4000, 1e6), 9 * time.Second},
		"a clock that was set":              {time.Time{}, append(startsOf(8, 7), Start{Pod: "late", Created: epoch, Ready: epoch.Add(-time.Second)}), 0},
		"after a crash":                     {time.Time{}, append(startsOf(8, 7), Start{"crashed", epoch, epoch.Add(time.Minute), true}), 0},
		"counted by an operator before":     {epoch, startsOf(8, 7, 9), 0},
		"the newest ones of many":           {time.Time{}, startsOf(90, 90, 90, 90, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5), 5 * time.Second},
		"made after what was learned ended": {epoch.Add(-time.Second), startsOf(8, 7, 9), 9 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			s := startups{since: c.since}
			for range 3 { // each pod counts once
				s.observe(c.starts)
			}
			if got, known := s.time(); got != c.want || known != (c.want > 0) {
				t.Errorf("%s, known %t, of %v; want %s", got, known, s.took, c.want)
			}
			if len(s.took) > maxStartups || len(s.counted) > len(c.starts) {
				t.Errorf("%d starts and %d pods are remembered", len(s.took), len(s.counted))
			}
		})
	}
}

// A pod that was seen before it was ready counts when it is, and not again when it was unready in between.
func TestAPodStartsOnce(t *testing.T) {
	s := startups{}
	for _, seconds := range []float64{-1, 20, -1, 100, 250} {
		s.observe(startsOf(seconds))
	}
	if len(s.took) != 1 || s.took[0] != 20*time.Second {
		t.Errorf("starts %v, want one of 20s", s.took)
	}
}

// A container that crashes is away for a while and ready again much later: its pod has started only once.
func TestAPodThatCrashedHasNotStartedAgain(t *testing.T) {
	s := startups{}
	s.observe(startsOf(8))
	s.observe(nil) // it does not run
	again := startsOf(200)
	again[0].Restarted = true
	s.observe(again)
	if len(s.took) != 1 || s.took[0] != 8*time.Second {
		t.Errorf("starts %v, want one of 8s", s.took)
	}
}

// The look ahead of a rise follows what the service's own pods take to start, also for the operator after this one.
func TestARiseIsLookedAheadForAsLongAsPodsTakeToStart(t *testing.T) {
	for name, c := range map[string]struct {
		starts []Start
		want   string
	}{
		"unknown": {nil, "forecast for 30s ahead"},
		"quick":   {startsOf(3, 3, 3), "forecast for 10s ahead"},
		"slow":    {startsOf(30, 35, 31), "forecast for 1m10s ahead"},
		"minutes": {startsOf(200, 220, 180), "forecast for 2m ahead"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(4)
			rising := func(tuner *Tuner, starts []Start) string {
				reason := ""
				for round := range 60 {
					reports := f.run(tick, 100+float64(round), 0.001)
					outcome, _ := tuner.Digest(f.at, Target{Spec: specified(), Wanted: 4, Ready: 4, Starts: starts}, len(f.counters), reports, "")
					if floor := outcome.Tuned.ReplicaFloor; floor != nil {
						reason = floor.Reason
					}
				}
				return reason
			}
			first := New(Learned{})
			if got := rising(first, c.starts); !strings.Contains(got, c.want) {
				t.Errorf("%q; want %q", got, c.want)
			}
			next := New(Recall(&v1alpha1.GoServiceStatus{Learned: first.Learned(f.at).Status()}))
			f = newFleet(4)
			f.at = epoch.Add(time.Hour)
			if got := rising(next, c.starts); !strings.Contains(got, c.want) {
				t.Errorf("after a restart %q; want %q", got, c.want)
			}
		})
	}
}

// Chance in the line through a steady demand is not carried on for two minutes, and a rise that is certain is.
func TestALongLeadMultipliesNoChance(t *testing.T) {
	const perSecond, forecasts = 100.0, 4000
	random := rand.New(rand.NewPCG(1, 2))
	e := Estimator{}
	f, high, highSoon := newFleet(1), 0, 0
	for range forecasts {
		mean := perSecond * tick.Seconds()
		reports := f.run(tick, (mean+math.Sqrt(mean)*random.NormFloat64())/tick.Seconds(), 0)
		e.Observe(f.at, 1, reports)
		got := e.Estimate(0)
		if demand, _, _ := forecast(got, maxLead, false); demand > 1.2*perSecond {
			high++
		}
		if demand, _, _ := forecast(got, wholeLead, false); demand > 1.2*perSecond {
			highSoon++
		}
	}
	t.Logf("%d of %d forecasts for %s ahead are too high by a fifth, and %d for %s", high, forecasts, maxLead, highSoon, wholeLead)
	if high > forecasts/200 {
		t.Errorf("%d of %d forecasts for %s ahead are too high by a fifth", high, forecasts, maxLead)
	}
	rise := estimates(1000)
	rise.Trend, rise.TrendError = 10, 0.5
	if demand, _, _ := forecast(rise, maxLead, false); demand != 1000+10*(30+30)+9*90 {
		t.Errorf("%v req/s are forecast of a rise that is nearly certain", demand)
	}
}

// However slow a change of the demand is: where it is certain, its direction says what is to come.
func TestASlowChangeIsForecast(t *testing.T) {
	for _, c := range []struct {
		trend, want float64
		why         string
		rising      bool
	}{
		{0.5, 20 + 0.5*(30+30), "forecast for 30s ahead from the last minute's rise", true},
		{0, 20, "over the last minute", false},
		{-0.5, 20 - 0.5*30, "forecast from the last minute's fall", false},
	} {
		e := estimates(20)
		e.DemandPanic, e.Trend = Rate{}, c.trend
		if demand, why, rising := forecast(e, 30*time.Second, false); demand != c.want || why != c.why || rising != c.rising {
			t.Errorf("%v req/s %s, rising %t; want %+v", demand, why, rising, c)
		}
	}
}
