// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"testing"
	"time"

	"goservice.dev/operator/controllers/plan"
)

func TestDivisionWaitsUntilPodsConfirmed(t *testing.T) {
	s := newLimited(t, 100, "a", "b")
	first := s.look(map[string]float64{"a": 90, "b": 5})
	s.budget.Confirmed = false
	for range 2 {
		if again := s.look(map[string]float64{"a": 5, "b": 90}); !same(first, again) {
			t.Fatalf("%+v while %+v is on its way", again, first)
		}
	}
	s.budget.Confirmed = true
	if next := s.look(map[string]float64{"a": 5, "b": 90}); same(first, next) {
		t.Error("nothing changed after the pods confirmed")
	}
}

// A pod that does not take its cut has what it had: whichever it is, all of them together must not stay above the limit.
func TestGrowthIsTakenBackWhereCutsAreNotConfirmed(t *testing.T) {
	s := newLimited(t, 100, "a", "b", "c")
	before := s.settle(map[string]float64{"a": 90, "b": 30, "c": 10})
	moved := s.look(map[string]float64{"a": 10, "b": 30, "c": 90})
	s.budget.Confirmed = false
	var parts *plan.Parts
	for range 4 {
		parts = s.look(map[string]float64{"a": 10, "b": 30, "c": 90})
	}
	for _, stuck := range s.budget.Serving {
		sum := before.Pods[stuck]
		for _, pod := range s.budget.Serving {
			if pod != stuck {
				sum += parts.Pods[pod]
			}
		}
		if sum > 100+1e-9 {
			t.Errorf("if %s keeps %g, %g are in force: %+v", stuck, before.Pods[stuck], sum, parts)
		}
	}
	s.budget.Confirmed = true
	if again := s.look(map[string]float64{"a": 10, "b": 30, "c": 90}); again.Pods["c"] < 0.97*moved.Pods["c"] {
		t.Errorf("%+v when all confirmed, %+v before", again, moved)
	}
}

// A pod that does not take its cut keeps what it had: pods that come then get what it and the others leave, which is more where
// it is known that the others took theirs.
func TestAStuckPodAndANewcomerStayWithinTheLimit(t *testing.T) {
	for name, c := range map[string]struct {
		unconfirmed []string
		least       float64
	}{"which is not known": {nil, 0}, "it alone": {[]string{"a"}, 10}} {
		t.Run(name, func(t *testing.T) {
			s := newLimited(t, 100, "a", "b")
			before := s.settle(map[string]float64{"a": 160, "b": 40})
			s.budget.Serving = []string{"a", "b", "c"}
			s.budget.Confirmed, s.budget.Unconfirmed = false, c.unconfirmed
			demand, since := map[string]float64{"a": 160, "b": 40, "c": 200}, s.now
			for range 30 {
				parts := s.look(demand)
				if s.now.Sub(since) < confirmTime+4*time.Second {
					continue
				}
				if sum := before.Pods["a"] + parts.Pods["b"] + parts.Pods["c"]; sum > 100.1 || parts.Pods["c"] < c.least {
					t.Fatalf("%s: a keeps %.1f, b has %.1f, c %.1f: %.1f of 100", s.now.Sub(since), before.Pods["a"], parts.Pods["b"], parts.Pods["c"], sum)
				}
			}
			s.budget.Confirmed = true
			if parts := s.settle(demand); parts.Pods["c"] < 40 {
				t.Errorf("when all confirmed: %+v", parts)
			}
		})
	}
}

// What a pod keeps is what it had before another one came, which is more than an equal part is now.
func TestAStuckPodKeepsItsPartOfFewerPods(t *testing.T) {
	var s Sharing
	now, demand := epoch, map[string]float64{"a": 10, "b": 10, "c": 200}
	b := Budget{Total: 100, Serving: []string{"a", "b"}, Wanted: 2, Measured: true, Confirmed: true}
	s.Next(now, b, nil)
	b.Serving, b.Wanted = []string{"a", "b", "c"}, 3
	divided := s.Next(now, b, &Usage{At: now, Demand: demand})
	if divided.Parts == nil || divided.Parts.Pods["a"] > 10 {
		t.Fatalf("%+v", divided.Parts)
	}
	b.Confirmed, b.Unconfirmed = false, []string{"a"}
	for range 5 {
		now = now.Add(2 * time.Second)
		divided = s.Next(now, b, &Usage{At: now, Demand: demand})
	}
	if parts := divided.Parts; parts == nil || 50+sumOf(parts.Pods, b.Serving[1:]) > 100+1e-9 {
		t.Errorf("a keeps the 50 of 100 that it had, and what is given is %+v", parts)
	}
}

