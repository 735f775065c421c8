// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"fmt"
	"slices"
	"time"

	"goservice.dev/operator/controllers/plan"
)

// Bounds are what the plan and the user allow.
type Bounds struct {
	// MinReplicas and MaxReplicas bound the floor.
	MinReplicas, MaxReplicas int32
	// MaxStep is how many pods a raise of the floor may add within raiseEvery; 0 is without bound. DoublingAllowed says that it may
	// be as many as there are, too.
	MaxStep         int32
	DoublingAllowed bool
	// Utilization is where steering starts: the share of a pod's CPU at which waiting still keeps the latency objective, by the
	// plan. It stays there where the user has set it.
	Utilization        float64
	UtilizationIsFixed bool
	// UtilizationWhy says what Utilization follows from; empty: from the queueing formula.
	UtilizationWhy string
	// AloneUtilization is Utilization for a pod that has no other one to share its queue with, where the others have; 0 where none has.
	AloneUtilization float64
	// Cores that a pod can count on.
	Cores float64
	// Workers of a pod in force.
	Workers int32
	// Threshold of the latency objective, 0 without one, and the shares of requests that may be slower, and that may fail.
	Threshold                time.Duration
	SlowBudget, FailedBudget float64
	// HoldFor is how long the highest need is remembered at least before pods go.
	HoldFor time.Duration
	// PoolIsFixed and GOGCIsFixed say that the user has set them.
	PoolIsFixed, GOGCIsFixed bool
	// PoolCores that the process of a pod can use at once: the CPU limit, or 0 for those of its machine.
	PoolCores float64
	// MemoryLimitBytes is GOMEMLIMIT; 0 without one.
	MemoryLimitBytes float64
	// SharedLimit is what all pods admit together at most and PodLimit each of them, in requests per second; 0 without one.
	SharedLimit, PodLimit float64
}

// Situation is the service at the moment of a decision.
type Situation struct {
	Bounds    Bounds
	Estimates Estimates
	// Wanted pods at present, and those of them that take traffic.
	Wanted, Ready int32
	// Replacing says that pods are replaced by others: what is still sent to those that leave is not in the estimates.
	Replacing bool
	// Lead is how far a rise is looked ahead.
	Lead time.Duration
	// Expected demand in requests per second because as much came at this time before, and when; 0 where nothing is to be expected of that.
	Expected    float64
	ExpectedWhy string
}

// Decision holds the figures that keep the objectives.
type Decision struct {
	// Floor of the number of pods.
	Floor plan.Figure[int32]
	// Needed pods for the demand of the last minute, where that is more than the bounds allow; 0 otherwise.
	Needed int32
	// Panic says that demand is at least twice what the pods can take.
	Panic bool
	// AtOnce says that the floor is above the present number of pods and that waiting for the autoscaler would hurt.
	AtOnce bool
	// Utilization to steer for.
	Utilization plan.Figure[float64]
	// Workers that each pod's pool starts with, GOGC; nil leaves the plan's.
	Workers, GOGC *plan.Figure[int32]
	// Frozen says why nothing is scaled in although the figures might allow it; empty when nothing is frozen.
	Frozen string
	// Changes since the last decision.
	Changes []Change
}

// Change is one figure that was moved.
type Change struct {
	At time.Time
	// What was moved: replica floor, utilization, pool, gogc.
	What     string
	From, To string
	Reason   string
	// Turned says that the figure moves in another direction than at its last change.
	Turned bool
}

const (
	// maxHold bounds how long the highest need is remembered before pods go. Where pods that went were needed again within
	// regretWithin, the next ones are held twice as long, or longer than that took by holdMargin; after forgetAfter without that,
	// half as long again.
	maxHold      = 5 * time.Minute
	holdMargin   = 1.25
	regretWithin = 5 * time.Minute
	forgetAfter  = 20 * time.Minute
	// surgeFrom as many times what came in the minute before is a surge. One that finds too few pods, and each one within maxHold
	// after it, has the next maxHold believed to bring another.
	surgeFrom = 4.0 / 3
	// Each shrinkEvery at most shrinkShare of the floor goes.
	shrinkEvery = 15 * time.Second
	shrinkShare = 0.3
	// A fall by fallShare of the demand within the stable window, as the line through it shows, is evidence that pods are not
	// needed any more, if it is more than fallChance standard deviations: they are then held for fallHold only, unless pods that
	// went were needed again lately.
	fallShare  = 0.1
	fallChance = 4
	fallHold   = shrinkEvery
	// raiseEvery bounds how many pods a raise may add, and is the pace of a HorizontalPodAutoscaler.
	raiseEvery = 15 * time.Second
	// historyLength bounds what is remembered of changes.
	historyLength = 20
)

