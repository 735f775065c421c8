// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"slices"
	"sync"
	"testing"
)

// looking notes the pool that it finds.
type looking struct{ found func(Pool) }

func (l looking) Begin(w *World) {
	l.found(Pool{w.workers, w.depth, Default().Threshold / 2})
	if w.queueTimeout != 0.05 {
		l.found(Pool{})
	}
}

func TestAComparisonRunsAll(t *testing.T) {
	flat := func(rate float64) func(uint64) Shape {
		return func(uint64) Shape { return Shape{"flat", warmUp + 10, func(float64) float64 { return rate }} }
	}
	var mutex sync.Mutex
	pools, done := map[Pool]int{}, map[string]int{}
	look := func(Service) Autoscaler {
		return looking{func(p Pool) {
			mutex.Lock()
			defer mutex.Unlock()
			pools[p]++
		}}
	}
	c := Comparison{
		Scenarios:  []Scenario{{Name: "one", Service: Default(), Shape: flat(20)}, {Name: "two", Service: Default(), Shape: flat(30)}},
		Contenders: []Contender{{Name: "a", Role: Rival, Autoscaler: look}, {Name: "b", Role: Bound, Autoscaler: look}},
		Seeds:      []uint64{7, 8, 9},
		Known: func(scenario, contender string, seed uint64) (Result, bool) {
			return Result{Scenario: scenario, Contender: contender, Seed: seed, Lost: 99}, scenario == "two" && contender == "a" && seed == 8
		},
		Done: func(r Result) {
			mutex.Lock()
			defer mutex.Unlock()
			done[r.Scenario+r.Contender]++
		},
	}
	results := c.Run()
	var got []string
	for _, r := range results {
		got = append(got, r.Scenario+r.Contender+string(rune('0'+r.Seed)))
		known := r.Scenario == "two" && r.Contender == "a" && r.Seed == 8
		if known != (r.Lost == 99) || !known && (r.Seconds != 10 || r.Requests < 100 || r.Percentile != 0.99) {
			t.Errorf("%+v", r)
		}
	}
	if want := []string{"onea7", "onea8", "onea9", "oneb7", "oneb8", "oneb9", "twoa7", "twoa8", "twoa9", "twob7", "twob8", "twob9"}; !slices.Equal(got, want) {
		t.Errorf("results of %v", got)
	}
	// Each was told, and each that was simulated began with the pool to which the operator sizes pods.
	if len(done) != 4 || done["onea"] != 3 || done["twoa"] != 3 || len(pools) != 1 || pools[FittedPool(Default())] != 11 {
		t.Errorf("told %v, pools %v", done, pools)
	}
}

func TestOthersAreAFrontier(t *testing.T) {
	for _, full := range []bool{false, true} {
		names := map[string]Role{}
		for _, c := range Others(full) {
			if _, twice := names[c.Name]; twice {
				t.Errorf("%s is there twice", c.Name)
			}
			names[c.Name] = c.Role
		}
		for name, role := range map[string]Role{
			StockName: Rival, "HPA 60%, 300 s": Rival, "HPA 70%, 60 s": Rival, "HPA 50%, 60 s": Rival,
			"Knative 50%, activator by default": OwnBalancing, "Knative 60%, activator always": OwnBalancing, "Knative 70%, activator never": Rival,
		} {
			if got, there := names[name]; !there || got != role {
				t.Errorf("%s: there %v, role %v", name, there, got)
			}
		}
		if least := map[bool]int{false: 13, true: 30}[full]; len(names) < least {
			t.Errorf("%d contenders, want at least %d", len(names), least)
		}
	}
}

// A window in the name is a window in the autoscaler, and so are targets.
func TestContendersAreWhatTheirNamesSay(t *testing.T) {
	h := HPAContender(60, 45).Autoscaler(Default()).(*HPA)
	if h.Target != 0.6 || h.Down.Window != 45 || h.Up.Window != 0 {
		t.Errorf("%+v", h)
	}
	k := KnativeContender(50, ActivatorNever).Autoscaler(Default()).(*KPA)
	near(t, "target", k.Target, concurrencyAt(0.5, Default()), 1e-9)
	if k.Activator != ActivatorNever || StockName != "HPA 50%, 300 s" || Operator().Role != Ours || Clairvoyant(70).Role != Bound {
		t.Errorf("%+v, %s", k, StockName)
	}
}