// Equal parts are a cut as any other for the pod that had most.
func TestAStuckPodStaysWithinTheLimitWhenPartsBecomeEqual(t *testing.T) {
	s := newLimited(t, 100, "a", "b")
	before := s.settle(map[string]float64{"a": 160, "b": 40})
	little := map[string]float64{"a": 10, "b": 10}
	if parts := s.look(little); parts != nil {
		t.Fatalf("%+v, want equal parts", parts)
	}
	s.budget.Confirmed = false
	s.settle(little)
	if parts := s.settle(little); parts == nil || before.Pods["a"]+parts.Pods["b"] > 100+1e-9 {
		t.Fatalf("a keeps %.1f of 100, and what is given is %+v", before.Pods["a"], parts)
	}
	s.budget.Confirmed = true
	if parts := s.settle(little); parts != nil {
		t.Errorf("when all confirmed: %+v, want equal parts", parts)
	}
}

// However little more than an equal part a pod keeps: it is beyond the limit for as long as nobody gives that back.
func TestAStuckPodWithHardlyMoreThanAnEqualPartStaysWithinTheLimit(t *testing.T) {
	s := newLimited(t, 100, "a", "b")
	s.settle(map[string]float64{"a": 160, "b": 40})
	before := s.settle(map[string]float64{"a": 104, "b": 96})
	if part := before.Pods["a"]; part < 51 || part > 53 {
		t.Fatalf("%+v", before)
	}
	little := map[string]float64{"a": 10, "b": 10}
	s.look(little)
	s.budget.Confirmed = false
	s.settle(little)
	if parts := s.settle(little); parts == nil || before.Pods["a"]+parts.Pods["b"] > 100+1e-9 {
		t.Errorf("a keeps %.1f of 100, and what is given is %+v", before.Pods["a"], parts)
	}
}

// A pod that does not take more than it has is no reason to keep anything from the others.
func TestAStuckPodWithLittleTakesNothingFromTheOthers(t *testing.T) {
	s := newLimited(t, 100, "a", "b", "c")
	if before := s.settle(map[string]float64{"a": 210, "b": 60, "c": 30}); before.Pods["c"] > 20 {
		t.Fatalf("%+v", before)
	}
	little := map[string]float64{"a": 10, "b": 10, "c": 10}
	s.look(little)
	s.budget.Confirmed, s.budget.Unconfirmed = false, []string{"c"}
	for range 10 {
		if parts := s.settle(little); parts != nil {
			t.Fatalf("%+v, want equal parts", parts)
		}
	}
	if parts := s.settle(map[string]float64{"a": 10, "b": 170, "c": 10}); parts == nil || parts.Pods["b"] < 55 {
		t.Errorf("%+v where b has the demand", parts)
	}
}

// The others share what a pod leaves that does not take its cut, and go on to follow the demand: what one of them had no use for at
// first, it gets later.
func TestTheOthersShareWhatAStuckPodLeaves(t *testing.T) {
	s := newLimited(t, 100, "a", "b", "c")
	had := s.settle(map[string]float64{"a": 180, "b": 119, "c": 1}).Pods["a"]
	s.look(map[string]float64{"a": 1, "b": 298, "c": 1})
	s.budget.Confirmed, s.budget.Unconfirmed = false, []string{"a"}
	for _, demand := range []map[string]float64{
		{"a": 1, "b": 298, "c": 1}, {"a": 1, "b": 1, "c": 298}, {"a": 1, "b": 150, "c": 150}, {"a": 1, "b": 30, "c": 2}, {"a": 10, "b": 10, "c": 10},
	} {
		var parts *plan.Parts
		for range 10 {
			parts = s.look(demand)
		}
		if sum := had + parts.Pods["b"] + parts.Pods["c"]; sum > 100.1 || sum < 99 {
			t.Errorf("%v: a keeps %.1f, with %+v that is %.1f of 100", demand, had, parts, sum)
		}
		if b, c := parts.Pods["b"], parts.Pods["c"]; demand["c"] > 2*demand["b"] && c < 10*b || demand["b"] == demand["c"] && c < 0.97*b {
			t.Errorf("%v: %+v", demand, parts)
		}
		if demand["b"]+demand["c"] < 100-had && (parts.Pods["b"] < 0.97*demand["b"] || parts.Pods["c"] < demand["c"]) {
			t.Errorf("%v, for which there is enough beside %.1f: %+v", demand, had, parts)
		}
	}
}

