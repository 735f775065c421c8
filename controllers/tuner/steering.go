// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"fmt"
	"math"
	"time"

	"goservice.dev/operator/controllers/plan"
)

const (
	// minUtilization is where lowering ends: below it more pods hardly make waiting rarer.
	minUtilization = 0.3
	// lowerBy is the factor of one step down, raiseBy the summand of one step up: down quickly, up slowly.
	lowerBy = 0.85
	raiseBy = 0.01
	// calm is how long no more than calmShare of the slow budget may be spent before a step up.
	calm      = 5 * time.Minute
	calmShare = 0.5
	// minJudged slow requests make a share: fewer may be chance.
	minJudged = 10
	// tolerated is how far above the utilization the pods may be and the utilization still be to blame.
	tolerated = 1.05
)

// steering holds the utilization to steer for. The plan's queueing formula says where it starts; what is measured says
// where it stays.
type steering struct {
	value     float64
	lowered   bool // by what was measured: else it is the plan's
	judgedAt  time.Time
	calmSince time.Time
	reason    string
}

// steer lowers the utilization when more requests are slow than may be although there are enough pods by the present one,
// and raises it by small steps after a calm time, never above the plan's.
func (d *Decider) steer(now time.Time, s Situation, decision *Decision) plan.Figure[float64] {
	r := &d.rho
	if r.reason == "" {
		r.reason = "by the queueing formula"
	}
	if !r.lowered || r.value > s.Bounds.Utilization {
		r.lowered = false
		r.value, r.reason = s.Bounds.Utilization, "by the queueing formula"
	}
	if s.Bounds.UtilizationIsFixed {
		r.value, r.reason = s.Bounds.Utilization, "set by hand"
		return plan.Figure[float64]{Value: r.value, Reason: r.reason}
	}
	objectives := s.Estimates.Objectives
	share := objectives.SlowShare()
	judged := now.Sub(r.judgedAt) >= StableWindow && now.After(d.panicUntil) && s.Estimates.Known && s.Bounds.SlowBudget > 0
	capacity := float64(s.Ready) * s.Bounds.Cores * r.value
	switch {
	case !judged:
	case share > s.Bounds.SlowBudget && objectives.Slow >= minJudged:
		r.calmSince = time.Time{}
		if s.Estimates.CPU > capacity*tolerated || r.value <= minUtilization {
			break // too few pods, not too much asked of each; or nothing left to gain
		}
		d.setUtilization(now, max(r.value*lowerBy, minUtilization), fmt.Sprintf("%s %% of requests are slower than %s, %s %% may be",
			short(100*share), s.Bounds.Threshold, short(100*s.Bounds.SlowBudget)), decision)
	case share > s.Bounds.SlowBudget*calmShare:
		r.calmSince = time.Time{}
	case r.calmSince.IsZero():
		r.calmSince = now
	case now.Sub(r.calmSince) >= calm && r.value < s.Bounds.Utilization:
		r.calmSince = now
		d.setUtilization(now, min(r.value+raiseBy, s.Bounds.Utilization), fmt.Sprintf("%s %% of requests are slower than %s, %s %% may be",
			short(100*share), s.Bounds.Threshold, short(100*s.Bounds.SlowBudget)), decision)
	}
	return plan.Figure[float64]{Value: r.value, Reason: r.reason}
}

func (d *Decider) setUtilization(now time.Time, value float64, reason string, decision *Decision) {
	from := d.rho.value
	d.rho.value, d.rho.reason, d.rho.judgedAt, d.rho.lowered = value, reason, now, true
	percent := func(f float64) string { return short(math.Round(1000*f)/10) + " %" }
	by := 1
	if value < from {
		by = -1
	}
	d.change(now, "utilization", percent(from), percent(value), by, reason, decision)
}
