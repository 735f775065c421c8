// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"maps"
	"slices"

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
)

// Budget is a rate limit that the pods of a service share.
type Budget struct {
	// Total in requests per second; 0 without a shared limit.
	Total float64
	// Serving pods by name, and how many more there are or shall be.
	Serving []string
	Coming  int
	// Confirmed says that every running pod has in force what it was given last.
	Confirmed bool
	// InForce reads the uneven parts that an operator before this one has left, empty without any. It is asked once.
	InForce func() map[string]float64
}

// Division of one service's budget, from one look to the next. Parts are equal until that turns requests away at one pod
// which another one could have admitted.
type Division struct {
	shares Shares
	uneven bool
	budget Budget
	given  *plan.Parts
	// coming pods shall have promised each, which stays while their number does, and have newcomer: less, as long as others
	// may still have it in force.
	coming             int
	promised, newcomer float64
}

// Next is what pods shall admit from now on; nil means equal parts. What it returns counts as given. demand is in requests
// per second by pod; nil means that too little is known.
func (d *Division) Next(b Budget, demand map[string]float64) *plan.Parts {
	switch {
	case b.Total <= 0 || len(b.Serving) == 0:
		*d = Division{}
		return nil
	case d.budget.Total == 0 && b.InForce != nil:
		d.takeOver(b)
	}
	demand = Completed(demand, b.Serving)
	if !d.uneven && !d.begin(b, demand) {
		d.budget, d.given = b, nil
		return nil
	}
	sameTotal := d.budget.Total == b.Total
	sameShape := sameTotal && d.budget.Coming == b.Coming && slices.Equal(d.budget.Serving, b.Serving)
	d.budget = b
	if sameShape && !b.Confirmed && d.given != nil { // the last parts are still on their way
		return d.given
	}
	for _, pod := range b.Serving {
		d.shares.join(pod, d.newcomer)
	}
	if !sameTotal || d.coming != b.Coming || d.promised == 0 {
		d.promise(demand)
	}
	d.reserve()
	round := Round{
		Total: b.Total - float64(d.coming)*d.promised, Pods: b.Serving, Demand: demand, Confirmed: b.Confirmed,
	}
	if sameTotal && d.shares.sum() <= round.Total*(1+newcomerLeast) {
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

// begin says whether equal parts do not serve well any more, or would not if pods that do not serve yet had theirs.
func (d *Division) begin(b Budget, demand map[string]float64) bool {
	if demand == nil || !b.Confirmed {
		return false
	}
	d.shares = Shares{}
	equal := d.shares.Next(Round{Total: b.Total, Pods: b.Serving, Confirmed: true})
	if b.Coming > 0 {
		d.uneven, d.newcomer = !easyEqually(b, demand), b.Total*newcomerLeast
		return d.uneven
	}
	if trial := d.shares.clone(); maps.Equal(equal, trial.Next(Round{Total: b.Total, Pods: b.Serving, Demand: demand, Confirmed: true})) {
		return false
	}
	d.uneven, d.newcomer = true, b.Total*newcomerLeast
	return true
}

// takeOver counts what another operator has given as in force.
func (d *Division) takeOver(b Budget) {
	parts := b.InForce()
	if len(parts) == 0 {
		return
	}
	d.uneven, d.newcomer = true, b.Total*newcomerLeast
	d.shares = Shares{granted: parts, given: maps.Clone(parts), total: b.Total}
}

// promise pods that are about to serve what the others do not use.
func (d *Division) promise(demand map[string]float64) {
	b := d.budget
	d.coming, d.promised = b.Coming, b.Total*newcomerLeast
	if b.Coming == 0 || demand == nil {
		return
	}
	unused := b.Total
	for _, figure := range demand {
		unused -= figure
	}
	equal := b.Total / float64(len(b.Serving)+b.Coming)
	d.promised = max(d.promised, min(newcomerUnused*unused/float64(b.Coming), equal))
}

// reserve what was promised as soon as the others have given it back.
func (d *Division) reserve() {
	least := d.budget.Total * newcomerLeast
	free := d.budget.Total - float64(d.coming)*d.promised*(1-newcomerLeast)
	if d.promised > d.newcomer && !(d.budget.Confirmed && d.shares.sum() <= free) {
		d.newcomer = least
		return
	}
	d.newcomer = d.promised
}

func (s *Shares) sum() float64 {
	sum := 0.0
	for _, part := range s.given {
		sum += part
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
		if figure > easy*b.Total/float64(len(b.Serving)+b.Coming) {
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
func (d *Division) clone() *Division {
	ahead := *d
	ahead.shares = d.shares.clone()
	return &ahead
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

// Moves says whether Next would give pods anything else than it did last.
func (d *Division) Moves(b Budget, demand map[string]float64) bool {
	return !same(d.given, d.clone().Next(b, demand))
}
