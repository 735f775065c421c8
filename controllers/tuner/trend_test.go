// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"testing"
)

func TestTrend(t *testing.T) {
	f, e := newFleet(2), &Estimator{}
	for i := range 30 {
		f.steady(e, 1, 100+float64(i), 0) // 2 pods, 2 s: one request per second per second
	}
	near(t, "trend", e.Estimate(0).Trend, 1, 1e-3)
}

func TestALineThatMayBeChanceIsNoTrend(t *testing.T) {
	f, e := newFleet(2), &Estimator{}
	for i := range 30 {
		f.steady(e, 1, 100+float64(i%2), 0)
	}
	if got := e.Estimate(0); got.Trend != 0 || got.TrendError != 0 {
		t.Errorf("a trend of %v with an error of %v", got.Trend, got.TrendError)
	}
}

// A step, whenever it was, is no trend, and what was before it does not count any more.
func TestAStepIsNoTrend(t *testing.T) {
	for name, at := range map[string]int{"just now": 29, "lately": 25, "half a minute ago": 15, "nearly forgotten": 2} {
		t.Run(name, func(t *testing.T) {
			f, e := newFleet(2), &Estimator{}
			for i := range 30 {
				perPod := 300.0
				switch {
				case i == at: // in the middle of the round
					perPod = 600
				case i > at:
					perPod = 900
				}
				f.steady(e, 1, perPod, 0)
			}
			got := e.Estimate(0)
			near(t, "trend", got.Trend, 0, 0)
			if at <= 25 {
				near(t, "demand since then", got.DemandSince.PerSecond(), 1800, 1e-6)
			}
		})
	}
}