// Decider decides for one service. The zero value is ready. It is not safe for concurrent use.
type Decider struct {
	started bool
	// earlier is what was learned before this Decider's first decision.
	earlier Learned
	floor   int32
	// panicFloor counts until panicUntil.
	panicUntil time.Time
	panicFloor int32
	panicWhy   string
	// firstTraffic says that the panic is about the first traffic after nothing.
	firstTraffic bool
	// needs of the hold window: times rise, needs fall, so that the first is the highest.
	needs     []need
	hold      time.Duration
	heldSince time.Time // this hold time is in force
	// surgeUntil is until when pods are held for maxHold: a sudden step found too few of them, and the next one may come soon.
	surgeUntil time.Time
	raisedAt   time.Time
	raisedFrom int32
	shrunkAt   time.Time
	shrunkFrom int32
	// neededUntil is when shrunkFrom pods were needed last.
	neededUntil time.Time
	// replacedAt is when pods were replaced last.
	replacedAt time.Time
	rho        steering
	size       sizing
	needed     int32
	direction  map[string]int
	history    []Change
}

type need struct {
	at   time.Time
	pods int32
}

// Decide moves the figures. now must not go back.
func (d *Decider) Decide(now time.Time, s Situation) Decision {
	if !d.started {
		d.begin(now, s)
	}
	if s.Replacing {
		d.replacedAt = now
	}
	s = s.limited()
	var decision Decision
	decision.Utilization = d.steer(now, s, &decision)
	perPod, perPodReason := capacity(s, d.rho.value)
	decision.Floor = d.moveFloor(now, s, perPod, perPodReason, &decision)
	decision.Needed = d.needed
	if most := d.utilizationOf(decision.Floor.Value, s); most < d.rho.value {
		decision.Utilization = plan.Figure[float64]{Value: most, Reason: fmt.Sprintf("room for what chance sends %d pods in one queue within %s", decision.Floor.Value, s.Bounds.Threshold)}
	}
	decision.AtOnce = decision.Floor.Value > s.Wanted
	d.resize(now, s, &decision)
	d.history = append(d.history, decision.Changes...)
	if extra := len(d.history) - historyLength; extra > 0 {
		d.history = slices.Delete(d.history, 0, extra)
	}
	return decision
}

// History holds the last changes, the newest last.
func (d *Decider) History() []Change { return slices.Clone(d.history) }

// resume is called before the first decision with what was learned earlier.
func (d *Decider) resume(earlier Learned) { d.earlier = earlier }

// begin takes over what is there: an operator that has just started must not scale in what another left behind. A panic of
// that one is over: what it asked for is the floor now, and held like any need.
func (d *Decider) begin(now time.Time, s Situation) {
	d.started = true
	d.direction = map[string]int{}
	earlier := d.earlier
	d.floor = within32(s.Wanted, s.Bounds)
	if earlier.Tuned.ReplicaFloor != nil {
		d.floor = within32(earlier.Tuned.ReplicaFloor.Value, s.Bounds)
	}
	d.needed = earlier.Tuned.Needed
	d.needs = []need{{now, d.floor}}
	d.shrunkAt, d.hold, d.heldSince = now, max(s.Bounds.HoldFor, earlier.Hold), now
	d.rho.value, d.rho.futile = s.Bounds.Utilization, earlier.Futile
	if u := earlier.Tuned.Utilization; u != nil {
		d.rho = steering{value: u.Value, lowered: true, judgedAt: now, reason: u.Reason, futile: earlier.Futile}
	}
	moved := earlier.At
	if moved.After(now) { // by a clock that was ahead
		moved = now
	}
	d.size = sizing{pool: earlier.Tuned.Workers, gogc: earlier.Tuned.GOGC, poolMoved: moved, gogcMoved: moved}
	d.history = slices.Clone(earlier.History)
	for _, change := range d.history {
		if direction := change.direction(); direction != 0 {
			d.direction[change.What] = direction
		}
	}
	d.earlier = Learned{}
}

// noteShortage remembers how many pods a demand needs that the bounds do not allow: a spell above them is none, and one that
// ends must be over by more than chance.
func (d *Decider) noteShortage(demand, perPod float64, most int32) {
	switch needed := podsFor(demand, perPod); {
	case needed <= most:
		d.needed = 0
	case d.needed > 0 || podsFor(demand/(1+tolerance), perPod) > most:
		d.needed = needed
	}
}

// learned figures at a moment, for the next operator.
func (d *Decider) learned(now time.Time) Learned {
	l := Learned{Futile: d.rho.futile, Hold: d.hold, History: d.History()}
	if now.Before(d.surgeUntil) {
		l.Hold = max(l.Hold, maxHold)
	}
	l.Tuned = plan.Tuned{
		ReplicaFloor: &plan.Figure[int32]{Value: d.floor}, Needed: d.needed,
		Workers: d.size.pool, GOGC: d.size.gogc,
	}
	l.Tuned.Utilization = d.rho.measured()
	return l
}

func within32(pods int32, b Bounds) int32 {
	return max(min(pods, b.MaxReplicas), b.MinReplicas)
}

