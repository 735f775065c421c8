// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"maps"
	"slices"
	"time"

	"goservice.dev/operator/controllers/plan"
	"goservice.dev/operator/controllers/tuner"
)

const (
	// What is sent to a pod reaches it after budgetLatency to budgetLatest, and its answer is known budgetAnswer later at most.
	budgetLatency, budgetLatest, budgetAnswer = 0.08, 0.33, 0.1
	// budgetLook is between two looks while somebody refuses, budgetSettling while demand moves to other pods, budgetRound between two rounds while anything moves, and budgetCalm
	// while nothing does. budgetHurry is between two looks where pods came or left, or where another one tells more of new pods: ten
	// times, and then every budgetHurriedEvery seconds.
	budgetLook, budgetSettling        = 1.0, 0.5
	budgetHurry                       = 0.2
	budgetRound, budgetCalm           = float64(tuner.Period) / float64(time.Second), float64(tuner.CalmPeriod) / float64(time.Second)
	budgetHurries, budgetHurriedEvery = 10.0, 5.0
	// budgetReconcile is what passes at most between a look that moves something, or an answer, and the reconcile.
	budgetReconcile = 0.05
)

// budgetOperator is what one operator knows. It looks at the counters and asks whether they would divide otherwise; it divides in a
// reconcile, for which pods that come and go, the last confirmation, and the moment that the division has named are reasons, too.
type budgetOperator struct {
	world   *budgetRun
	sharing tuner.Sharing
	watch   tuner.Watch
	usage   *tuner.Usage
	budget  tuner.Budget // of the last reconcile
	lost    bool
	// rates that are known, of those who know them.
	rates []float64

	began, lookAt, roundAt float64 // the last look, and the next
	reconcileAt, again     float64 // 0: none
	hurries, hurriesAt     float64 // that are left, and when they were counted
	confirmed              bool
}

// newBudgetOperator finds what the live settings tell.
func newBudgetOperator(world *budgetRun, now float64) *budgetOperator {
	o := &budgetOperator{world: world, lookAt: now + budgetRound*world.random.Float64(), hurries: budgetHurries, hurriesAt: now}
	o.budget.InForce = func() tuner.InForce {
		switch found := world.divided; {
		case found.Parts != nil:
			return tuner.InForce{Parts: found.Parts.Pods, Newcomer: found.Parts.Newcomer}
		case found.Pods > 0:
			return tuner.InForce{Pods: int(found.Pods), Newcomer: world.Limit() / float64(found.Pods)}
		}
		return tuner.InForce{}
	}
	return o
}

// run does what is due.
func (o *budgetOperator) run(now float64) {
	switch {
	case o.lost || o.world.Way == Equally && !o.world.Lend:
		return
	case o.world.Way == Knowing:
		o.know(now)
		return
	}
	if now >= o.lookAt && o.world.Way == ByOperator {
		o.look(now)
	}
	all := len(o.unconfirmed(now)) == 0
	if all && !o.confirmed {
		o.want(now)
	}
	o.confirmed = all
	if o.reconcileAt > 0 && now >= o.reconcileAt || o.again > 0 && now >= o.again {
		o.reconcile(now)
	}
}

// want a reconcile.
func (o *budgetOperator) want(now float64) {
	if o.reconcileAt == 0 {
		o.reconcileAt = now + budgetReconcile*o.world.random.Float64()
	}
}

// look at what pods count, and choose when to look again as the measuring loop does.
func (o *budgetOperator) look(now float64) {
	serving := map[string]bool{}
	for _, pod := range o.world.budget.Serving {
		serving[pod] = true
	}
	for _, pod := range o.world.budget.Leaving { // it may still be asked
		serving[pod] = true
	}
	o.began = now
	o.watch.Observe(simTime(now), o.world.reports(), serving)
	o.usage = o.watch.Usage()
	for _, p := range o.world.pods {
		o.usage.Linked[p.name] = o.world.Lend
	}
	moves := o.sharing.Moves(simTime(now), o.budget, o.usage)
	if moves {
		o.want(now)
	}
	if now >= o.roundAt {
		o.roundAt = now + budgetCalm
		if moves || o.usage.Refusing || !o.confirmed {
			o.roundAt = now + budgetRound
		}
	}
	o.lookAt = o.roundAt
	if o.usage.Settling {
		o.lookAt = min(o.lookAt, now+budgetSettling)
	}
	if o.usage.Refusing {
		o.lookAt = min(o.lookAt, now+budgetLook)
	}
	if o.usage.Soon {
		o.lookAt = min(o.lookAt, now+o.hurry(now))
	}
}

// hurried because pods came or left.
func (o *budgetOperator) hurried(now float64) {
	o.lookAt = min(o.lookAt, max(now, o.began+o.hurry(now)))
}

// hurry is the pause before a look that is wanted soon.
func (o *budgetOperator) hurry(now float64) float64 {
	o.hurries = min(o.hurries+(now-o.hurriesAt)/budgetHurriedEvery, budgetHurries)
	o.hurriesAt = now
	if o.hurries < 1 {
		return budgetRound
	}
	o.hurries--
	return budgetHurry
}

// unconfirmed pods, as far as is known.
func (o *budgetOperator) unconfirmed(now float64) (names []string) {
	for _, p := range o.world.pods {
		if !p.leaving && (len(p.pending) > 0 || now < p.confirmedAt) {
			names = append(names, p.name)
		}
	}
	return names
}

// reconcile divides the limit and sends what is new.
func (o *budgetOperator) reconcile(now float64) {
	switch {
	case o.lost:
		return
	case o.world.Way == Knowing:
		o.know(now)
		return
	}
	world, before := o.world, o.world.divided
	budget := world.budget
	budget.InForce, o.budget.InForce = o.budget.InForce, nil
	budget.Unconfirmed = o.unconfirmed(now)
	budget.Confirmed = len(budget.Unconfirmed) == 0
	if world.Way == Equally && !world.Lend {
		world.divided = tuner.Divided{Pods: int32(len(budget.Serving))}
	} else {
		world.divided = o.sharing.Next(simTime(now), budget, o.usage)
	}
	budget.InForce = nil
	o.budget, o.reconcileAt, o.again = budget, 0, 0
	if again := world.divided.Again; !again.IsZero() {
		o.again = again.Sub(simEpoch).Seconds()
	}
	if same(before, world.divided) {
		return
	}
	world.result.Divisions++
	for _, p := range world.pods {
		if p.leaving {
			continue
		}
		at := now + budgetLatency + (budgetLatest-budgetLatency)*world.random.Float64()
		p.pending = append(p.pending, world.news(p.name, at))
		world.result.Writes++
	}
}

// same says whether two divisions are the same live settings.
func same(a, b tuner.Divided) bool {
	if a.Parts == nil || b.Parts == nil {
		return a.Parts == b.Parts && a.Pods == b.Pods
	}
	return a.Parts.Newcomer == b.Parts.Newcomer && maps.Equal(a.Parts.Pods, b.Parts.Pods)
}

// know the rates, and put the parts that follow from them in force at once.
func (o *budgetOperator) know(now float64) {
	world := o.world
	rates := world.rates(now)
	if slices.Equal(rates, o.rates) {
		return
	}
	o.rates = rates
	demand := map[string]float64{}
	for i, p := range world.pods {
		demand[p.name] = rates[i]
	}
	world.divided.Parts = &plan.Parts{Pods: tuner.Divide(world.Limit(), world.budget.Serving, demand)}
	for _, p := range world.pods {
		if p.leaving {
			continue // nobody asks it
		}
		p.take(world.news(p.name, now))
		p.pending = nil
	}
}