// Pods that come and go one after the other give nobody back what a pod keeps that does not take its cut.
func TestAStuckPodStaysWithinTheLimitWhilePodsComeAndGo(t *testing.T) {
	s := newLimited(t, 100, "a", "b")
	had := s.settle(map[string]float64{"a": 160, "b": 40}).Pods["a"]
	s.budget.Measured = false
	s.look(nil)
	s.budget.Confirmed, s.budget.Unconfirmed = false, []string{"a"}
	since := s.now
	for i := range 40 {
		s.budget.Serving = [][]string{{"a", "b"}, {"a", "b", "c"}}[i/2%2]
		parts := s.look(nil)
		if s.now.Sub(since) < confirmTime {
			continue
		}
		if parts == nil {
			t.Fatalf("%s: equal parts, while a keeps %.1f of 100", s.now.Sub(since), had)
		}
		if sum := had + sumOf(parts.Pods, s.budget.Serving[1:]); sum > 100.1 {
			t.Fatalf("%s: a keeps %.1f, with %+v that is %.1f of 100", s.now.Sub(since), had, parts, sum)
		}
	}
}

// Where so many pods do not confirm that nobody knows what they keep, the others keep something, too.
func TestManyStuckPodsLeaveTheOthersWhatTheyHad(t *testing.T) {
	s := newLimited(t, 100, "a", "b", "c")
	s.settle(map[string]float64{"a": 210, "b": 60, "c": 30})
	s.look(map[string]float64{"a": 60, "b": 210, "c": 30})
	s.budget.Confirmed, s.budget.Unconfirmed = false, []string{"a", "b"}
	for range 20 {
		if parts := s.look(map[string]float64{"a": 60, "b": 210, "c": 30}); parts == nil || parts.Pods["c"] < 15 || parts.Pods["c"] > 20 {
			t.Fatalf("%+v", parts)
		}
	}
}

// A pod that does not confirm while shares are equal, as one that cannot be asked, does not keep them equal for good.
func TestAPodThatNeverConfirmsDoesNotKeepPartsEqual(t *testing.T) {
	s := newLimited(t, 100, "a", "b", "c")
	s.budget.Confirmed, s.budget.Unconfirmed = false, []string{"c"}
	demand := map[string]float64{"a": 90, "b": 5, "c": 5}
	if parts := s.look(demand); parts != nil {
		t.Fatalf("%+v before it has taken too long", parts)
	}
	var parts *plan.Parts
	for range 5 {
		parts = s.look(demand)
	}
	if parts == nil || parts.Pods["a"] < 50 {
		t.Fatalf("%+v", parts)
	}
	if sum := parts.Pods["a"] + parts.Pods["b"] + 100.0/3; sum > 100*(1+newcomerLeast) {
		t.Errorf("c may have an equal part, with %+v that is %.1f of 100", parts, sum)
	}
	s.budget.Serving, s.budget.Unconfirmed = []string{"a", "b"}, []string{"b"}
	s.look(demand)
	if _, kept := s.division.unsure["c"]; kept {
		t.Error("a pod that is gone is still in doubt")
	}
}

// Next says when a pod has taken too long to confirm, so that somebody looks then, whatever else is awaited.
func TestALookIsAskedForWhenAPodHasTakenTooLong(t *testing.T) {
	s := newLimited(t, 100, "a", "b")
	demand := map[string]float64{"a": 160, "b": 40}
	now := epoch
	parts, again := s.division.Next(now, s.budget, demand)
	if parts == nil || !again.Equal(now.Add(confirmTime)) {
		t.Fatalf("%+v, again at %s; want another look after %s", parts, again, confirmTime)
	}
	s.budget.Confirmed = false
	later := now.Add(confirmTime / 2)
	if _, again = s.division.Next(later, s.budget, demand); !again.Equal(now.Add(confirmTime)) {
		t.Errorf("while pods confirm, again at %s; want %s", again, now.Add(confirmTime))
	}
	if _, again = s.division.Next(now.Add(confirmTime), s.budget, demand); again.Before(now.Add(confirmTime)) && !again.IsZero() {
		t.Errorf("when they have taken too long, again at %s, which is past", again)
	}
}