func (d *Decider) moveFloor(now time.Time, s Situation, perPod float64, cost string, decision *Decision) plan.Figure[int32] {
	e := s.Estimates
	idle := e.Known && e.Demand.Seconds >= StableWindow.Seconds()/2 && e.Demand.Events < minServed
	if e.Known && perPod == 0 && e.NoCPU {
		// Nothing will ever tell what a request costs, so that a floor which was found would stay for good.
		floor, reason := s.Bounds.MinReplicas, "the minimum: pods tell of no CPU time, so that the autoscaler alone decides"
		d.needs, d.needed = []need{{now, floor}}, 0
		d.setFloor(now, floor, reason, s.Bounds, decision)
		return plan.Figure[int32]{Value: floor, Reason: reason}
	}
	if !e.Known || perPod == 0 && !idle {
		decision.Frozen = "scale-in is paused: too few pods report metrics"
		if e.Known {
			decision.Frozen = "scale-in is paused: there were too few requests to measure the cost of one"
		}
		d.remember(now, d.floor)
		floor := within32(d.floor, s.Bounds)
		d.setFloor(now, floor, decision.Frozen, s.Bounds, decision)
		return plan.Figure[int32]{Value: floor, Reason: decision.Frozen}
	}
	inPanic := now.Before(d.panicUntil)
	if sudden, why := d.sudden(s, perPod, cost, inPanic); sudden > 0 {
		d.panicUntil = now.Add(StableWindow)
		d.surgeUntil = d.panicUntil.Add(maxHold)
		if !inPanic || sudden > d.panicFloor {
			d.panicFloor, d.panicWhy = sudden, why
		}
	}
	decision.Panic = now.Before(d.panicUntil)
	demand, why, rising := forecast(e, s.Lead, decision.Panic)
	if expected := s.withinLimit(s.Expected); expected > demand {
		demand, why, rising = expected, s.ExpectedWhy, true
	}
	needed := d.podsFor(demand, perPod, rising, s)
	d.noteShortage(e.Demand.PerSecond(), perPod, s.Bounds.MaxReplicas)
	d.reward(now, within32(needed, s.Bounds), e)
	d.remember(now, within32(needed, s.Bounds))
	reason := sum(fmt.Sprintf("%s req/s %s", short(demand), why), cost, d.utilizationOf(needed, s))
	switch {
	case perPod == 0:
		reason = fmt.Sprintf("%s req/s need no more than the minimum", short(demand))
	case decision.Panic && d.panicFloor > needed:
		decision.Frozen = "scale-in is paused for a minute after a sudden step"
		needed, reason = d.panicFloor, d.panicWhy
	case d.fewest(demand, perPod, s) > needed:
		reason = fmt.Sprintf("%s; %d pods may have %s%% more", reason, needed, short(100*tolerance))
	}
	if perPod > 0 {
		reason = bounded(reason, needed, s.Bounds)
	}
	needed = within32(needed, s.Bounds)
	held := d.holds(now)
	if d.falls(now, s, decision.Panic) {
		held = fallHold
		d.forgetNeeds(now, held)
	}
	highest := max(needed, d.needs[0].pods)
	floor := d.shrunk(now, highest, held, decision.Panic)
	if floor = within32(floor, s.Bounds); floor > needed {
		reason = fmt.Sprintf("%s; %s", reason, stays(floor, highest, held, decision.Panic))
	}
	inTime := rising && d.fewest(e.DemandPanic.PerSecond()/(1+tolerance), perPod, s) <= d.floor
	d.regret(now, needed, inTime, s.Bounds)
	if allowed := d.stepped(now, floor, s); allowed < floor {
		reason = fmt.Sprintf("%s: needs %d pods, and one step adds at most %d", reason, floor, allowed-max(d.raisedFrom, 0))
		floor = allowed
	}
	d.setFloor(now, floor, reason, s.Bounds, decision)
	return plan.Figure[int32]{Value: floor, Reason: reason}
}

// stepped is the floor on its way up: no more pods are added to those that are there than one step allows, and the next step
// begins after raiseEvery.
func (d *Decider) stepped(now time.Time, floor int32, s Situation) int32 {
	present := max(d.floor, s.Wanted)
	if floor <= present || s.Bounds.MaxStep == 0 {
		return floor
	}
	if now.Sub(d.raisedAt) >= raiseEvery {
		d.raisedAt, d.raisedFrom = now, present
	}
	step := s.Bounds.MaxStep
	if s.Bounds.DoublingAllowed {
		step = max(step, d.raisedFrom)
	}
	return min(floor, max(d.raisedFrom+step, d.floor))
}

// setFloor tells of a change, unless somebody else decides how many pods there are.
func (d *Decider) setFloor(now time.Time, floor int32, reason string, b Bounds, decision *Decision) {
	if floor != d.floor && b.MinReplicas < b.MaxReplicas {
		d.change(now, "replica floor", integer(d.floor), integer(floor), int(floor-d.floor), reason, decision)
	}
	d.floor = floor
}

// change notes that a figure moves, up or down by the sign of by.
func (d *Decider) change(now time.Time, what, from, to string, by int, reason string, decision *Decision) {
	direction := 1
	if by < 0 {
		direction = -1
	}
	decision.Changes = append(decision.Changes, Change{
		At: now, What: what, From: from, To: to, Reason: reason, Turned: d.direction[what] != direction,
	})
	d.direction[what] = direction
}
