// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// handedOver is a service whose pods are asked at random as they were before another operator began to look at them.
type handedOver struct {
	random  *rand.Rand
	now     time.Time
	rate    map[string]float64
	counted map[string]float64
	sharing Sharing
	watch   Watch
	budget  Budget
	moves   int
}

func newHandedOver(seed uint64, rate map[string]float64, pods []string, total float64, found InForce) *handedOver {
	h := &handedOver{random: rand.New(rand.NewPCG(seed, 1)), now: epoch, rate: rate, counted: map[string]float64{}}
	h.budget = Budget{Total: total, Serving: pods, Wanted: len(pods), Measured: true, InForce: func() InForce { return found }}
	h.sharing.Next(h.now, h.budget, nil)
	h.budget.InForce, h.budget.Confirmed = nil, true
	return h
}

func (h *handedOver) look(after time.Duration) {
	h.now = h.now.Add(after)
	var reports []Report
	serving := map[string]bool{}
	for _, pod := range h.budget.Serving {
		mean := h.rate[pod] * after.Seconds()
		h.counted[pod] += math.Max(0, math.Round(mean+math.Sqrt(mean)*h.random.NormFloat64()))
		serving[pod] = true
		reports = append(reports, Report{Pod: pod, Counters: &Counters{Requests: h.counted[pod], StartSeconds: 1}})
	}
	h.watch.Observe(h.now, reports, serving)
	if usage := h.watch.Usage(); h.sharing.Moves(h.now, h.budget, usage) {
		h.moves++
		h.sharing.Next(h.now, h.budget, usage)
	}
}

// run looks as the measuring loop does.
func (h *handedOver) run(d time.Duration) {
	for end := h.now.Add(d); h.now.Before(end); {
		pause := time.Second
		if h.watch.Usage().Soon {
			pause = 200 * time.Millisecond
		}
		h.look(pause)
	}
}

// A restart or a hand-over moves nothing while the demand is what it was: below the limit and above it, divided equally or not.
func TestAnotherOperatorMovesNothing(t *testing.T) {
	for _, each := range []float64{10, 100} {
		for _, used := range []float64{0.6, 0.95, 1.05, 1.5} {
			for _, skew := range []float64{1, 3} {
				t.Run(fmt.Sprintf("%g/s each, %g used, %g:1", each, used, skew), func(t *testing.T) {
					moved := 0
					for seed := range uint64(20) {
						var pods []string
						rate, sum := map[string]float64{}, 0.0
						for i := range 10 {
							pod := fmt.Sprintf("p%d", i)
							pods, rate[pod] = append(pods, pod), 1
							if i%2 == 1 {
								rate[pod] = skew
							}
							sum += rate[pod]
						}
						total := 10 * each
						for pod := range rate {
							rate[pod] *= used * total / sum
						}
						found := InForce{Pods: 10, Newcomer: each}
						if skew > 1 {
							found = InForce{Parts: Divide(total, pods, maps.Clone(rate)), Newcomer: total * newcomerLeast}
						}
						h := newHandedOver(seed, rate, pods, total, found)
						h.run(30 * time.Second)
						moved += h.moves
					}
					if moved > 0 {
						t.Errorf("%d divisions in the first 30 s of 20 operators", moved)
					}
				})
			}
		}
	}
}

// What is clearly in the wrong place moves soon, though.
func TestAnotherOperatorMovesWhatIsInTheWrongPlace(t *testing.T) {
	pods := []string{"a", "b"}
	h := newHandedOver(1, map[string]float64{"a": 300, "b": 1500}, pods, 1000, InForce{Parts: map[string]float64{"a": 800, "b": 199}, Newcomer: 1})
	h.run(6 * time.Second)
	if got := h.sharing.division.given; got == nil || got.Pods["b"] < 700 {
		t.Errorf("%+v", got)
	}
}

// A pod that comes in the first seconds takes from the others in proportion: what these are asked is not known, what they have is.
func TestAPodThatComesAfterAHandOverLeavesTheOthersTheirProportion(t *testing.T) {
	h := newHandedOver(1, map[string]float64{"a": 900, "b": 300, "c": 300}, []string{"a", "b"}, 1000, InForce{Parts: map[string]float64{"a": 750, "b": 249}, Newcomer: 1})
	h.run(2 * time.Second)
	h.budget.Serving = []string{"a", "b", "c"}
	h.run(2 * time.Second)
	if got := h.sharing.division.given; got == nil || len(got.Pods) != 3 || got.Pods["a"] < 2.5*got.Pods["b"] {
		t.Errorf("%+v", got)
	}
}

