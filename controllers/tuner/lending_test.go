// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"maps"
	"math/rand/v2"
	"testing"
	"time"
)

// lender is a service of pods with equal parts of 1,000/s that are looked at every second.
type lender struct {
	lending            lending
	budget             Budget
	now                time.Time
	discarded, refused map[string]float64
}

func newLender(pods ...string) *lender {
	l := &lender{now: epoch, budget: Budget{Total: 1000, Serving: pods, Lends: true}, discarded: map[string]float64{}, refused: map[string]float64{}}
	for _, pod := range pods {
		l.discarded[pod], l.refused[pod] = 1e6, 1e6 // from before anybody looked
	}
	l.look(nil, nil)
	return l
}

func (l *lender) look(discarded, refused map[string]float64) map[string]int64 {
	l.now = l.now.Add(time.Second)
	for pod, more := range discarded {
		l.discarded[pod] += more
	}
	for pod, more := range refused {
		l.refused[pod] += more
	}
	usage := &Usage{At: l.now, Discarded: maps.Clone(l.discarded), Refused: maps.Clone(l.refused)}
	return l.lending.next(l.budget, usage, func(string) float64 { return l.budget.Total / float64(len(l.budget.Serving)) })
}

func totalOf(granted map[string]int64) (sum int64) {
	for _, total := range granted {
		sum += total
	}
	return sum
}

func TestWhatIsDiscardedIsLentOnce(t *testing.T) {
	for name, c := range map[string]struct {
		discarded, refused map[string]float64
		want               int64
	}{
		"at most what was discarded":              {map[string]float64{"a": 40}, map[string]float64{"b": 100, "c": 100}, 40},
		"at most what was refused":                {map[string]float64{"a": 100}, map[string]float64{"b": 30, "c": 30}, 60},
		"nothing that is not worth a write":       {map[string]float64{"a": 9}, map[string]float64{"b": 100}, 0},
		"nobody refused":                          {map[string]float64{"a": 100}, nil, 0},
		"nobody discarded":                        {nil, map[string]float64{"b": 100}, 0},
		"no more than a pod can have discarded":   {map[string]float64{"a": 1e18}, map[string]float64{"b": 1e18}, 275},
		"a pod that counts backwards has nothing": {map[string]float64{"a": -500}, map[string]float64{"b": 100}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLender("a", "b", "c", "d")
			if got := totalOf(l.look(c.discarded, c.refused)); got != c.want {
				t.Errorf("%d lent, want %d", got, c.want)
			}
			if got := totalOf(l.look(nil, nil)); got != c.want {
				t.Errorf("%d lent after a look at which nothing had happened", got)
			}
		})
	}
}

func TestALookThatIsLookedAtAgainLendsNothing(t *testing.T) {
	l := newLender("a", "b")
	usage := &Usage{At: l.now.Add(time.Second), Discarded: map[string]float64{"a": 1e6 + 50, "b": 1e6}, Refused: map[string]float64{"a": 1e6, "b": 1e6 + 50}}
	parts := func(string) float64 { return 500 }
	first := l.lending.next(l.budget, usage, parts)
	if again := l.lending.next(l.budget, usage, parts); first["b"] != 50 || !maps.Equal(first, again) {
		t.Errorf("%v, then %v", first, again)
	}
}

// What must not be written is not saved up either.
func TestNothingIsLentWhereItMayNot(t *testing.T) {
	l := newLender("a", "b")
	l.budget.Lends = false
	for range 10 {
		if got := l.look(map[string]float64{"a": 50}, map[string]float64{"b": 50}); len(got) > 0 {
			t.Fatalf("%v", got)
		}
	}
	l.budget.Lends = true
	if got := l.look(nil, map[string]float64{"b": 1000}); got["b"] > 50*int64(lendFor.Seconds()) {
		t.Errorf("%v after ten looks at which 50 were discarded", got)
	}
}

func TestFewPodsAreWrittenTo(t *testing.T) {
	l := newLender("a", "b", "c", "d", "e")
	granted := l.look(map[string]float64{"a": 20}, map[string]float64{"b": 50, "c": 40, "d": 30, "e": 20})
	if granted["b"] == 0 || granted["d"] > 0 || granted["e"] > 0 {
		t.Errorf("20 of 1,000/s are lent as %v", granted)
	}
}

// Another operator goes on with the totals that it finds, and with its own first look.
func TestATakeoverGrantsNothingTwice(t *testing.T) {
	l := newLender("a", "b")
	before := l.look(map[string]float64{"a": 50}, map[string]float64{"b": 50})
	l.lending = lending{}
	l.lending.takeOver(InForce{Granted: maps.Clone(before)})
	if got := l.look(nil, nil); !maps.Equal(got, before) {
		t.Errorf("%v became %v at the first look", before, got)
	}
	if got := l.look(map[string]float64{"a": 20}, map[string]float64{"b": 20}); got["b"] != before["b"]+20 {
		t.Errorf("%v became %v when 20 more were discarded", before, got)
	}
	l.lending.takeOver(InForce{Granted: map[string]int64{"a": -5, "b": 1 << 60}})
	if got := l.look(nil, nil); len(got) > 0 {
		t.Errorf("totals that cannot be were taken over: %v", got)
	}
}

// Whatever is counted: totals never fall while a pod exists, and all that is granted was discarded before.
func TestGrantsAreWhatWasDiscarded(t *testing.T) {
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 0x1e))
		l := newLender("a", "b", "c", "d")
		before, discarded := map[string]int64{}, 0.0
		for range 300 {
			more, refused := map[string]float64{}, map[string]float64{}
			for _, pod := range l.budget.Serving {
				more[pod] = random.ExpFloat64() * 20
				discarded += more[pod]
				refused[pod] = random.ExpFloat64() * 30
			}
			granted := l.look(more, refused)
			for pod, total := range before {
				if granted[pod] < total {
					t.Fatalf("seed %d: %v became %v", seed, before, granted)
				}
			}
			if float64(totalOf(granted)) > discarded {
				t.Fatalf("seed %d: %d granted of %g that were discarded", seed, totalOf(granted), discarded)
			}
			before = granted
		}
		if float64(totalOf(before)) < discarded/2 {
			t.Errorf("seed %d: only %d granted of %g", seed, totalOf(before), discarded)
		}
	}
}

func TestTotalsOfPodsThatAreGoneAreForgotten(t *testing.T) {
	l := newLender("a", "b", "c")
	l.look(map[string]float64{"a": 50}, map[string]float64{"b": 50})
	l.budget.Serving, l.budget.Unready = []string{"a", "c"}, []string{"b"}
	if got := l.look(nil, nil); got["b"] != 50 {
		t.Errorf("of a pod that is not ready: %v", got)
	}
	l.budget.Unready = nil
	if got := l.look(nil, nil); len(got) > 0 {
		t.Errorf("of a pod that is gone: %v", got)
	}
}
