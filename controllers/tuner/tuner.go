// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"cmp"
	"slices"
	"time"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
)

// Target is a service as the reconcile sees it. Nothing in it may be written to later.
type Target struct {
	Spec *v1alpha1.GoServiceSpec
	// Wanted and Ready pods, and the floor that is in force.
	Wanted, Ready, Floor int32
	// Replacing says that pods are replaced by others, and that those that leave may still be sent to, although no report is theirs.
	Replacing bool
	// Linked is the part of the ready pods that have another one to which they can hand requests over that would have to wait, 0 to 1.
	Linked float64
	// Starts of the pods that exist.
	Starts []Start
	// MaxReplicas is the upper bound that holds until something is measured, where the one derived is lower; 0 without one.
	MaxReplicas int32
}

// Outcome is what the loop knows and wants at the moment. It changes only when something worth telling did.
type Outcome struct {
	// Cost of a request, the Highest that was ever measured, and Tuned figures, for the plan.
	Cost, Highest Cost
	Tuned         plan.Tuned
	// Measured says whether enough pods answer, and Problem what one said that does not. Early is true while it is too soon
	// to tell.
	Measured, Early bool
	Problem         string
	// NoPrometheus says that the service is to be measured by Prometheus and that the operator knows none.
	NoPrometheus bool
	// Frozen says why nothing is scaled in, empty when nothing is frozen.
	Frozen string
	// Since when Tally and P99 were counted, and BudgetLeft of both objectives' budgets, 1 to below 0.
	Since      time.Time
	Tally      Tally
	P99        time.Duration
	BudgetLeft float64
	// LatencyBound is the bucket at which the latency objective is counted, as in plan.Observed; 0 where it is the threshold's own.
	LatencyBound time.Duration
	// Burning says that over the last minute more was slow or failed than may be.
	Burning bool
	// History holds the last changes, the newest last.
	History []Change
	// Usage of the limit that the pods share, nil while nothing is known.
	Usage *Usage
	// Learned is what the next operator has to know.
	Learned Learned
}

// DriftPeriod is how often a status is written at most only because figures moved that move with every request, such as the
// error budget.
const DriftPeriod = 5 * time.Minute

// grace is how long after a start nothing measured counts as not measured yet.
const grace = 30 * time.Second

// Tuner is the closed loop of one service: round after round it turns reports into an Outcome. Make it by New. It is not
// safe for concurrent use.
type Tuner struct {
	estimator Estimator
	decider   Decider
	cost      Cost
	highest   Cost
	ledger    ledger
	startups  startups
	queue     sharedQueue
	profile   profile
	started   time.Time
	everKnown bool
	moving    bool
	ground    ground
	bound     time.Duration // Outcome.LatencyBound
	outcome   Outcome
}

// New makes the Tuner of a service of which something may have been learned earlier: whatever an operator before this one
// has found and set stays until measurements say more, however long that takes.
func New(learned Learned) *Tuner {
	t := &Tuner{
		cost: learned.Cost, highest: learned.Highest, ledger: ledger{slices.Clone(learned.Budget), learned.Threshold},
		startups: startups{took: slices.Clone(learned.Startups), since: learned.At}, profile: profile{Profile: learned.Profile.clone()},
	}
	t.bound, t.queue.shared = learned.LatencyBound, learned.Tuned.QueueShared
	t.decider.resume(learned)
	t.Restart()
	t.outcome = Outcome{
		Early: true, BudgetLeft: 1, LatencyBound: t.bound, Cost: t.cost, Highest: t.highest, Tuned: learned.Tuned, History: learned.History, Learned: learned,
	}
	return t
}

// Outcome of the last round.
func (t *Tuner) Outcome() Outcome { return t.outcome }

// Learned at a moment, for the next operator.
func (t *Tuner) Learned(now time.Time) Learned {
	learned := t.outcome.Learned
	if t.everKnown {
		learned = t.decider.learned(now)
		learned.At, learned.Cost, learned.Highest = now, t.cost, t.highest
	}
	learned.Profile = t.profile.clone()
	learned.LatencyBound = t.bound
	learned.Startups, learned.Budget = slices.Clone(t.startups.took), slices.Clone(t.ledger.intervals)
	if learned.Threshold = 0; t.ledger.sum().Total > 0 {
		learned.Threshold = t.ledger.threshold
	}
	return learned
}

// Restart the estimates, where measurements come from another source: another clock, and perhaps other pods' counters.
func (t *Tuner) Restart() {
	t.estimator = Estimator{}
	t.estimator.presume(t.cost)
}

// Begin notes when the service was first looked at.
func (t *Tuner) Begin(now time.Time) {
	if t.started.IsZero() {
		t.started = now
	}
	if t.startups.since.After(now) { // by a clock that was ahead
		t.startups.since = now
	}
}

