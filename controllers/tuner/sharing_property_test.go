// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// Whatever pods do and whatever is lost: every part is finite and above 0, every pod that serves is given one by name soon,
// and what serving and leaving pods are given together never exceeds the limit, but for those that replace more than
// half of the limit's holders at once.
func TestSharingNeverExceedsTheLimit(t *testing.T) {
	for seed := range uint64(100) {
		w := newSharedWorld(seed)
		for step := range 400 {
			w.act()
			if problem := w.look(); problem != "" {
				t.Fatalf("seed %d, step %d: %s", seed, step, problem)
			}
		}
	}
}

// sharedWorld is a service whose pods come, go, leave and lose readiness at random.
type sharedWorld struct {
	random  *rand.Rand
	now     time.Time
	sharing Sharing
	budget  Budget
	divided Divided
	demand  map[string]float64
	made    int
	force   map[string]float64 // what each leaving pod was given last
	since   map[string]time.Time
	joined  map[string]time.Time
	unnamed map[string]bool    // when they began to leave
	began   time.Time          // the operator
	links   bool               // pods lend, and say so
	asked   map[string]bool    // whether it is linked, by this operator
	used    map[string]float64 // by leaving pods, as it is measured
}

func newSharedWorld(seed uint64) *sharedWorld {
	w := &sharedWorld{
		random: rand.New(rand.NewPCG(seed, 3)), now: epoch, force: map[string]float64{}, since: map[string]time.Time{}, joined: map[string]time.Time{}, unnamed: map[string]bool{},
		budget: Budget{Total: 1000, Wanted: 3, Surge: 1, LeaveWithin: 10 * time.Second, LendWithin: 5 * time.Second, Measured: true, Confirmed: true},
		used:   map[string]float64{}, asked: map[string]bool{}, links: seed%2 == 0,
	}
	for range 3 {
		w.budget.Serving = append(w.budget.Serving, w.name())
	}
	w.divided = w.sharing.Next(w.now, w.budget, nil)
	return w
}

func (w *sharedWorld) name() string {
	w.made++
	return fmt.Sprintf("p%04d", w.made)
}

// take a random pod out of a list.
func (w *sharedWorld) take(from *[]string) string {
	at := w.random.IntN(len(*from))
	pod := (*from)[at]
	*from = slices.Delete(slices.Clone(*from), at, at+1)
	return pod
}

func (w *sharedWorld) act() {
	b := &w.budget
	w.now = w.now.Add(time.Duration(w.random.IntN(4000)) * time.Millisecond)
	switch w.random.IntN(12) {
	case 0:
		b.Wanted = 1 + w.random.IntN(12)
	case 1:
		b.Rolling = !b.Rolling
	case 2:
		b.Unready = append(slices.Clone(b.Unready), w.name())
	case 3, 4:
		if len(b.Unready) > 0 {
			pod := w.take(&b.Unready)
			b.Serving = slices.Sorted(slices.Values(append(slices.Clone(b.Serving), pod)))
			w.joined[pod] = w.now
		}
	case 5:
		if len(b.Serving) > 1 {
			pod := w.take(&b.Serving)
			b.Unready = append(slices.Clone(b.Unready), pod)
		}
	case 6, 7:
		if len(b.Serving) > 1 {
			pod := w.take(&b.Serving)
			b.Leaving = append(slices.Clone(b.Leaving), pod)
			w.since[pod], w.force[pod], w.unnamed[pod] = w.now, w.given(pod), !w.named(pod)
			w.used[pod] = w.force[pod]
			delete(w.demand, pod)
		}
	case 8:
		if len(b.Leaving) > 0 {
			delete(w.force, w.take(&b.Leaving))
		}
	case 9: // another operator takes over
		w.edit()
		left := w.divided
		w.began = w.now
		w.sharing, w.asked = Sharing{}, map[string]bool{}
		b.InForce = func() InForce {
			if left.Parts != nil {
				return InForce{Parts: maps.Clone(left.Parts.Pods), Newcomer: left.Parts.Newcomer}
			}
			return InForce{Pods: int(left.Pods), Newcomer: b.Total / float64(left.Pods)}
		}
	}
	for _, pod := range slices.Sorted(maps.Keys(w.used)) { // in their order, so that a seed always does the same
		w.used[pod] *= w.random.Float64()
	}
	if w.random.IntN(3) == 0 {
		w.demand = map[string]float64{}
		for _, pod := range b.Serving {
			w.demand[pod] = w.random.ExpFloat64() * 2 * b.Total / float64(len(b.Serving))
		}
	} else if w.random.IntN(4) == 0 {
		w.demand = nil
	}
}

