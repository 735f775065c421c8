// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"maps"
	"slices"
	"time"

	"goservice.dev/operator/controllers/plan"
)

const (
	// newcomerLeast is the part of a limit that a pod may admit before the operator has seen it serve, where the others use
	// everything.
	newcomerLeast = 0.001
	// newcomerUnused is the part of what the others leave unused that pods which are about to serve get together.
	newcomerUnused = 0.8
	// easy is the demand on the busiest pod, as a part of an equal part, below which equal parts do as well as any.
	easy = 0.7
	// newcomersAtMost is the part of a limit that all pods which the operator has not seen serve get at least together, where
	// they are so many that newcomerLeast each would be more than that.
	newcomersAtMost = 0.01
	// keptFor is how long parts stay without new figures: a lost round says nothing about the demand.
	keptFor = time.Minute
)

// Division of one service's budget, from one look to the next. Parts are equal until that turns requests away at one pod
// which another one could have admitted.
type Division struct {
	shares Shares
	uneven bool
	budget Budget
	given  *plan.Parts
	// coming is how many pods are on their way. Each is to get promised, which stays the same while their number does; until the
	// others have given that up, each has newcomer, which is less.
	coming             int
	promised, newcomer float64
	// known is the demand that was known last.
	known   map[string]float64
	knownAt time.Time
}

// Next is what pods may admit from now on; nil means equal parts. What it returns counts as given. demand is in requests
// per second by pod; nil means that too little is known.
func (d *Division) Next(now time.Time, b Budget, demand map[string]float64) *plan.Parts {
	if b.Total <= 0 || len(b.Serving) == 0 {
		*d = Division{}
		return nil
	}
	sameTotal := d.budget.Total == b.Total
	moreReserved := b.reserved > d.budget.reserved
	sameShape := sameTotal && d.budget.coming == b.coming && d.budget.reserved == b.reserved && slices.Equal(d.budget.Serving, b.Serving)
	demand, lost := d.recall(now, b, demand)
	if !d.uneven && !d.begin(b, demand) {
		d.budget, d.given = b, nil
		return nil
	}
	d.budget = b
	if sameShape && d.given != nil && (lost || !b.Confirmed) { // nothing is known, or the last parts are still on their way
		return d.given
	}
	d.shares.keep(Round{Pods: b.Serving, Confirmed: b.Confirmed})
	for _, pod := range b.Serving {
		d.shares.join(pod, d.newcomer)
	}
	if !sameTotal || moreReserved || d.coming != b.coming || d.promised == 0 {
		d.promise(demand)
	}
	d.reserve()
	round := Round{Total: b.left() - float64(d.coming)*d.promised, Pods: b.Serving, Demand: demand, Confirmed: b.Confirmed}
	if sameTotal && sumOf(d.shares.given, b.Serving) <= round.Total*(1+newcomerLeast) {
		d.shares.total = round.Total // a reserve that is taken or given back is no other limit
	}
	var parts map[string]float64
	if demand == nil || d.coming == 0 && easyEqually(b, demand) {
		parts = d.shares.even(round)
		if even, confirmed := isEven(parts, b), b.Confirmed && d.given != nil && maps.Equal(parts, d.given.Pods); even && confirmed {
			*d = Division{budget: b}
			return nil
		}
	} else {
		parts = d.shares.Next(round)
	}
	d.given = &plan.Parts{Pods: parts, Newcomer: d.newcomer}
	return d.given
}

// recall completes the demand, or takes the last that was known where this round's was lost.
func (d *Division) recall(now time.Time, b Budget, demand map[string]float64) (known map[string]float64, lost bool) {
	if known = Completed(demand, b.Serving); known != nil {
		d.known, d.knownAt = known, now
		return known, false
	}
	if d.uneven && b.Measured && now.Sub(d.knownAt) < keptFor {
		return Completed(d.known, b.Serving), true
	}
	return nil, false
}

// left is what leaving pods do not have; a part of the limit is always that of the others.
func (b Budget) left() float64 { return b.Total - min(b.reserved, (1-leastForServing)*b.Total) }

