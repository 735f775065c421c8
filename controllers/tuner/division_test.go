// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"goservice.dev/operator/controllers/plan"
)

// limited is a service whose pods take every division at once and answer for it: what they may have in force together must
// never exceed the budget.
type limited struct {
	t        *testing.T
	division Division
	budget   Budget
	force    map[string]float64 // what each pod has in force
	changes  int
	now      time.Time
}

func newLimited(t *testing.T, total float64, pods ...string) *limited {
	s := &limited{t: t, budget: Budget{Total: total, Serving: pods, Measured: true, Confirmed: true}, now: epoch, force: map[string]float64{}}
	for _, pod := range pods {
		s.force[pod] = total / float64(len(pods))
	}
	return s
}

// look once, with pods that confirm one after the other: the most that can be in force meanwhile counts.
func (s *limited) look(demand map[string]float64) *plan.Parts {
	s.t.Helper()
	before := s.division.given
	s.now = s.now.Add(2 * time.Second)
	parts := s.division.Next(s.now, s.budget, demand)
	if !same(before, parts) {
		s.changes++
	}
	most, next := 0.0, map[string]float64{}
	for _, pod := range s.budget.Serving {
		next[pod] = s.budget.Total / float64(len(s.budget.Serving))
		if parts != nil {
			next[pod] = parts.Newcomer
			if part, named := parts.Pods[pod]; named {
				next[pod] = part
			}
		}
		if next[pod] <= 0 {
			s.t.Fatalf("pod %s gets %g of %+v", pod, next[pod], parts)
		}
		most += max(next[pod], s.force[pod])
	}
	if parts != nil {
		most += float64(s.budget.coming) * parts.Newcomer
	}
	if most > s.budget.Total*(1+newcomersAtMost) {
		s.t.Fatalf("%g may be in force of %g: from %v to %v, %d more with %+v", most, s.budget.Total, s.force, next, s.budget.coming, parts)
	}
	s.force = next
	return parts
}

func (s *limited) settle(demand map[string]float64) *plan.Parts {
	s.t.Helper()
	var parts *plan.Parts
	for range 60 {
		parts = s.look(demand)
	}
	return parts
}

func TestDivisionStaysEqualWhileThatServes(t *testing.T) {
	for name, demand := range map[string]map[string]float64{
		"nothing is known":            nil,
		"little demand on one":        {"a": 10, "b": 0},
		"both below their parts":      {"a": 48, "b": 20},
		"both above":                  {"a": 100, "b": 110},
		"only one of three is known ": {"a": 500},
	} {
		t.Run(name, func(t *testing.T) {
			pods := []string{"a", "b"}
			if len(demand) == 1 {
				pods = append(pods, "c")
			}
			s := newLimited(t, 100, pods...)
			if parts := s.settle(demand); parts != nil {
				t.Errorf("%+v, want equal parts", parts)
			}
		})
	}
}

func TestDivisionFollowsDemandAndComesBack(t *testing.T) {
	s := newLimited(t, 100, "a", "b")
	parts := s.settle(map[string]float64{"a": 75, "b": 15})
	if parts == nil || parts.Pods["a"] < 73 || parts.Pods["b"] < 14 {
		t.Fatalf("for 75 and 15 of 100: %+v", parts)
	}
	held := s.changes
	s.settle(map[string]float64{"a": 74, "b": 16})
	if s.changes != held {
		t.Errorf("%d changes for a demand that hardly changed", s.changes-held)
	}
	if parts := s.settle(map[string]float64{"a": 20, "b": 15}); parts != nil {
		t.Errorf("when there is enough for all: %+v, want equal parts", parts)
	}
	s.settle(map[string]float64{"a": 15, "b": 80})
	if parts := s.settle(nil); parts != nil {
		t.Errorf("without figures: %+v, want equal parts", parts)
	}
}

func TestDivisionWaitsUntilPodsConfirmed(t *testing.T) {
	s := newLimited(t, 100, "a", "b")
	first := s.look(map[string]float64{"a": 90, "b": 5})
	s.budget.Confirmed = false
	for range 5 {
		if again := s.look(map[string]float64{"a": 5, "b": 90}); !same(first, again) {
			t.Fatalf("%+v while %+v is on its way", again, first)
		}
	}
	s.budget.Confirmed = true
	if next := s.look(map[string]float64{"a": 5, "b": 90}); same(first, next) {
		t.Error("nothing changed after the pods confirmed")
	}
}