// edit the limit at times. Pods that leave while it is lowered are gone before: they keep what they had, which nobody can know.
func (w *sharedWorld) edit() {
	b := &w.budget
	if w.random.IntN(2) == 0 {
		return
	}
	total := []float64{250, 1000, 4000}[w.random.IntN(3)]
	if total < b.Total {
		b.Leaving = nil
	}
	b.Total = total
}

func (w *sharedWorld) given(pod string) float64 {
	if w.divided.Parts == nil {
		return w.budget.Total / float64(w.divided.Pods)
	}
	if part, named := w.divided.Parts.Pods[pod]; named {
		return part
	}
	return w.divided.Parts.Newcomer
}

// named says whether a pod has a part that the others were cut for.
func (w *sharedWorld) named(pod string) bool {
	if w.divided.Parts == nil {
		return true
	}
	_, is := w.divided.Parts.Pods[pod]
	return is
}

// usage is the demand as it is seen.
func (w *sharedWorld) usage() *Usage {
	if w.demand == nil {
		return nil
	}
	usage := &Usage{At: w.now, Demand: maps.Clone(w.demand), Linked: map[string]bool{}}
	for _, pod := range w.budget.Leaving {
		usage.Demand[pod] = w.used[pod]
	}
	for _, pod := range slices.Concat(w.budget.Serving, w.budget.Leaving) {
		usage.Linked[pod] = w.links
	}
	return usage
}

// look divides, and says what is wrong with that.
func (w *sharedWorld) look() string {
	b := &w.budget
	b.Confirmed = b.InForce == nil && w.random.IntN(3) > 0
	before := w.divided
	if moves := w.sharing.Moves(w.now, *b, w.usage()); b.InForce == nil {
		w.divided = w.sharing.Next(w.now, *b, w.usage())
		if moved := before.Pods != w.divided.Pods || !same(before.Parts, w.divided.Parts); moved != moves {
			return fmt.Sprintf("Moves says %t: from %+v to %+v", moves, before, w.divided)
		}
	} else {
		w.divided = w.sharing.Next(w.now, *b, w.usage())
	}
	b.InForce = nil
	if w.demand != nil {
		for _, pod := range slices.Concat(b.Serving, b.Leaving) {
			w.asked[pod] = true
		}
	}
	serving, leaving, lends := 0.0, 0.0, 0.0
	for _, pod := range b.Serving {
		part := w.given(pod)
		if !(part > 0) || math.IsInf(part, 0) {
			return fmt.Sprintf("pod %s gets %g", pod, part)
		}
		named := w.named(pod)
		const soon = 8 * time.Second // two looks
		switch late := w.now.Sub(w.joined[pod]) > soon && w.now.Sub(w.began) > soon; {
		case named:
			serving += part
		case late:
			return fmt.Sprintf("pod %s has served for %s and has no part of its own", pod, w.now.Sub(w.joined[pod]))
		}
	}
	for _, pod := range b.Leaving {
		if w.unnamed[pod] && !w.sharing.division.givenAt.After(w.since[pod]) {
			continue // it had hardly begun to serve, and the others have not been cut for it yet
		}
		switch left := w.now.Sub(w.since[pod]); {
		case w.links && left < b.LendWithin:
			leaving += w.force[pod]
			if w.asked[pod] { // else the operator cannot know
				lends += w.force[pod]
			}
		case left >= b.LeaveWithin:
		case w.divided.Parts == nil:
			leaving += w.force[pod]
		default:
			leaving += min(w.used[pod], w.force[pod])
		}
	}
	least := max(leastForServing*b.Total-lends, leastBeside*b.Total)
	if w.divided.Parts == nil {
		least = leastForServing * b.Total // equal ones know nothing of links
	}
	most := max(b.Total, leaving+least) * (1 + 2*reserveStep)
	if w.divided.Pods < 1 || serving+leaving > most {
		return fmt.Sprintf("%.1f and %.1f of leaving pods are given of %g: %+v", serving, leaving, b.Total, w.divided)
	}
	return ""
}
