// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"math"
	"testing"
	"time"
)

// What a leaving pod does not use any more, the others get at once; they do not get what it still uses.
func TestOthersGrowAsALeavingPodUsesLess(t *testing.T) {
	pods, demand := []string{"a", "b", "c", "d"}, map[string]float64{"a": 400, "b": 400, "c": 400, "d": 400}
	var s Sharing
	b := Budget{Total: 1000, Serving: pods, Wanted: 4, LeaveWithin: 10 * time.Second, Measured: true, Confirmed: true}
	now := epoch
	look := func(demand map[string]float64) (staying float64) {
		now = now.Add(1100 * time.Millisecond)
		divided := s.Next(now, b, &Usage{At: now, Demand: demand})
		for _, pod := range b.Serving {
			if divided.Parts != nil {
				staying += divided.Parts.Pods[pod]
			} else {
				staying += 1000 / float64(divided.Pods)
			}
		}
		return staying
	}
	look(demand)
	b.Serving, b.Leaving, b.Wanted = pods[:2], pods[2:], 2
	if got := look(demand); got > 500+1e-9 {
		t.Errorf("%g to those that stay while the others use all of theirs", got)
	}
	if got := look(map[string]float64{"a": 600, "b": 600, "c": 150, "d": 0}); got < 840 || got > 850+1e-9 {
		t.Errorf("%g to those that stay while 150 are used by a leaving one", got)
	}
	if got := look(map[string]float64{"a": 600, "b": 600, "c": 400, "d": 0}); got > 750+1e-9 || got < 740 {
		t.Errorf("%g to those that stay when a leaving pod uses all of its 250 again", got)
	}
	if got := look(map[string]float64{"a": 800, "b": 800, "c": 0, "d": 0}); got < 999 {
		t.Errorf("%g to those that stay when nobody uses anything else", got)
	}
}

// What linked pods can borrow of a leaving one is not given to them as well, until its process begins to stop, which ends the lending.
func TestWhatALeavingPodLendsIsNotGivenTwice(t *testing.T) {
	pods, demand := []string{"a", "b", "c", "d"}, map[string]float64{"a": 200, "b": 200, "c": 700, "d": 700}
	var s Sharing
	b := Budget{
		Total: 1000, Serving: pods, Wanted: 4, LeaveWithin: 10 * time.Second, LendWithin: 5 * time.Second, Measured: true, Confirmed: true,
	}
	now := epoch
	look := func(usage Usage) (staying float64, again time.Time) {
		now = now.Add(1100 * time.Millisecond)
		usage.At = now
		divided := s.Next(now, b, &usage)
		if divided.Parts == nil {
			t.Fatal("equal parts")
		}
		return sumOf(divided.Parts.Pods, b.Serving), divided.Again
	}
	look(Usage{Demand: demand})
	b.Serving, b.Leaving, b.Wanted = pods[:2], pods[2:], 2
	moved := map[string]float64{"a": 800, "b": 800, "c": 0, "d": 0}
	linked := map[string]bool{"a": true, "b": true, "c": true, "d": true}
	began := now.Add(1100 * time.Millisecond)
	for _, step := range []struct {
		name  string
		after time.Duration
		usage Usage
		want  float64
	}{
		{"the others have 772 of 1,000, and lend it", 0, Usage{Demand: demand, Linked: linked}, 228},
		{"nobody asks the others for any of that", time.Second, Usage{Demand: moved, Linked: linked}, 228},
		{"they did not answer", 1500 * time.Millisecond, Usage{Demand: moved}, 228},
		{"they lost their links", 2 * time.Second, Usage{Demand: moved, Linked: map[string]bool{"a": true, "c": false, "d": false}}, 1000},
		{"they have links again", 3 * time.Second, Usage{Demand: moved, Linked: linked}, 228},
		{"clients ask the others for all, and links are lost", 4 * time.Second, Usage{Demand: map[string]float64{"a": 800, "b": 800, "c": 400, "d": 400}, Linked: map[string]bool{"c": false, "d": false}}, 500},
		{"links are back", 4900 * time.Millisecond, Usage{Demand: moved, Linked: linked}, 228},
		{"the others are told to stop", 5 * time.Second, Usage{Demand: moved, Linked: linked}, 1000},
		{"one is still asked", 6 * time.Second, Usage{Demand: map[string]float64{"a": 800, "b": 800, "c": 300, "d": 0}, Linked: linked}, 700},
		{"it is not waited for any more", 10 * time.Second, Usage{Demand: map[string]float64{"a": 800, "b": 800, "c": 300, "d": 0}, Linked: linked}, 1000},
	} {
		now = began.Add(step.after - 1100*time.Millisecond)
		got, again := look(step.usage)
		if math.Abs(got-step.want) > 1 {
			t.Errorf("%s: %.1f to those that stay, want %.0f", step.name, got, step.want)
		}
		if next := began.Add(b.LendWithin); step.after < b.LendWithin && (again.IsZero() || again.After(next)) {
			t.Errorf("%s: looks again at %s", step.name, again.Sub(began))
		}
	}
}