func TestPodsThatStartGetWhatIsUnused(t *testing.T) {
	for name, c := range map[string]struct {
		demand      map[string]float64
		least, most float64
	}{
		"much is unused":  {map[string]float64{"a": 55, "b": 5}, 15, 25},
		"all is used":     {map[string]float64{"a": 150, "b": 50}, 0.1, 0.1},
		"a little is not": {map[string]float64{"a": 80, "b": 10}, 3.9, 4.1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newLimited(t, 100, "a", "b")
			if s.settle(c.demand) == nil {
				t.Fatal("equal parts for a skewed demand")
			}
			s.budget.coming = 2
			parts := s.settle(c.demand)
			if parts.Newcomer < c.least || parts.Newcomer > c.most {
				t.Errorf("a pod that starts gets %g, want %g to %g", parts.Newcomer, c.least, c.most)
			}
			if served := min(parts.Pods["a"], c.demand["a"]) + min(parts.Pods["b"], c.demand["b"]); served < 0.95*min(99.8, c.demand["a"]+c.demand["b"]) {
				t.Errorf("%g are served meanwhile, of %v", served, c.demand)
			}
			// They serve, and half of the demand goes to them.
			s.budget.coming, s.budget.Serving = 0, []string{"a", "b", "c", "d"}
			s.force["c"], s.force["d"] = parts.Newcomer, parts.Newcomer
			half := map[string]float64{"a": c.demand["a"] / 2, "b": c.demand["b"] / 2, "c": c.demand["a"] / 2, "d": c.demand["b"] / 2}
			parts = s.settle(half)
			served := 0.0
			for _, pod := range s.budget.Serving {
				part := 25.0
				if parts != nil {
					part = parts.Pods[pod]
				}
				served += min(part, half[pod])
			}
			if want := 0.98 * min(100, c.demand["a"]+c.demand["b"]); served < want {
				t.Errorf("%g are served by %+v, want %g", served, parts, want)
			}
		})
	}
}

// Clients that keep their connections go on loading the pods that they know.
func TestPodsThatStartTakeNothingFromBusyOnes(t *testing.T) {
	s := newLimited(t, 100, "a", "b")
	busy := map[string]float64{"a": 100, "b": 100}
	if parts := s.settle(busy); parts != nil {
		t.Fatalf("%+v for the same demand on each", parts)
	}
	s.budget.coming = 2
	if parts := s.settle(busy); parts == nil || parts.Pods["a"]+parts.Pods["b"] < 99 {
		t.Errorf("while others start: %+v", parts)
	}
	s.budget.coming, s.budget.Serving = 0, []string{"a", "b", "c", "d"}
	s.force["c"], s.force["d"] = 0.1, 0.1
	for name, demand := range map[string]map[string]float64{
		"before anything is known of them": busy, "while nobody asks them": {"a": 100, "b": 100, "c": 0, "d": 0},
	} {
		for range 3 {
			if parts := s.look(demand); parts.Pods["a"]+parts.Pods["b"] < 90 {
				t.Errorf("%s: %+v", name, parts)
			}
		}
	}
}

func TestDivisionTakesOverWhatIsInForce(t *testing.T) {
	left := map[string]float64{"a": 80, "b": 20}
	s := newLimited(t, 100, "a", "b")
	s.force = maps.Clone(left)
	s.division.takeOver(s.now, s.budget, InForce{Parts: maps.Clone(left), Newcomer: 0.1})
	if parts := s.look(map[string]float64{"a": 75, "b": 15}); parts == nil || parts.Pods["a"] != 80 {
		t.Errorf("a division that serves well was changed: %+v", parts)
	}
	s.settle(map[string]float64{"a": 15, "b": 75})
	if s.force["b"] < 73 {
		t.Errorf("after the demand moved: %v", s.force)
	}
}

func TestNoSharedLimitNoParts(t *testing.T) {
	var d Division
	if parts := d.Next(epoch, Budget{Serving: []string{"a", "b"}, Confirmed: true}, map[string]float64{"a": 5, "b": 1000}); parts != nil {
		t.Errorf("%+v", parts)
	}
}

