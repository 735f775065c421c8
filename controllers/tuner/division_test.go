// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"fmt"
	"math"
	"testing"
	"time"

	"goservice.dev/operator/controllers/plan"
)

// limited is a service that is looked at every two seconds: what its pods are given must never add up to more than the budget.
type limited struct {
	t        *testing.T
	division Division
	budget   Budget
	changes  int
	now      time.Time
}

func newLimited(t *testing.T, total float64, pods ...string) *limited {
	return &limited{t: t, budget: Budget{Total: total, Serving: pods, Measured: true, Confirmed: true}, now: epoch}
}

func (s *limited) look(demand map[string]float64) *plan.Parts {
	s.t.Helper()
	before := s.division.given
	s.now = s.now.Add(2 * time.Second)
	parts, _ := s.division.Next(s.now, s.budget, demand)
	if !same(before, parts) {
		s.changes++
	}
	if parts == nil {
		return nil
	}
	for pod, part := range parts.Pods {
		if !(part > 0) {
			s.t.Fatalf("pod %s gets %g of %+v", pod, part, parts)
		}
	}
	if sum := sumOf(parts.Pods, s.budget.Serving); sum > s.budget.Total*(1+1e-9) {
		s.t.Fatalf("%g are given of %g: %+v", sum, s.budget.Total, parts)
	}
	return parts
}