// Digest turns a round's reports into an outcome, and says which figures it moved. awaited is how many pods the round speaks
// of.
func (t *Tuner) Digest(now time.Time, target Target, awaited int, reports []Report, problem string) (Outcome, []Change) {
	t.Begin(now)
	outcome, changes := t.digest(now, target, awaited, reports, problem)
	t.outcome = outcome
	return outcome, changes
}

func (t *Tuner) digest(now time.Time, target Target, awaited int, reports []Report, problem string) (Outcome, []Change) {
	t.queue.observe(now, target.Linked, target.Ready)
	steering := t.groundFor(target).steering
	t.startups.observe(target.Starts)
	t.estimator.Observe(now, awaited, reports)
	t.bound = t.estimator.boundFor(target.Spec, steering.Threshold, t.bound)
	counted := cmp.Or(t.bound, steering.Threshold)
	if t.bound < 0 {
		counted, steering.SlowBudget = 0, 0
	}
	estimates := t.estimator.Estimate(counted)
	t.everKnown = t.everKnown || estimates.Known
	t.moving = t.movesAfter(now, estimates, nil)
	t.ledger.judge(steering.Threshold)
	round := t.estimator.LastTally(counted)
	if counted == 0 && steering.Threshold > 0 { // no bucket is near
		round = round.unjudged()
	}
	t.ledger.add(now, plan.SLOWindow(target.Spec), round)
	outcome := Outcome{
		Measured: estimates.Known, Early: !t.everKnown && now.Sub(t.started) < grace, Problem: problem,
		LatencyBound: t.bound, Since: t.ledger.since(), Tally: t.ledger.sum(), P99: estimates.P99,
	}
	outcome.BudgetLeft = budgetLeft(outcome.Tally, steering.FailedBudget, steering.SlowBudget)
	recent := estimates.Objectives
	outcome.Burning = recent.Total > 0 && budgetLeft(recent, steering.FailedBudget, steering.SlowBudget) < 0
	if !t.everKnown { // what was in force stays, however long
		was := t.outcome
		outcome.Cost, outcome.Highest, outcome.Tuned, outcome.History, outcome.Learned = was.Cost, was.Highest, was.Tuned, was.History, was.Learned
		return outcome, nil
	}
	if cost := t.cost.Settle(estimates); cost != t.cost {
		// Decided by what is known now: an assumed cost could ask for pods that are then held for a while.
		t.cost = cost
		t.highest = t.highest.raised(cost)
	}
	bounds := t.groundFor(target).bounds
	if t.bound < 0 {
		bounds.SlowBudget = 0
	}
	lead := t.startups.lead()
	if t.queue.shared {
		bounds = bounds.withRoom(lead / leadStartups)
	}
	t.profile.observe(now, estimates, lead)
	expected, why := t.profile.forecast(now)
	if tuned := t.outcome.Tuned.Workers; tuned != nil && !bounds.PoolIsFixed {
		bounds.Workers = tuned.Value
	}
	decision := t.decider.Decide(now, Situation{
		Bounds: bounds, Estimates: estimates,
		Wanted: max(target.Wanted, target.Floor), Ready: target.Ready, Replacing: target.Replacing, Lead: lead, Expected: expected, ExpectedWhy: why,
	})
	t.moving = t.movesAfter(now, estimates, decision.Changes)
	outcome.Cost, outcome.Highest, outcome.Tuned, outcome.Frozen = t.cost, t.highest, decision.Tuned(), decision.Frozen
	outcome.Tuned.QueueShared = t.queue.shared
	outcome.History = t.decider.History()
	return outcome, decision.Changes
}

// ground is what decisions start from: the plan before any figure is moved, as far as the loop reads it. It follows from
// little that changes seldom, and is kept until that does.
type ground struct {
	from     groundOf
	steering plan.Steering
	bounds   Bounds
}

// groundOf is what a ground follows from.
type groundOf struct {
	spec                *v1alpha1.GoServiceSpec
	wanted, maxReplicas int32
	cost, highest       Cost
	queueShared         bool
}

// groundFor is the ground by the cost in use.
func (t *Tuner) groundFor(target Target) *ground {
	from := groundOf{target.Spec, target.Wanted, target.MaxReplicas, t.cost, t.highest, t.queue.shared}
	if t.ground.from != from {
		untuned := plan.Compute(target.Spec, plan.Observed{
			WantedReplicas: target.Wanted, ServiceTime: t.cost.ServiceTime, CPUTime: t.cost.CPUTime,
			HighestServiceTime: t.highest.ServiceTime, HighestCPUTime: t.highest.CPUTime, MaxReplicas: target.MaxReplicas,
			Tuned: plan.Tuned{QueueShared: t.queue.shared},
		})
		t.ground = ground{from, plan.SteeringOf(target.Spec, untuned), BoundsOf(target.Spec, untuned, untuned.Workers.Value)}
	}
	return &t.ground
}
