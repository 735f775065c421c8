// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestDivide(t *testing.T) {
	for name, c := range map[string]struct {
		pods   []string
		demand map[string]float64
		want   map[string]float64
	}{
		"by demand":          {[]string{"a", "b"}, map[string]float64{"a": 300, "b": 100}, map[string]float64{"a": 10 + 735, "b": 10 + 245}},
		"a figure missing":   {[]string{"a", "b"}, map[string]float64{"a": 300}, map[string]float64{"a": 500, "b": 500}},
		"no demand":          {[]string{"a", "b"}, map[string]float64{"a": 0, "b": 0}, map[string]float64{"a": 500, "b": 500}},
		"an idle pod":        {[]string{"a", "b"}, map[string]float64{"a": 10, "b": 0}, map[string]float64{"a": 990, "b": 10}},
		"no pods":            {nil, nil, map[string]float64{}},
		"figures of strange": {[]string{"a"}, map[string]float64{"z": 9}, map[string]float64{"a": 1000}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, Divide(1000, c.pods, c.demand), cmpopts.EquateApprox(1e-9, 0)); diff != "" {
				t.Errorf("parts (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGrowthWaitsUntilOthersHaveShrunk(t *testing.T) {
	var s Shares
	demand := map[string]float64{"a": 500, "b": 500}
	s.Next(Round{Total: 1000, Pods: []string{"a", "b"}, Demand: demand})
	skewed := map[string]float64{"a": 900, "b": 300}
	first := s.Next(Round{Total: 1000, Pods: []string{"a", "b"}, Demand: skewed, Confirmed: true})
	if first["a"] != 500 || first["b"] >= 500 {
		t.Errorf("at first b must give back and a stay: %v", first)
	}
	waiting := s.Next(Round{Total: 1000, Pods: []string{"a", "b"}, Demand: skewed})
	if waiting["a"] != 500 {
		t.Errorf("a grew before b confirmed: %v", waiting)
	}
	second := s.Next(Round{Total: 1000, Pods: []string{"a", "b"}, Demand: skewed, Confirmed: true})
	if second["a"] <= 500 || second["a"]+second["b"] < usedWell*1000 {
		t.Errorf("a did not get what b gave back: %v", second)
	}
}

// Whoever uses its part loses little of it at once: what is on its way is admitted by nobody.
func TestPartsInUseMoveGently(t *testing.T) {
	var s Shares
	pods := []string{"a", "b"}
	last := s.Next(Round{Total: 1000, Pods: pods, Demand: map[string]float64{"a": 1000, "b": 1000}})
	skewed := map[string]float64{"a": 3000, "b": 1000}
	for range 100 {
		next := s.Next(Round{Total: 1000, Pods: pods, Demand: skewed, Confirmed: true})
		if taken := last["b"] - next["b"]; taken > moved*1000+1e-9 {
			t.Fatalf("%v taken at once from a pod that uses it", taken)
		}
		last = next
	}
	if missing := 750 - last["a"]; missing > unfair*1000 {
		t.Errorf("in the end %v, %v short of its due", last, missing)
	}
}

func TestGoodSharesStay(t *testing.T) {
	var s Shares
	pods := []string{"a", "b"}
	before := s.Next(Round{Total: 1000, Pods: pods, Demand: map[string]float64{"a": 100, "b": 100}})
	after := s.Next(Round{Total: 1000, Pods: pods, Demand: map[string]float64{"a": 400, "b": 20}, Confirmed: true})
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("nothing is refused, yet parts moved:\n%s", diff)
	}
}

// However pods come and go, whatever they confirm and however demand and budget move: the sum of the highest parts that may
// be in force never exceeds the budget, unless the budget itself was lowered and the pods have not confirmed that yet.
func TestSharesNeverExceedTheBudget(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		var s Shares
		total := 1000.0
		inForce := map[string]float64{} // of each pod: the highest of what it may run
		latest := map[string]float64{}
		pods := []string{"p0", "p1"}
		started := len(pods)
		for step := range 100 {
			switch random.IntN(6) {
			case 0:
				pods = append(pods, fmt.Sprintf("p%d", started))
				started++
			case 1:
				if len(pods) > 1 {
					at := random.IntN(len(pods))
					delete(inForce, pods[at])
					delete(latest, pods[at])
					pods = append(pods[:at:at], pods[at+1:]...)
				}
			}
			demand := map[string]float64{}
			for _, pod := range pods {
				if random.IntN(10) > 0 {
					demand[pod] = random.ExpFloat64() * 400
				}
			}
			confirmed := random.IntN(2) == 0
			if confirmed {
				maps.Copy(inForce, latest)
			}
			latest = s.Next(Round{Total: total, Pods: pods, Demand: demand, Confirmed: confirmed})
			sum := 0.0
			for _, pod := range pods {
				inForce[pod] = max(inForce[pod], latest[pod])
				sum += inForce[pod]
			}
			if sum > total*(1+1e-9) {
				t.Fatalf("seed %d, step %d: %v may be in force together, the budget is %v", seed, step, sum, total)
			}
		}
		// Left alone, they converge to the whole budget.
		demand := map[string]float64{}
		for _, pod := range pods {
			demand[pod] = 100 + random.Float64()*5000
		}
		var last map[string]float64
		for range 200 { // a hundredth in each
			last = s.Next(Round{Total: total, Pods: pods, Demand: demand, Confirmed: true})
		}
		sum := 0.0
		for _, part := range last {
			sum += part
		}
		if sum < handedOut*total-1e-6 {
			t.Errorf("seed %d: only %v of %v handed out in the end", seed, sum, total)
		}
	}
}

func TestPartsBeyondTheTotalAreNotGood(t *testing.T) {
	found := map[string]float64{"a": 180, "b": 60}
	for name, demand := range map[string]map[string]float64{"all is used": {"a": 300, "b": 100}, "little is used": {"a": 20, "b": 5}} {
		s := Shares{granted: maps.Clone(found), given: maps.Clone(found), total: 60}
		if next := s.Next(Round{Total: 60, Pods: []string{"a", "b"}, Demand: demand}); next["a"]+next["b"] > 60*(1+newcomerLeast) {
			t.Errorf("%s: %v of 60", name, next)
		}
	}
}
