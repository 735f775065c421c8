// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"math"
	"strings"
	"testing"
	"time"
)

// used is a service whose pods are as busy as they are meant to be, a share of its requests slow.
func used(d *Decider, share float64) func(time.Duration) Situation {
	return func(time.Duration) Situation {
		s := constant(1600, 5)(0)
		s.Bounds.Utilization = 0.72
		s.Estimates.CPU = 5 * 2 * max(d.rho.value, 0.5)
		s.Estimates.Objectives = Tally{Total: 96000, Slow: 96000 * share}
		return s
	}
}

func TestUtilizationGoesAboveThePlanWhereLatenciesLeaveRoom(t *testing.T) {
	d := &Decider{}
	got := steps(d, 0, 6*time.Minute, used(d, 0.0004))
	if math.Abs(got.Utilization.Value-0.74) > 1e-9 || !strings.Contains(got.Utilization.Reason, "0.04% of requests are turned away or take longer") {
		t.Errorf("after six minutes %+v", got.Utilization)
	}
	got = steps(d, 6*time.Minute+tick, 2*time.Hour, used(d, 0.0004))
	if math.Abs(got.Utilization.Value-0.84) > 1e-9 {
		t.Errorf("after two hours %+v, want the last step below 85%%", got.Utilization)
	}
	next := &Decider{}
	next.resume(d.learned())
	if got := steps(next, 0, 6*tick, used(next, 0.0004)); math.Abs(got.Utilization.Value-0.84) > 1e-9 {
		t.Errorf("after a restart %+v", got.Utilization)
	}
	// A quarter of the budget is spent: back before the objective breaks, and for hours not to what failed.
	got = steps(d, 2*time.Hour+tick, 2*time.Hour+2*tick, used(d, 0.003))
	if got.Utilization.Value != 0.72 {
		t.Errorf("when latencies rise %+v", got.Utilization)
	}
	got = steps(d, 2*time.Hour+3*tick, 7*time.Hour, used(d, 0.0004))
	if math.Abs(got.Utilization.Value-0.82) > 1e-9 {
		t.Errorf("hours later %+v, want less than what failed", got.Utilization)
	}
	got = steps(d, 7*time.Hour+tick, 9*time.Hour, used(d, 0.0004))
	if math.Abs(got.Utilization.Value-0.84) > 1e-9 {
		t.Errorf("after six hours %+v, want what failed tried again", got.Utilization)
	}
}

func TestUtilizationStaysAtThePlansWithoutEvidence(t *testing.T) {
	for name, change := range map[string]func(*Situation){
		"some requests are slow": func(s *Situation) { s.Estimates.Objectives.Slow = 96000 * 0.0006 },
		"some are turned away":   func(s *Situation) { s.Estimates.TurnedAway = 96000 * 0.0002 },
		"pods are not busy":      func(s *Situation) { s.Estimates.CPU = 5 * 2 * 0.6 },
		"few requests tell":      func(s *Situation) { s.Estimates.Objectives = Tally{Total: 3900} },
		"no latency objective":   func(s *Situation) { s.Bounds.SlowBudget = 0 },
		"the user's own":         func(s *Situation) { s.Bounds.UtilizationIsFixed = true },
		"nothing is known":       func(s *Situation) { s.Estimates.Known = false },
	} {
		t.Run(name, func(t *testing.T) {
			d := &Decider{}
			got := steps(d, 0, time.Hour, func(at time.Duration) Situation {
				s := used(d, 0.0004)(at)
				change(&s)
				return s
			})
			if got.Utilization.Value != 0.72 {
				t.Errorf("utilization %+v", got.Utilization)
			}
		})
	}
}

// What is above the plan's lasts as long as it is measured to, and as the formula allows it.
func TestUtilizationAboveThePlanIsGivenUp(t *testing.T) {
	const at = time.Hour
	for name, change := range map[string]func(d *Decider, s *Situation){
		"a quarter of the budget is spent":     func(_ *Decider, s *Situation) { s.Estimates.Objectives.Slow = 96000 * 0.003 },
		"it is spent on what was turned away":  func(_ *Decider, s *Situation) { s.Estimates.TurnedAway = 96000 * 0.003 },
		"the formula allows less":              func(_ *Decider, s *Situation) { s.Bounds.MostUtilization = 0.78 },
		"there is no objective any more":       func(_ *Decider, s *Situation) { s.Bounds.MostUtilization, s.Bounds.SlowBudget = 0, 0 },
		"the user has set one, and removed it": func(d *Decider, _ *Situation) { steps(d, at, at+10*tick, fixedAt(0.95)) },
	} {
		t.Run(name, func(t *testing.T) {
			d := &Decider{}
			if got := steps(d, 0, at-tick, used(d, 0.0004)); got.Utilization.Value < 0.8 {
				t.Fatalf("utilization %+v after an hour", got.Utilization)
			}
			s := used(d, 0.0004)(0)
			change(d, &s)
			if got := d.Decide(epoch.Add(at+2*time.Minute), s); got.Utilization.Value != 0.72 {
				t.Errorf("utilization %+v, want the plan's", got.Utilization)
			}
			if learned := d.learned().Tuned.Utilization; learned != nil && learned.Value != 0.72 {
				t.Errorf("the next operator learns %+v", learned)
			}
		})
	}
}

// fixedAt is a utilization of the user's own.
func fixedAt(utilization float64) func(time.Duration) Situation {
	return func(time.Duration) Situation {
		s := constant(1600, 5)(0)
		s.Bounds.Utilization, s.Bounds.UtilizationIsFixed = utilization, true
		return s
	}
}

// While what comes is sudden nothing is judged, so that it is no calm time either.
func TestUtilizationStaysAtThePlansWhereStepsComeAgain(t *testing.T) {
	d := &Decider{}
	got := steps(d, 0, 2*time.Hour, func(at time.Duration) Situation {
		s := used(d, 0.0004)(at)
		if at%(4*time.Minute) < 10*time.Second {
			s.Estimates.DemandNow, s.Estimates.DemandPanic = Rate{8000 * 2, 2}, Rate{8000 * 6, 6}
		}
		return s
	})
	if got.Utilization.Value != 0.72 {
		t.Errorf("utilization %+v", got.Utilization)
	}
}