func TestDivisionTakesOverWhatIsInForce(t *testing.T) {
	left := map[string]float64{"a": 80, "b": 20}
	s := newLimited(t, 100, "a", "b")
	s.division.takeOver(s.now, s.budget, InForce{Parts: maps.Clone(left), Newcomer: 0.1})
	if parts := s.look(map[string]float64{"a": 75, "b": 15}); parts == nil || parts.Pods["a"] != 80 {
		t.Errorf("a division that serves well was changed: %+v", parts)
	}
	if parts := s.look(map[string]float64{"a": 15, "b": 75}); parts == nil || parts.Pods["b"] < 75 {
		t.Errorf("after the demand moved: %+v", parts)
	}
}

func TestATakeoverKeepsThePartsUntilMoreIsKnown(t *testing.T) {
	left := map[string]float64{"a": 73.333, "b": 26.5}
	s := newLimited(t, 100, "a", "b")
	s.division.takeOver(s.now, s.budget, InForce{Parts: maps.Clone(left), Newcomer: 0.1})
	s.budget.Confirmed = false
	for i := range 20 {
		s.budget.Confirmed = i > 2
		if parts := s.look(nil); parts == nil || !maps.Equal(parts.Pods, left) || parts.Newcomer != 0.1 {
			t.Fatalf("%+v at look %d, %v were found", parts, i, left)
		}
	}
}

// Also where the limit was raised while nobody divided it: for a minute, what was found stays in force if nobody tells what it is asked.
func TestATakeoverAfterALimitWasRaisedKeepsThePartsForAMinute(t *testing.T) {
	left := map[string]float64{"a": 30, "b": 10}
	s := newLimited(t, 100, "a", "b")
	s.division.takeOver(s.now, s.budget, InForce{Parts: maps.Clone(left), Newcomer: 0.1})
	for range 29 { // rounds of two seconds
		if parts := s.look(nil); parts == nil || !maps.Equal(parts.Pods, left) {
			t.Fatalf("%+v after %s, %v were found", parts, s.now.Sub(epoch), left)
		}
	}
	if parts := s.look(nil); parts != nil {
		t.Errorf("%+v after a minute, want equal parts of the limit", parts)
	}
}

// Figures are rough for whoever takes over from another operator, and for nobody else.
func TestANewServiceIsDividedByFiguresAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		inForce func() InForce
		at      time.Duration
		moves   bool
	}{
		"nobody divided before":        {nil, 2 * time.Second, true},
		"nothing is found":             {func() InForce { return InForce{} }, 2 * time.Second, true},
		"another operator divided":     {func() InForce { return InForce{Pods: 2} }, 2 * time.Second, false},
		"another one, but long before": {func() InForce { return InForce{Pods: 2} }, time.Minute, true},
	} {
		t.Run(name, func(t *testing.T) {
			var s Sharing
			b := Budget{Total: 100, Serving: []string{"a", "b"}, Wanted: 2, Measured: true, Confirmed: true, InForce: c.inForce}
			s.Next(epoch, b, nil)
			at := epoch.Add(c.at)
			// 6 of 76 requests per second are turned away with equal parts, which is less than 10%.
			divided := s.Next(at, b, &Usage{At: at, Demand: map[string]float64{"a": 56, "b": 20}})
			if moved := divided.Parts != nil; moved != c.moves {
				t.Errorf("parts %+v", divided.Parts)
			}
		})
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
					parts, _ := d.Next(epoch.Add(time.Duration(i)*2*time.Second), b, demand)
					sum := total // of equal ones
					if parts != nil {
						sum = sumOf(parts.Pods, b.Serving)
					}
					if sum > total*(1+newcomerLeast) {
						t.Fatalf("look %d: %+v, %g of %g", i, parts, sum, total)
					}
					if demand == nil && (parts == nil || parts.Pods["a"] < 0.7*total) {
						t.Fatalf("look %d: %+v of %g, three quarters were found with a", i, parts, total)
					}
				}
			})
		}
	}
}
