// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"cmp"
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
	// calm is how long no more than calmShare of either budget may be spent before a step up.
	calm      = 5 * time.Minute
	calmShare = 0.5
	// minJudged requests that missed make a share: fewer may be chance.
	minJudged = 10
	// futileSteps down that led to more pods, without what is missed falling to futileShare of what it was, are taken back: more pods do
	// not help.
	futileSteps = 2
	futileShare = 0.8
	// tolerated is how far above the utilization the pods may be and the utilization still be to blame.
	tolerated = 1.05
)

// steering holds the utilization to steer for. The plan's queueing formula says where it starts; what is measured says
// where it stays.
type steering struct {
	value   float64
	lowered bool // by what was measured: else it is the plan's
	// shelved is what was measured to be right, while the plan's value is lower than that; 0 if there is none.
	shelved   plan.Figure[float64]
	judgedAt  time.Time
	calmSince time.Time
	// refusedSince pods have turned more requests away than may be; zero while they do not.
	refusedSince time.Time
	reason       string
	rise         float64 // of the next step up
	// steps down since the share of the budget was before, with ready pods at the value from; futile says that they were taken back and no others
	// are tried until the objective holds again.
	steps        int
	before, from float64
	ready        int32
	futile       bool
}

// missed is how many requests missed an objective for want of pods: a part of all, and the part that may.
type missed struct {
	requests, share, budget float64
	how                     string
}

// spends is the part of the budget; 0 without one.
func (m missed) spends() float64 {
	if m.budget <= 0 {
		return 0
	}
	return m.share / m.budget
}

func (m missed) String() string {
	return fmt.Sprintf("%s%% of requests %s; the objective allows %s%%", short(100*m.share), m.how, short(100*m.budget))
}

// missed of the objective that was missed by more: slow requests, or those that pods turned away because they were full.
func (d *Decider) missed(now time.Time, s Situation) missed {
	e, b := s.Estimates, s.Bounds
	slow := missed{e.Objectives.Slow, e.Objectives.SlowShare(), b.SlowBudget, fmt.Sprintf("take longer than %s", b.Threshold)}
	refused := missed{e.Refused, e.Refused / max(e.Objectives.Total, e.Refused, 1), b.FailedBudget, "are turned away by pods that are full"}
	if d.rho.holds(now, refused, now.Before(d.panicUntil)) && refused.spends() > slow.spends() {
		return refused
	}
	return slow
}

// holds says whether what pods turned away says something about the utilization. More than may be does once that has lasted for as long as
// the stable window, without a panic: what was turned away of a step, or of a burst, says nothing.
func (r *steering) holds(now time.Time, refused missed, panics bool) bool {
	if refused.spends() <= 1 {
		r.refusedSince = time.Time{}
		return true
	}
	if panics {
		r.refusedSince = time.Time{}
		return false
	}
	if r.refusedSince.IsZero() {
		r.refusedSince = now
	}
	return now.Sub(r.refusedSince) >= StableWindow
}

// steer lowers the utilization when more requests are slow or turned away than may be although there are enough pods by the present one,
// and raises it by small steps after a calm time, never above the plan's.
func (d *Decider) steer(now time.Time, s Situation, decision *Decision) plan.Figure[float64] {
	r := &d.rho
	r.within(s.Bounds)
	if s.Bounds.UtilizationIsFixed {
		*r = steering{value: s.Bounds.Utilization, reason: "set by hand"}
		return plan.Figure[float64]{Value: r.value, Reason: r.reason}
	}
	missed := d.missed(now, s)
	judged := now.Sub(r.judgedAt) >= StableWindow && now.After(d.panicUntil) && s.Estimates.Known && missed.budget > 0
	capacity := float64(s.Ready) * s.Bounds.Cores * r.value
	switch {
	case !judged:
	case missed.spends() > 1 && missed.requests >= minJudged:
		r.calmSince, r.rise = time.Time{}, raiseBy
		if s.Estimates.CPU > capacity*tolerated || s.waitsElsewhere() || r.futile {
			break // too few pods, not too much asked of each; or it is not the CPU that requests wait for
		}
		d.lower(now, missed, s, decision)
	case missed.spends() > calmShare:
		r.calmSince, r.rise = time.Time{}, raiseBy
		r.steps, r.futile = 0, false
	case r.calmSince.IsZero():
		r.calmSince = now
		r.steps, r.futile = 0, false
	case now.Sub(r.calmSince) >= calm && r.value < s.Bounds.Utilization:
		r.calmSince = now
		step := max(r.rise, raiseBy)
		r.rise = step * fasterBy
		d.setUtilization(now, min(r.value+step, s.Bounds.Utilization), missed.String(), decision)
		r.lowered = r.value < s.Bounds.Utilization
	}
	return plan.Figure[float64]{Value: r.value, Reason: r.reason}
}

// within what the plan allows, which may be less for a while than what was measured.
func (r *steering) within(b Bounds) {
	if r.lowered && r.value > b.Utilization {
		r.shelved, r.lowered = plan.Figure[float64]{Value: r.value, Reason: r.reason}, false
	}
	switch {
	case r.lowered:
	case r.shelved.Value > 0 && r.shelved.Value <= b.Utilization:
		r.value, r.reason, r.lowered, r.shelved = r.shelved.Value, r.shelved.Reason, true, plan.Figure[float64]{}
	default:
		r.value, r.reason = b.Utilization, cmp.Or(b.UtilizationWhy, "by the queueing formula")
	}
}

// measured is the utilization that what was measured lowered, nil without one.
func (r *steering) measured() *plan.Figure[float64] {
	found := r.shelved
	if r.lowered {
		found = plan.Figure[float64]{Value: r.value, Reason: r.reason}
	}
	if found.Value == 0 {
		return nil
	}
	return &found
}

// lower the utilization by a step, or take steps back that did not help.
func (d *Decider) lower(now time.Time, missed missed, s Situation, decision *Decision) {
	r := &d.rho
	if r.steps == 0 {
		r.before, r.from, r.ready = missed.spends(), r.value, s.Ready
	}
	if r.steps >= futileSteps && s.Ready > r.ready {
		if missed.spends() > futileShare*r.before {
			r.futile, r.steps = true, 0
			if back := min(r.from, s.Bounds.Utilization); back > r.value {
				d.setUtilization(now, back, fmt.Sprintf(
					"%s%% of requests %s at any utilization: they do not wait for the CPU", short(100*missed.share), missed.how), decision)
			}
			return
		}
		r.steps, r.before, r.from, r.ready = 0, missed.spends(), r.value, s.Ready
	}
	if r.value <= minUtilization {
		return // nothing is left to gain
	}
	r.steps++
	d.setUtilization(now, max(r.value*lowerBy, minUtilization), missed.String(), decision)
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
	d.rho.value, d.rho.reason, d.rho.judgedAt, d.rho.lowered, d.rho.shelved = value, reason, now, true, plan.Figure[float64]{}
	percent := func(f float64) string { return short(math.Round(1000*f)/10) + "%" }
	by := 1
	if value < from {
		by = -1
	}
	d.change(now, "utilization", percent(from), percent(value), by, reason, decision)
}