func TestAChangedLimitReachesUnevenParts(t *testing.T) {
	for _, total := range []float64{40, 400} {
		t.Run(fmt.Sprint(total), func(t *testing.T) {
			s := newLimited(t, 100, "a", "b")
			demand := map[string]float64{"a": 75 * total / 100, "b": 15 * total / 100}
			s.settle(map[string]float64{"a": 75, "b": 15})
			s.budget.Total = total
			if total < 100 { // until they confirmed, the pods admit what they had
				for pod, part := range s.force {
					s.force[pod] = part * total / 100
				}
			}
			parts := s.settle(demand)
			if parts == nil || parts.Pods["a"] < 0.73*total {
				t.Errorf("%+v of %g", parts, total)
			}
		})
	}
}

// A lost round says nothing about the demand.
func TestALostRoundKeepsThePartsAsTheyAre(t *testing.T) {
	s := newLimited(t, 100, "a", "b")
	before := s.settle(map[string]float64{"a": 75, "b": 15})
	for range 25 { // rounds of two seconds
		if parts := s.look(nil); !same(before, parts) {
			t.Fatalf("%+v after a lost round, %+v before", parts, before)
		}
	}
	// A pod that comes meanwhile takes nothing of the others at once.
	s.budget.Serving = []string{"a", "b", "c"}
	s.force["c"] = before.Newcomer
	if parts := s.look(nil); parts.Pods["a"] < 0.6*before.Pods["a"] || parts.Pods["c"] <= 0 {
		t.Errorf("%+v when a pod came, %+v before", parts, before)
	}
}

func TestATakeoverKeepsThePartsUntilMoreIsKnown(t *testing.T) {
	left := map[string]float64{"a": 73.333, "b": 26.5}
	s := newLimited(t, 100, "a", "b")
	s.force = maps.Clone(left)
	s.division.takeOver(s.now, s.budget, InForce{Parts: maps.Clone(left), Newcomer: 0.1})
	s.budget.Confirmed = false
	for i := range 20 {
		s.budget.Confirmed = i > 2
		if parts := s.look(nil); parts == nil || !maps.Equal(parts.Pods, left) || parts.Newcomer != 0.1 {
			t.Fatalf("%+v at look %d, %v were found", parts, i, left)
		}
	}
}

// Parts of a former limit are known by their sum: what is found says nothing else of it.
func TestATakeoverAfterALimitWasLoweredShrinksThePartsAtOnce(t *testing.T) {
	for name, demand := range map[string]map[string]float64{
		"nothing is known": nil, "all is used": {"a": 300, "b": 100}, "little is used": {"a": 20, "b": 5},
	} {
		for _, total := range []float64{60, 239} {
			t.Run(fmt.Sprintf("%s, %g", name, total), func(t *testing.T) {
				left := map[string]float64{"a": 180, "b": 59.8}
				var d Division
				b := Budget{Total: total, Serving: []string{"a", "b"}, Measured: true}
				d.takeOver(epoch, b, InForce{Parts: maps.Clone(left), Newcomer: 0.24})
				for i := range 10 {
					b.Confirmed = i > 2
					parts := d.Next(epoch.Add(time.Duration(i)*2*time.Second), b, demand)
					sum := total // of equal ones
					if parts != nil {
						sum = sumOf(parts.Pods, b.Serving)
					}
					if sum > total*(1+newcomerLeast) {
						t.Fatalf("look %d: %+v, %g of %g", i, parts, sum, total)
					}
				}
			})
		}
	}
}

// Where nobody measures any more, the parts become equal in steps that never add up to more than the limit.
func TestUnevenPartsBecomeEqualWhenTuningIsSwitchedOff(t *testing.T) {
	s := newLimited(t, 100, "a", "b")
	s.settle(map[string]float64{"a": 75, "b": 15})
	s.budget.Measured = false
	if parts := s.look(nil); parts == nil || parts.Pods["b"] > 30 { // look itself watches the sum
		t.Fatalf("%+v at first, before the other has given anything back", parts)
	}
	for range 5 {
		if parts := s.look(nil); parts == nil {
			return
		}
	}
	t.Error("the parts did not become equal")
}

func TestThousandsOfPodsThatStartLeaveEverybodyAPart(t *testing.T) {
	for _, coming := range []int{0, 1, 100, 999, 1000, 1001, 5000, 9990} {
		for name, demand := range map[string]map[string]float64{
			"all is used": {"a": 150, "b": 50}, "much is unused": {"a": 55, "b": 5},
		} {
			s := newLimited(t, 100, "a", "b")
			s.settle(demand)
			s.budget.coming = coming
			if parts := s.settle(demand); parts != nil && !(parts.Newcomer > 0) { // look watches the others and the sum
				t.Errorf("%s, %d start: %+v", name, coming, parts)
			}
		}
	}
}
