// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"maps"
	"math"
	"slices"
	"time"

	"goservice.dev/operator/controllers/plan"
)

const (
	// newcomerLeast is the part of a limit that a pod may admit which nobody expects, or before the operator has seen it serve.
	newcomerLeast = 0.001
	// newcomersAtMost is the part of a limit that all such pods together may admit, where newcomerLeast each would be more.
	newcomersAtMost = 0.01
	// easy is the demand on the busiest pod, as a part of an equal part, below which equal parts do as well as any.
	easy = 0.7
	// settleTime for each pod is between two divisions because pods came or went: those of a rollout come one by one, and a division
	// writes to all. So that makes at most twenty writes a second.
	settleTime = 50 * time.Millisecond
	// joinTime is how long nobody is cut for pods that have begun to serve while nothing is known of what they are asked: clients
	// that keep their connections may leave them idle.
	joinTime = 1500 * time.Millisecond
	// confirmTime is how long pods may take to put their parts in force before the others give back by what they have grown.
	confirmTime = 5 * time.Second
	// spacing is the least time between two divisions because the demand moved, and quickSpacing while pods are young or have just begun
	// or ceased to serve, as what is known of the demand is little then and grows quickly; settleTime for each pod where that is more.
	// Both are a little less than some looks, so that the last of these is not too early.
	spacing      = 1900 * time.Millisecond
	quickSpacing = 500 * time.Millisecond
	// reserveStep is the part of a limit by which what leaving pods use must change for others to follow.
	reserveStep = 0.02
	// hair is a part of a limit that is no more than the error of adding up.
	hair = 1e-6
)

// Division of one service's budget, from one look to the next. Parts are equal until that turns requests away at one pod
// which another one could have admitted.
type Division struct {
	uneven bool
	// budget that given was divided for, and when.
	budget  Budget
	given   *plan.Parts
	givenAt time.Time
	// joined is since when pods serve that have no part of their own; zero: there are none.
	joined time.Time
	unsure unsure
	// known is when the demand was known last.
	known time.Time
}

// Next is what pods may admit from now on; nil means equal parts. What it returns counts as given. demand is in requests
// per second by pod; nil means that too little is known. again is when to look again even if nothing happens; zero: never.
func (d *Division) Next(now time.Time, b Budget, demand map[string]float64) (parts *plan.Parts, again time.Time) {
	if b.Total <= 0 || len(b.Serving) == 0 {
		*d = Division{}
		return nil, time.Time{}
	}
	unknown := d.unknown(now, b, demand)
	demand, lost := d.recall(now, b, demand)
	d.heard(b)
	if !d.uneven {
		if !d.begins(now, b, demand) {
			return d.equal(now, b)
		}
		d.uneven, d.budget, d.given = true, b, nil
	}
	switch {
	case d.given == nil || d.budget.Total != b.Total: // at once
	case !d.budget.likeIn(b):
		due := d.givenAt.Add(settleTimeOf(b))
		if joined := d.joined.Add(joinTime); unknown && joined.After(due) {
			due = joined
		}
		if now.Before(due) {
			return d.given, sooner(due, d.unsure.due(now, b))
		}
	case d.waits(now, b):
		return d.given, d.unsure.due(now, b)
	case lost || demand != nil && d.serves(now, b, demand) && (b.rough || !easyEqually(b, demand)):
		return d.given, time.Time{}
	default:
		if due := d.givenAt.Add(spacingOf(b)); now.Before(due) {
			return d.given, due
		}
	}
	if demand == nil || easyEqually(b, demand) {
		return d.equal(now, b)
	}
	d.give(now, b, demand)
	return d.given, d.unsure.due(now, b)
}

// equal parts from now on, unless a pod does not take the cut that they are for it.
func (d *Division) equal(now time.Time, b Budget) (parts *plan.Parts, again time.Time) {
	if d.given == nil && d.unsure == nil {
		*d = Division{budget: b}
		return nil, time.Time{}
	}
	equal := equalParts(b.Total*float64(len(b.Serving))/float64(max(b.among, len(b.Serving))), b.Serving)
	safe := d.unsure.safe(now, b, equal, equalParts)
	d.notice(now, b, d.before(b), safe)
	*d = Division{budget: b, unsure: d.unsure}
	if !maps.Equal(safe, equal) {
		d.uneven, d.given, d.givenAt, d.known = true, &plan.Parts{Pods: safe, Newcomer: leastOf(b)}, now, now
	}
	return d.given, d.unsure.due(now, b)
}

