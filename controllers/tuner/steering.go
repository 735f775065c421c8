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
	// fasterBy is the factor by which each further calm step up is larger than the one before.
	fasterBy = 2
	// calm is how long no more than calmShare of the slow budget may be spent before a step up.
	calm      = 5 * time.Minute
	calmShare = 0.5
	// minJudged slow requests make a share: fewer may be chance.
	minJudged = 10
	// futileSteps down without the slow share falling to futileShare of what it was are taken back: more pods do not help.
	futileSteps = 2
	futileShare = 0.8
	// Above the plan's utilization goes what is measured to leave room: for a calm time, pods were nearly as busy as they may be
	// (nearShare) and no more than roomShare of the slow budget was spent in any stable window, by slow requests and by such as pods
	// turned away, and nothing came suddenly. It goes back to the plan's as soon
	// as spentShare of the budget is spent, which is before the objective breaks, and stays below what failed for retryAfter.
	nearShare  = 0.9
	roomShare  = 0.05
	spentShare = 0.25
	roomStep   = 0.02
	retryAfter = 6 * time.Hour
	// tolerated is how far above the utilization the pods may be and the utilization still be to blame.
	tolerated = 1.05
)

// steering holds the utilization to steer for. The plan's queueing formula says where it starts; what is measured says
// where it stays.
type steering struct {
	value     float64
	moved     bool // by what was measured: else it is the plan's
	raised    bool // above the plan's
	judgedAt  time.Time
	calmSince time.Time
	reason    string
	rise      float64 // of the next step up
	// steps down since the slow share was before, at the value from; futile says that they were taken back and no others
	// are tried until the objective holds again.
	steps        int
	before, from float64
	futile       bool
	// roomSince the measured latencies leave room for more than the plan's; failed did not last, and counts until failedUntil.
	roomSince, failedUntil time.Time
	failed                 float64
}

// steer lowers the utilization when more requests are slow than may be although there are enough pods by the present one,
// and raises it by small steps after a calm time: to the plan's, and above it where busy pods are measured to leave room.
func (d *Decider) steer(now time.Time, s Situation, decision *Decision) plan.Figure[float64] {
	r := &d.rho
	if r.reason == "" {
		r.reason = "by the queueing formula"
	}
	if s.Bounds.UtilizationIsFixed {
		*r = steering{value: s.Bounds.Utilization, reason: "set by hand"}
		return plan.Figure[float64]{Value: r.value, Reason: r.reason}
	}
	if inPanic := !now.After(d.panicUntil); inPanic || !s.Estimates.Known {
		r.roomSince = time.Time{} // that time is not judged
	}
	r.raised = r.raised && r.value <= s.Bounds.MostUtilization+utilizationEps
	if !r.moved || r.value > s.Bounds.Utilization && !r.raised {
		r.moved = false
		r.value, r.reason = s.Bounds.Utilization, "by the queueing formula"
	}
	objectives := s.Estimates.Objectives
	share := objectives.SlowShare()
	judged := now.Sub(r.judgedAt) >= StableWindow && now.After(d.panicUntil) && s.Estimates.Known && s.Bounds.SlowBudget > 0
	capacity := float64(s.Ready) * s.Bounds.Cores * r.value
	switch {
	case !judged:
	case r.raised && s.late() > s.Bounds.SlowBudget*spentShare*objectives.Total && s.late() >= minJudged:
		r.failed, r.failedUntil, r.raised, r.roomSince = r.value, now.Add(retryAfter), false, time.Time{}
		d.setUtilization(now, s.Bounds.Utilization, s.lateReason(), decision)
	case share > s.Bounds.SlowBudget && objectives.Slow >= minJudged:
		r.calmSince, r.rise = time.Time{}, raiseBy
		if s.Estimates.CPU > capacity*tolerated || s.waitsElsewhere() || r.futile {
			break // too few pods, not too much asked of each; or it is not the CPU that requests wait for
		}
		d.lower(now, s, share, decision)
	case share > s.Bounds.SlowBudget*calmShare:
		r.calmSince, r.rise = time.Time{}, raiseBy
		r.steps, r.futile = 0, false
	case r.calmSince.IsZero():
		r.calmSince = now
		r.steps, r.futile = 0, false
	case now.Sub(r.calmSince) >= calm && r.value < s.Bounds.Utilization:
		r.calmSince = now
		step := max(r.rise, raiseBy)
		r.rise = step * fasterBy
		d.setUtilization(now, min(r.value+step, s.Bounds.Utilization), s.slowReason(), decision)
	case r.value >= s.Bounds.Utilization:
		d.raise(now, s, s.Estimates.CPU >= nearShare*capacity, decision)
	}
	return plan.Figure[float64]{Value: r.value, Reason: r.reason}
}

