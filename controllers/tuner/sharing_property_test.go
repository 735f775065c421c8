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

// Whatever pods do and whatever is lost: every part is finite and above 0, and what serving and leaving pods have in force
// together never exceeds the limit, but for pods that serve before the others took their cut, and for those that replace
// more than half of the limit's holders at once.
func TestSharingNeverExceedsTheLimit(t *testing.T) {
	for seed := range uint64(60) {
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
	force   map[string]float64 // what each serving or leaving pod may have in force
	since   map[string]time.Time
	lowered bool // the limit, while nobody divided it
}

func newSharedWorld(seed uint64) *sharedWorld {
	w := &sharedWorld{
		random: rand.New(rand.NewPCG(seed, 3)), now: epoch, force: map[string]float64{}, since: map[string]time.Time{},
		budget: Budget{Total: 1000, Wanted: 3, Surge: 1, LeaveWithin: 10 * time.Second, Measured: true, Confirmed: true},
	}
	for range 3 {
		w.budget.Serving = append(w.budget.Serving, w.name())
	}
	w.divided = w.sharing.Next(w.now, w.budget, nil)
	w.confirm()
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
	case 3, 4: // a pod begins to serve when the others have taken their cut
		if len(b.Unready) > 0 {
			pod := w.take(&b.Unready)
			b.Serving = slices.Sorted(slices.Values(append(slices.Clone(b.Serving), pod)))
			w.force[pod] = w.given(pod)
		}
	case 5:
		if len(b.Serving) > 1 {
			pod := w.take(&b.Serving)
			b.Unready = append(slices.Clone(b.Unready), pod)
			delete(w.force, pod) // it takes no traffic
		}
	case 6, 7:
		if len(b.Serving) > 1 {
			pod := w.take(&b.Serving)
			b.Leaving = append(slices.Clone(b.Leaving), pod)
			w.since[pod] = w.now
		}
	case 8:
		if len(b.Leaving) > 0 {
			delete(w.force, w.take(&b.Leaving))
		}
	case 9: // another operator takes over, when the pods have what this one gave
		w.confirm()
		w.edit()
		left := w.divided
		w.sharing = Sharing{}
		b.InForce = func() InForce {
			if left.Parts != nil {
				return InForce{Parts: maps.Clone(left.Parts.Pods), Newcomer: left.Parts.Newcomer}
			}
			return InForce{Pods: int(left.Pods), Newcomer: b.Total / float64(left.Pods)}
		}
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
	if w.lowered = total < b.Total; w.lowered {
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

func (w *sharedWorld) confirm() {
	for _, pod := range w.budget.Serving {
		w.force[pod] = w.given(pod)
	}
}

// look divides, lets pods take their parts, and says what is wrong with them.
func (w *sharedWorld) look() string {
	b := &w.budget
	if b.Confirmed = b.InForce == nil && w.random.IntN(3) > 0; b.Confirmed {
		w.confirm()
	}
	before := w.divided
	if moves := w.sharing.Moves(w.now, *b, w.demand); b.InForce == nil {
		w.divided = w.sharing.Next(w.now, *b, w.demand)
		if moved := before.Pods != w.divided.Pods || !same(before.Parts, w.divided.Parts); moved != moves {
			return fmt.Sprintf("Moves says %t: from %+v to %+v", moves, before, w.divided)
		}
	} else {
		w.divided = w.sharing.Next(w.now, *b, w.demand)
	}
	b.InForce = nil
	serving, leaving := 0.0, 0.0
	for _, pod := range b.Serving {
		part := w.given(pod)
		if !(part > 0) || math.IsInf(part, 0) {
			return fmt.Sprintf("pod %s gets %g", pod, part)
		}
		if w.divided.Parts == nil || before.Parts == nil || w.lowered { // all take their cut at once
			w.force[pod] = part
		}
		w.force[pod] = max(w.force[pod], part)
		serving += w.force[pod]
	}
	for _, pod := range b.Leaving {
		if w.now.Sub(w.since[pod]) < b.LeaveWithin {
			leaving += w.force[pod]
		}
	}
	w.lowered = false
	most := max(b.Total, leaving+b.Total*leastForServing) * (1 + 10*newcomerLeast)
	if w.divided.Pods < 1 || serving+leaving > most {
		return fmt.Sprintf("%.1f and %.1f of leaving pods may be in force of %g: %+v", serving, leaving, b.Total, w.divided)
	}
	return ""
}