// However much leaving pods lend, a tenth is with those that serve: not all of them may be linked.
func TestALittleOfALimitIsNeverBorrowed(t *testing.T) {
	for _, c := range []struct{ total, reserved, lends, want float64 }{
		{1000, 0, 0, 1000}, {1000, 300, 0, 700}, {1000, 700, 0, 500}, {1000, 700, 100, 400}, {1000, 700, 700, 300}, {1000, 950, 950, 100}, {1000, 1000, 1000, 100},
	} {
		if got := (Budget{Total: c.total, reserved: c.reserved, lends: c.lends}).left(); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%g are left of %g, of which %g are used and %g lent; want %g", got, c.total, c.reserved, c.lends, c.want)
		}
	}
}

// Equal parts keep those of leaving pods free until these are gone. Where what stays is too little and nobody asks the leaving ones, parts
// by demand do better.
func TestEqualPartsWithThoseOfLeavingPodsGiveWay(t *testing.T) {
	pods, demand := []string{"a", "b", "c", "d"}, map[string]float64{"a": 20, "b": 20, "c": 100, "d": 100}
	var s Sharing
	b := Budget{Total: 1000, Serving: pods, Wanted: 4, LeaveWithin: 10 * time.Second, Measured: true, Confirmed: true}
	s.Next(epoch, b, &Usage{At: epoch, Demand: demand})
	b.Serving, b.Leaving, b.Wanted = pods[:2], pods[2:], 2
	for i, step := range []struct {
		demand map[string]float64
		each   float64
	}{
		{demand, 250}, {map[string]float64{"a": 170, "b": 170, "c": 0, "d": 0}, 250}, {map[string]float64{"a": 450, "b": 450, "c": 0, "d": 0}, 500},
	} {
		now := epoch.Add(time.Duration(i+1) * time.Second)
		divided := s.Next(now, b, &Usage{At: now, Demand: step.demand})
		each := b.Total / float64(divided.Pods)
		if divided.Parts != nil {
			each = divided.Parts.Pods["a"]
		}
		if each != step.each {
			t.Errorf("%g each at a demand of %v, want %g", each, step.demand, step.each)
		}
	}
}

// Each division is a write to every pod: the others do not follow every request of a leaving one.
func TestALeavingPodThatUsesALittleMoreOrLessMovesNobody(t *testing.T) {
	demand := map[string]float64{"a": 750, "b": 150}
	s := newLimited(t, 1000, "a", "b")
	s.budget.reserved = 200
	s.settle(demand)
	for _, step := range []struct {
		reserved float64
		changes  int
	}{{205, 1}, {190, 1}, {220, 1}, {221, 2}, {241, 2}, {0, 3}} {
		s.budget.reserved = step.reserved
		if parts := s.look(demand); s.changes != step.changes {
			t.Errorf("%d divisions when a leaving pod uses %g of 1000, want %d: %+v", s.changes, step.reserved, step.changes, parts)
		}
	}
}