// unknown says whether pods serve that have no part of their own and of which nothing is known, and notes since when the first
// without a part does.
func (d *Division) unknown(now time.Time, b Budget, demand map[string]float64) bool {
	if d.given == nil {
		return false
	}
	joined, unknown := false, false
	for _, pod := range b.Serving {
		if _, given := d.given.Pods[pod]; !given {
			_, known := demand[pod]
			joined, unknown = true, unknown || !known
		}
	}
	if !joined {
		d.joined = time.Time{}
	} else if d.joined.IsZero() {
		d.joined = now
	}
	return unknown
}

// give parts to pods by their demand, cuts and growth at once.
func (d *Division) give(now time.Time, b Budget, demand map[string]float64) {
	divide := func(total float64, pods []string) map[string]float64 { return Divide(total, pods, demand) }
	parts, newcomer := divide(b.left(), b.Serving), newcomerOf(b)
	safe := d.unsure.safe(now, b, parts, divide)
	if !maps.Equal(safe, parts) {
		newcomer = leastOf(b)
	}
	d.notice(now, b, d.before(b), safe)
	d.joined = time.Time{}
	d.budget, d.given, d.givenAt = b, &plan.Parts{Pods: safe, Newcomer: newcomer}, now
}

// before is what pods had by name until now.
func (d *Division) before(b Budget) map[string]float64 {
	switch {
	case d.given != nil:
		return d.given.Pods
	case b.had != nil:
		return b.had
	}
	return equalParts(b.Total, b.Serving)
}

// waits for pods that have not confirmed yet, and lets the others give back what they may not have beside those that take too long.
func (d *Division) waits(now time.Time, b Budget) bool {
	if b.Confirmed {
		return false
	}
	d.doubt(now, b)
	safe := d.unsure.safe(now, b, d.given.Pods, func(total float64, pods []string) map[string]float64 { return scaled(d.given.Pods, total, pods) })
	if !maps.Equal(safe, d.given.Pods) {
		d.notice(now, b, d.given.Pods, safe)
		d.given = &plan.Parts{Pods: safe, Newcomer: leastOf(b)}
	}
	return !d.onlyStuck(now, b)
}

// onlyStuck says that all pods but those that take too long have confirmed.
func (d *Division) onlyStuck(now time.Time, b Budget) bool {
	return d.unsure != nil && d.unsure.due(now, b).IsZero()
}

// serves says whether what is given admits nearly all that it can, as far as pods take it.
func (d *Division) serves(now time.Time, b Budget, demand map[string]float64) bool {
	free := d.unsure.free(now, b)
	if len(free) == len(b.Serving) {
		return serve(d.given.Pods, b.left(), free, demand, b.rough)
	}
	return serve(d.given.Pods, sumOf(d.given.Pods, free), free, demand, b.rough)
}

// recall completes the demand, or says that this round's was lost: then parts stay.
func (d *Division) recall(now time.Time, b Budget, demand map[string]float64) (known map[string]float64, lost bool) {
	count := 0
	for _, pod := range b.Serving {
		if _, is := demand[pod]; is {
			count++
		}
	}
	enough := count > 0 && float64(count) >= Quorum*float64(len(b.Serving))
	joined := count > 0 && b.joined(d.budget)
	switch {
	case enough && (!b.rough || count == len(b.Serving)):
		d.known = now
		return demand, false
	case !d.uneven || !b.Measured || !joined && now.Sub(d.known) >= keptFor:
		return nil, false
	}
	was := demandFor(d.given.Pods)
	for pod := range was {
		was[pod] *= b.Total / d.budget.Total // what is given is of the limit that it was divided for
	}
	if joined {
		d.known = now
		maps.Copy(was, demand)
	}
	return was, !joined
}

