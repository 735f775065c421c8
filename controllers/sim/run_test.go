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
		return func(uint64) Shape {
			return Shape{Name: "flat", Seconds: warmUp + 10, Rate: func(float64) float64 { return rate }}
		}
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
	c.Families = func(Scenario) []Family {
		return []Family{{Contenders: []Contender{{Name: "f", Role: Rival, Autoscaler: look}}}}
	}
	if again := c.Run(); len(again) != 18 || again[0].Contender != "f" || again[9].Scenario != "two" || again[9].Contender != "f" || again[9].Seed != 7 {
		t.Errorf("%d results with a family", len(again))
	}
	pools[FittedPool(Default())] -= 17
	// Each was told, and each that was simulated began with the pool to which the operator sizes pods.
	if len(done) != 6 || done["onea"] != 6 || done["onef"] != 3 || done["twoa"] != 6 || len(pools) != 1 || pools[FittedPool(Default())] != 11 {
		t.Errorf("told %v, pools %v", done, pools)
	}
}

// Every setting in whole percents is there, and what knows the load beforehand stands aside.
func TestFamiliesAreFrontiers(t *testing.T) {
	scenario := Scenario{Name: "high", Service: Default(), Shape: func(uint64) Shape {
		return Shape{Seconds: 500, Rate: func(at float64) float64 { return 600 + at }} // up to 1,100: four pods at 70 %
	}}
	for _, full := range []bool{false, true} {
		names := map[string]Role{}
		anchors := map[string]bool{}
		for _, family := range Families(scenario, []uint64{1}, full) {
			anchors[family.Contenders[family.Anchor].Name] = true
			for _, c := range family.Contenders {
				if _, twice := names[c.Name]; twice {
					t.Errorf("%s is there twice", c.Name)
				}
				names[c.Name] = c.Role
			}
		}
		for name, role := range map[string]Role{
			StockName: Rival, "HPA 64%, 60 s": Rival, "HPA 10%, 300 s": Rival, "HPA 80%, 60 s": Rival, "HPA on requests 71%, 60 s": Rival,
			"Knative 63%, activator by default": OwnBalancing, "Knative 64%, activator never": Rival, "Knative 64%, activator never, delay 300 s": Rival,
			"HPA 60%, 60 s, at least 3": Foreknowing, "HPA 60%, 60 s, at least 6": Foreknowing,
		} {
			if got, there := names[name]; !there || got != role {
				t.Errorf("%s: there %v, role %v", name, there, got)
			}
		}
		for _, name := range []string{"HPA 60%, 60 s, at least 2", "HPA 60%, 60 s, at least 7"} {
			if _, there := names[name]; there {
				t.Errorf("%s is there", name)
			}
		}
		// What pictures show is simulated in any case.
		for _, name := range []string{StockName, StockMinuteName, "Knative 60%, activator by default", "HPA on requests 60%, 60 s", "HPA 60%, 60 s, at least 4"} {
			if !anchors[name] {
				t.Errorf("%s is not where a search begins: %v", name, anchors)
			}
		}
		if _, always := names["Knative 60%, activator always"]; always != full {
			t.Errorf("full %v: activator always %v", full, always)
		}
	}
	fixed := Default()
	fixed.MaxReplicas = fixed.MinReplicas
	if f := floors(fixed, 1e4); len(f.Contenders) != 0 {
		t.Errorf("%d numbers of pods where there is no choice", len(f.Contenders))
	}
}

// A window in the name is a window in the autoscaler, and so are targets.
func TestContendersAreWhatTheirNamesSay(t *testing.T) {
	h := HPAContender(60, 45).Autoscaler(Default()).(*HPA)
	if h.Target != 0.6 || h.Down.Window != 45 || h.Up.Window != 0 {
		t.Errorf("%+v", h)
	}
	k := KnativeContender(50, ActivatorNever, 0).Autoscaler(Default()).(*KPA)
	near(t, "target", k.Target, concurrencyAt(0.5, Default()), 1e-9)
	if k.Delay != 0 || KnativeContender(50, ActivatorNever, 90).Autoscaler(Default()).(*KPA).Delay != 90 {
		t.Errorf("delay %v", k.Delay)
	}
	r := HPARequestsContender(60, 45).Autoscaler(Default()).(*HPA)
	if r.MilliRequestsPerPod() != 240_000 || r.Down.Window != 45 { // of 400 per second
		t.Errorf("%d requests, %+v", r.MilliRequestsPerPod(), r.Down)
	}
	if f := HPAFloorContender(7).Autoscaler(Default()).(*HPA); f.Floor != 7 || f.Target != 0.6 || f.Down.Window != 60 {
		t.Errorf("%+v", f)
	}
	if k.Activator != ActivatorNever || StockName != "HPA 50%, 300 s" || Operator().Role != Ours || Clairvoyant(70).Role != Bound {
		t.Errorf("%+v, %s", k, StockName)
	}
}