func (s *limited) settle(demand map[string]float64) *plan.Parts {
	s.t.Helper()
	var parts *plan.Parts
	for range 5 {
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

// Whatever is misplaced moves in one look, cuts and growth together.
func TestDivisionFollowsDemandAtOnceAndComesBack(t *testing.T) {
	s := newLimited(t, 100, "a", "b")
	parts := s.look(map[string]float64{"a": 75, "b": 15})
	if parts == nil || parts.Pods["a"] < 75 || parts.Pods["b"] < 15 {
		t.Fatalf("for 75 and 15 of 100: %+v", parts)
	}
	s.look(map[string]float64{"a": 76, "b": 14})
	if s.changes != 1 {
		t.Errorf("%d changes for a demand that hardly changed", s.changes-1)
	}
	if parts = s.look(map[string]float64{"a": 10, "b": 95}); parts == nil || parts.Pods["b"] < 88 {
		t.Errorf("for 10 and 95 of 100: %+v", parts)
	}
	if parts := s.look(map[string]float64{"a": 20, "b": 15}); parts != nil {
		t.Errorf("when there is enough for all: %+v, want equal parts", parts)
	}
}

// Each division is a write to every pod: a demand that never stands still is followed every few seconds.
func TestDivisionsForTheDemandHaveASpacing(t *testing.T) {
	s := newLimited(t, 100, "a", "b")
	for i := range 600 {
		s.now = s.now.Add(100*time.Millisecond - 2*time.Second) // ten looks a second
		s.look(map[string]float64{"a": 90 - 80*float64(i%2), "b": 10 + 80*float64(i%2)})
	}
	if most := int(time.Minute/spacing) + 2; s.changes > most {
		t.Errorf("%d divisions in a minute, want %d at most", s.changes, most)
	}
}

// Looks are a second apart, and a reconcile divides a moment after one: the second look after that must find it due.
func TestADivisionIsDueAtTheSecondLook(t *testing.T) {
	s := newLimited(t, 100, "a", "b")
	s.look(map[string]float64{"a": 75, "b": 15})
	s.now = s.now.Add(-50 * time.Millisecond) // looks are two seconds apart here
	if parts := s.look(map[string]float64{"a": 15, "b": 75}); parts.Pods["b"] < 70 {
		t.Errorf("%+v", parts)
	}
}

// What is known of pods that have just come grows quickly, and the first division after that is by little.
func TestDivisionsAreCloserWhilePodsAreYoung(t *testing.T) {
	for _, young := range []bool{false, true} {
		s := newLimited(t, 100, "a", "b")
		s.look(map[string]float64{"a": 75, "b": 15})
		if young {
			s.budget.young = map[string]bool{"b": true}
		}
		s.now = s.now.Add(quickSpacing - 2*time.Second)
		parts := s.look(map[string]float64{"a": 15, "b": 75})
		if moved := parts.Pods["b"] > 70; moved != young {
			t.Errorf("%s after a division, young pods: %t: %+v", quickSpacing, young, parts)
		}
	}
}

// Pods that are expected can serve their first requests, and nobody gives anything up before they do.
func TestPodsThatStartHaveAnEqualPartToBeginWith(t *testing.T) {
	for name, demand := range map[string]map[string]float64{
		"all is used": {"a": 150, "b": 50}, "evenly": {"a": 60, "b": 60},
	} {
		t.Run(name, func(t *testing.T) {
			s := newLimited(t, 100, "a", "b")
			s.settle(demand)
			s.budget.coming = 2
			parts := s.settle(demand)
			if parts == nil || parts.Newcomer != 25 || parts.Pods["a"]+parts.Pods["b"] < 99.9 {
				t.Fatalf("while they start: %+v", parts)
			}
			s.budget.coming, s.budget.Serving = 0, []string{"a", "b", "c", "d"}
			if again := s.look(demand); !same(again, parts) {
				t.Errorf("when they serve and nothing is known of them yet: %+v", again)
			}
			silent := *s
			if again := silent.look(demand); again.Pods["c"] != 25 || again.Newcomer > 0.1 {
				t.Errorf("when nothing becomes known: %+v", again)
			}
			idle := *s
			if again := idle.look(map[string]float64{"a": demand["a"], "b": demand["b"], "c": 0, "d": 0}); again.Pods["a"]+again.Pods["b"] < 97 {
				t.Errorf("when nobody asks them: %+v", again)
			}
			half := map[string]float64{"a": demand["a"] / 2, "b": demand["b"] / 2, "c": demand["a"] / 2, "d": demand["b"] / 2}
			if again := s.look(half); again.Pods["a"] != again.Pods["c"] || again.Pods["b"] != again.Pods["d"] {
				t.Errorf("when half of the clients ask them: %+v", again)
			}
		})
	}
}

func TestNobodyElseMayComeUnseen(t *testing.T) {
	s := newLimited(t, 100, "a", "b")
	if parts := s.settle(map[string]float64{"a": 150, "b": 50}); parts.Newcomer > newcomerLeast*100 {
		t.Errorf("a pod that nobody expects gets %g", parts.Newcomer)
	}
}

func TestNoSharedLimitNoParts(t *testing.T) {
	var d Division
	if parts, _ := d.Next(epoch, Budget{Serving: []string{"a", "b"}, Confirmed: true}, map[string]float64{"a": 5, "b": 1000}); parts != nil {
		t.Errorf("%+v", parts)
	}
}

// What was known of a limit that is gone, or of pods that do not serve any more, says nothing of those that come.
func TestALimitThatHadNobodyToDivideItStartsEqually(t *testing.T) {
	for name, gone := range map[string]func(*Budget){
		"the limit is taken back": func(b *Budget) { b.Total = 0 },
		"no pod serves":           func(b *Budget) { b.Serving = nil },
	} {
		t.Run(name, func(t *testing.T) {
			s := newLimited(t, 100, "a", "b")
			s.settle(map[string]float64{"a": 75, "b": 15})
			before := s.budget
			gone(&s.budget)
			if parts := s.look(nil); parts != nil {
				t.Errorf("%+v of nothing", parts)
			}
			s.budget = before
			if parts := s.look(nil); parts != nil {
				t.Errorf("%+v, want equal parts", parts)
			}
		})
	}
}

func TestAChangedLimitReachesUnevenPartsAtOnce(t *testing.T) {
	for _, total := range []float64{40, 400} {
		for _, confirmed := range []bool{true, false} {
			t.Run(fmt.Sprint(total, confirmed), func(t *testing.T) {
				s := newLimited(t, 100, "a", "b")
				s.settle(map[string]float64{"a": 75, "b": 15})
				s.budget.Total, s.budget.Confirmed = total, confirmed
				parts := s.look(map[string]float64{"a": 75 * total / 100, "b": 15 * total / 100})
				if parts == nil || parts.Pods["a"] < 0.73*total {
					t.Errorf("%+v of %g", parts, total)
				}
			})
		}
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
	// A pod that comes meanwhile takes no more than an equal part.
	s.budget.Serving = []string{"a", "b", "c"}
	s.look(nil)
	if parts := s.look(nil); parts.Pods["a"] < 0.6*before.Pods["a"] || parts.Pods["c"] <= 0 {
		t.Errorf("%+v when a pod came, %+v before", parts, before)
	}
	for range 10 {
		s.look(nil)
	}
	if parts := s.look(nil); parts != nil {
		t.Errorf("%+v after a minute without figures, want equal parts", parts)
	}
}

// Nor do they where pods are expected, or are not any more, while nothing is known of the demand: what is written then for those
// that are to come moves nothing between the others.
func TestALostRoundKeepsThePartsWhilePodsAreExpected(t *testing.T) {
	s := newLimited(t, 200, "a", "b")
	before := s.settle(map[string]float64{"a": 180, "b": 60})
	for round := range 20 {
		s.budget.coming = round % 3
		parts := s.look(nil)
		for pod, part := range before.Pods {
			if math.Abs(parts.Pods[pod]-part) > 0.001 {
				t.Fatalf("%+v at lost round %d, %+v before", parts, round, before)
			}
		}
		if expected := s.budget.coming; expected > 0 && parts.Newcomer != 200/float64(2+expected) {
			t.Errorf("%+v for %d pods that are expected beside two", parts, expected)
		}
	}
}

func TestUnevenPartsBecomeEqualWhenTuningIsSwitchedOff(t *testing.T) {
	s := newLimited(t, 100, "a", "b")
	s.settle(map[string]float64{"a": 75, "b": 15})
	s.budget.Measured = false
	if parts := s.look(nil); parts != nil {
		t.Errorf("%+v, want equal parts", parts)
	}
}

func TestThousandsOfPodsThatStartLeaveEverybodyAPart(t *testing.T) {
	for _, coming := range []int{0, 1, 100, 999, 1000, 1001, 5000, 9990} {
		for name, demand := range map[string]map[string]float64{
			"all is used": {"a": 150, "b": 50}, "much is unused": {"a": 55, "b": 5},
		} {
			s := newLimited(t, 100, "a", "b")
			s.settle(demand)
			s.budget.coming = coming
			parts := s.settle(demand) // look watches the others and the sum
			if parts != nil && !(parts.Newcomer > 0 && float64(coming)*parts.Newcomer <= 100) {
				t.Errorf("%s, %d start: %+v", name, coming, parts)
			}
		}
	}
}

// Pods of a rollout come one after the other, and each division writes to all of them.
func TestPodsThatComeOneByOneAreDividedAmongTogether(t *testing.T) {
	s := newLimited(t, 1000, "p00", "p01")
	demand := map[string]float64{"p00": 900, "p01": 300}
	s.settle(demand)
	s.budget.coming = 40
	s.settle(demand)
	before := s.changes
	for i := range 40 {
		s.budget.Serving = append(s.budget.Serving, fmt.Sprintf("p%02d", i+2))
		s.budget.coming--
		s.now = s.now.Add(-1800 * time.Millisecond) // a fifth of a second later
		s.look(demand)
	}
	if divisions := s.changes - before; divisions > 15 {
		t.Errorf("%d divisions for 40 pods that come within 8 s", divisions)
	}
	if parts := s.settle(demand); len(parts.Pods) != 42 {
		t.Errorf("%d pods have a part in the end", len(parts.Pods))
	}
}