// begin says whether equal parts do not serve well any more, or would not if pods that do not serve yet had theirs.
func (d *Division) begin(b Budget, demand map[string]float64) bool {
	if demand == nil || !b.Confirmed || b.reserved > 0 {
		return false
	}
	d.shares = Shares{}
	equal := d.shares.Next(Round{Total: b.Total, Pods: b.Serving, Confirmed: true})
	if b.coming > 0 {
		d.uneven, d.newcomer = !easyEqually(b, demand), leastOf(b)
		return d.uneven
	}
	if trial := d.shares.clone(); maps.Equal(equal, trial.Next(Round{Total: b.Total, Pods: b.Serving, Demand: demand, Confirmed: true})) {
		return false
	}
	d.uneven, d.newcomer = true, leastOf(b)
	return true
}

// takeOver counts what another operator has given as in force, and as what the demand was when that was decided. Parts that add
// up to more than the limit are of a former one: it was lowered while nobody divided it.
func (d *Division) takeOver(now time.Time, b Budget, found InForce) {
	if len(found.Parts) == 0 || b.Total <= 0 {
		return
	}
	d.uneven, d.newcomer = true, found.Newcomer
	d.shares = Shares{granted: maps.Clone(found.Parts), given: maps.Clone(found.Parts), total: b.Total}
	d.known, d.knownAt = maps.Clone(found.Parts), now
	d.given = &plan.Parts{Pods: maps.Clone(found.Parts), Newcomer: found.Newcomer}
	d.budget = b
	d.budget.Serving = slices.Sorted(maps.Keys(found.Parts))
	named := sumOf(found.Parts, d.budget.Serving)
	all := named + float64(b.coming)*found.Newcomer
	if named > b.Total*(1+newcomerLeast) || all > b.Total*(1+newcomersAtMost) {
		d.shares.total, d.budget.Total = all, all
	}
}

// leastOf is what a pod may admit before the operator has seen it serve.
func leastOf(b Budget) float64 {
	return b.Total * min(newcomerLeast, newcomersAtMost/float64(max(b.coming, 1)))
}

// promise pods that are about to serve what the others do not use.
func (d *Division) promise(demand map[string]float64) {
	b := d.budget
	d.coming, d.promised = b.coming, leastOf(b)
	if b.coming == 0 || demand == nil {
		return
	}
	unused := b.left()
	for _, pod := range b.Serving { // in order, so that the sum is always the same one
		unused -= demand[pod]
	}
	equal := b.left() / float64(len(b.Serving)+b.coming)
	d.promised = max(d.promised, min(newcomerUnused*unused/float64(b.coming), equal))
}

// reserve what was promised as soon as the others have given it back.
func (d *Division) reserve() {
	d.newcomer = leastOf(d.budget)
	free := d.budget.left() - float64(d.coming)*d.promised*(1-newcomerLeast)
	if d.promised <= d.newcomer || sumOf(d.shares.granted, d.budget.Serving) <= free {
		d.newcomer = d.promised
	}
}

func sumOf(parts map[string]float64, pods []string) float64 {
	sum := 0.0
	for _, pod := range pods {
		sum += parts[pod]
	}
	return sum
}

// Completed gives pods that have just begun to serve the mean of the others; nil where less than half of them are known.
func Completed(demand map[string]float64, pods []string) map[string]float64 {
	sum, known := 0.0, 0
	full := make(map[string]float64, len(pods))
	for _, pod := range pods {
		if figure, exists := demand[pod]; exists {
			full[pod] = figure
			sum += figure
			known++
		}
	}
	if known == 0 || float64(known) < Quorum*float64(len(pods)) {
		return nil
	}
	for _, pod := range pods {
		if _, exists := full[pod]; !exists {
			full[pod] = sum / float64(known)
		}
	}
	return full
}

// easyEqually says that with equal parts, also for pods that are to come, nobody would have to turn requests away for long.
func easyEqually(b Budget, demand map[string]float64) bool {
	for _, figure := range demand {
		if figure > easy*b.Total/float64(len(b.Serving)+b.coming) {
			return false
		}
	}
	return true
}

func isEven(parts map[string]float64, b Budget) bool {
	const hair = 1e-3
	for _, part := range parts {
		if equal := b.Total / float64(len(b.Serving)); part < (1-newcomerLeast-hair)*equal {
			return false
		}
	}
	return true
}

// clone for a look ahead.
func (d *Division) clone() Division {
	ahead := *d
	ahead.shares = d.shares.clone()
	return ahead
}

func (s *Shares) clone() Shares {
	return Shares{granted: maps.Clone(s.granted), given: maps.Clone(s.given), total: s.total}
}

// same says whether two divisions put the same into force.
func same(a, b *plan.Parts) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Newcomer == b.Newcomer && maps.Equal(a.Pods, b.Pods)
}