// joined says whether pods serve that did not when a former budget was divided.
func (b Budget) joined(former Budget) bool {
	return slices.ContainsFunc(b.Serving, func(pod string) bool { return !slices.Contains(former.Serving, pod) })
}

// likeIn says whether another look has the same pods in the same states.
func (b Budget) likeIn(other Budget) bool {
	left := math.Abs(b.left()-other.left()) <= reserveStep*b.Total && (b.reserved == 0) == (other.reserved == 0)
	return left && b.coming == other.coming && slices.Equal(b.Serving, other.Serving)
}

// left is what leaving pods do not have; a part of the limit is always that of the others, who have what they can borrow besides.
func (b Budget) left() float64 {
	return max(b.Total-b.reserved, leastForServing*b.Total-b.lends, leastBeside*b.Total)
}

// begins says whether equal parts do not serve well any more, or would not if pods that come or leave had theirs.
func (d *Division) begins(now time.Time, b Budget, demand map[string]float64) bool {
	if demand == nil {
		return false
	}
	if !b.Confirmed {
		d.doubt(now, b)
		if !d.onlyStuck(now, b) {
			return false
		}
	}
	if b.coming > 0 || b.reserved > 0 || b.among > len(b.Serving) {
		return !easyEqually(b, demand)
	}
	var steady []string // what others are asked is not known, or not for long
	for _, pod := range b.Serving {
		if _, known := demand[pod]; known && !b.young[pod] {
			steady = append(steady, pod)
		}
	}
	part := b.Total * float64(len(steady)) / float64(len(b.Serving))
	return !serve(equalParts(part, steady), part, steady, demand, b.rough)
}

// takeOver counts what another operator has given as in force, and as what the demand was when that was decided. Parts that add
// up to more than the limit are of a former one: it was lowered while nobody divided it.
func (d *Division) takeOver(now time.Time, b Budget, found InForce) {
	if len(found.Parts) == 0 || b.Total <= 0 {
		return
	}
	*d = Division{uneven: true, budget: b, known: now, given: &plan.Parts{Pods: maps.Clone(found.Parts), Newcomer: found.Newcomer}}
	d.budget.Serving = slices.Sorted(maps.Keys(found.Parts))
	named := sumOf(found.Parts, d.budget.Serving)
	if named > b.Total*(1+newcomerLeast) {
		d.budget.Total = named
	}
}

// leastOf is what a pod may admit that nobody expects.
func leastOf(b Budget) float64 {
	return b.Total * min(newcomerLeast, newcomersAtMost/float64(max(b.coming, 1)))
}

// newcomerOf is what a pod may admit before it is given a part by name: an equal part if it is expected, so that it can serve
// while the others are cut. Nobody is cut before.
func newcomerOf(b Budget) float64 {
	if b.coming == 0 {
		return leastOf(b)
	}
	return b.left() / float64(len(b.Serving)+b.coming)
}

// settleTimeOf is the least time between two divisions because pods came or went.
func settleTimeOf(b Budget) time.Duration {
	return settleTime * time.Duration(len(b.Serving))
}

// spacingOf is the least time between two divisions because the demand moved.
func spacingOf(b Budget) time.Duration {
	if len(b.young) > 0 || b.settling {
		return max(quickSpacing, settleTimeOf(b))
	}
	return max(spacing, settleTimeOf(b))
}

// easyEqually says that with equal parts, also for pods that are to come, nobody would have to turn requests away for long.
func easyEqually(b Budget, demand map[string]float64) bool {
	part := b.left() / float64(len(b.Serving)+b.coming)
	if b.among > 0 {
		part = min(part, b.Total/float64(b.among))
	}
	return !slices.ContainsFunc(b.Serving, func(pod string) bool { return demand[pod] > easy*part })
}

// clone for a look ahead.
func (d *Division) clone() Division {
	ahead := *d
	ahead.unsure = maps.Clone(d.unsure)
	return ahead
}

// same says whether two divisions put the same into force.
func same(a, b *plan.Parts) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Newcomer == b.Newcomer && maps.Equal(a.Pods, b.Pods)
}