// slowReason says what the objective allows and what is.
func (s Situation) slowReason() string {
	return fmt.Sprintf("%s%% of requests take longer than %s; the objective allows %s%%",
		short(100*s.Estimates.Objectives.SlowShare()), s.Bounds.Threshold, short(100*s.Bounds.SlowBudget))
}

// late requests of the stable window: slow ones, and those that pods turned away because they would have been.
func (s Situation) late() float64 { return s.Estimates.Objectives.Slow + s.Estimates.TurnedAway }

// lateReason says what the objective allows and what is, where pods are busier than by the plan.
func (s Situation) lateReason() string {
	return fmt.Sprintf("%s%% of requests are turned away or take longer than %s; the objective allows %s%%",
		short(100*s.late()/max(s.Estimates.Objectives.Total, 1)), s.Bounds.Threshold, short(100*s.Bounds.SlowBudget))
}

// raise the utilization above the plan's, which assumes more than is known. What pods that are not busy show is no evidence, and
// neither is what so few requests show that late ones could be missing by chance.
func (d *Decider) raise(now time.Time, s Situation, busy bool, decision *Decision) {
	r := &d.rho
	room := s.Bounds.SlowBudget * roomShare * s.Estimates.Objectives.Total
	enough := room*float64(calm/StableWindow) >= minJudged
	most := s.Bounds.MostUtilization
	if now.Before(r.failedUntil) {
		most = min(most, r.failed-roomStep)
	}
	switch {
	case !busy || !enough || s.late() > room || r.value+roomStep > most+utilizationEps:
		r.roomSince = time.Time{}
	case r.roomSince.IsZero():
		r.roomSince = now
	case now.Sub(r.roomSince) >= calm:
		r.roomSince, r.raised = now, true
		d.setUtilization(now, r.value+roomStep, s.lateReason(), decision)
	}
}

// lower the utilization by a step, or take steps back that did not help.
func (d *Decider) lower(now time.Time, s Situation, share float64, decision *Decision) {
	r, b := &d.rho, &s.Bounds
	if r.steps == 0 {
		r.before, r.from = share, r.value
	}
	if r.steps >= futileSteps {
		if share > futileShare*r.before {
			r.futile, r.steps = true, 0
			if r.from > r.value {
				d.setUtilization(now, min(r.from, b.Utilization), fmt.Sprintf(
					"%s%% of requests take longer than %s at any utilization: they do not wait for the CPU", short(100*share), b.Threshold), decision)
			}
			return
		}
		r.steps, r.before, r.from = 0, share, r.value
	}
	if r.value <= minUtilization {
		return // nothing is left to gain
	}
	r.steps++
	d.setUtilization(now, max(r.value*lowerBy, minUtilization), s.slowReason(), decision)
}

// waitsElsewhere says that what a handler waits for beside the CPU, such as a slow dependency, breaks the latency objective
// by itself: with the exponential distribution of waits, P(W > t) = e^(−t/W), more requests than may be are slow although
// none waits for the CPU. More pods would not make any of them faster, and would load the dependency more.
func (s Situation) waitsElsewhere() bool {
	e := s.Estimates
	wait, left := (e.ServiceTime - e.CPUTime).Seconds(), (s.Bounds.Threshold - e.CPUTime).Seconds()
	return e.CPUTime > 0 && wait > 0 && left > 0 && math.Exp(-left/wait) > s.Bounds.SlowBudget
}

func (d *Decider) setUtilization(now time.Time, value float64, reason string, decision *Decision) {
	from := d.rho.value
	d.rho.value, d.rho.reason, d.rho.judgedAt, d.rho.moved = value, reason, now, true
	percent := func(f float64) string { return short(math.Round(1000*f)/10) + "%" }
	by := 1
	if value < from {
		by = -1
	}
	d.change(now, "utilization", percent(from), percent(value), by, reason, decision)
}
