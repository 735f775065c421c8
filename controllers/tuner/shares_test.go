// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestDivide(t *testing.T) {
	const kept, rest = keptShare * 1000 / 3, 2000.0 / 3 * (1 - keptShare)
	for name, c := range map[string]struct {
		pods   []string
		demand map[string]float64
		want   map[string]float64
	}{
		"by demand":               {[]string{"a", "b"}, map[string]float64{"a": 900, "b": 300}, map[string]float64{"a": 10 + 735, "b": 10 + 245}},
		"enough for both":         {[]string{"a", "b"}, map[string]float64{"a": 600, "b": 200}, map[string]float64{"a": 600 + 200*(0.375+0.25), "b": 200 + 200*(0.125+0.25)}},
		"one is not known":        {[]string{"a", "b"}, map[string]float64{"a": 300}, map[string]float64{"a": 500, "b": 500}},
		"one of three is not":     {[]string{"a", "b", "c"}, map[string]float64{"a": 900, "b": 300}, map[string]float64{"a": kept + rest*0.75, "b": kept + rest*0.25, "c": 1000.0 / 3}},
		"no demand":               {[]string{"a", "b"}, map[string]float64{"a": 0, "b": 0}, map[string]float64{"a": 500, "b": 500}},
		"an idle pod":             {[]string{"a", "b"}, map[string]float64{"a": 2000, "b": 0}, map[string]float64{"a": 990, "b": 10}},
		"no pods":                 {nil, nil, map[string]float64{}},
		"figures of strange pods": {[]string{"a"}, map[string]float64{"z": 9}, map[string]float64{"a": 1000}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, Divide(1000, c.pods, c.demand), cmpopts.EquateApprox(1e-9, 0)); diff != "" {
				t.Errorf("parts (-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever pods say: the parts are above 0 and add up to the budget, nobody who needs less than its part takes from others, and
// as long as anybody is short nothing is left unused but the little that every pod keeps.
func TestPartsAddUpToTheBudgetAndServe(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 0x5))
	for range 2000 {
		total, demand := 1000.0, map[string]float64{}
		var pods []string
		for i := range 1 + random.IntN(30) {
			pods = append(pods, fmt.Sprintf("p%02d", i))
			if random.IntN(10) > 0 {
				demand[pods[i]] = random.ExpFloat64() * []float64{1, 100, 1e19}[random.IntN(3)]
			}
		}
		parts, sum, admitted, wanted := Divide(total, pods, demand), 0.0, 0.0, 0.0
		for _, pod := range pods {
			if !(parts[pod] > 0) {
				t.Fatalf("%s gets %v of %v", pod, parts[pod], demand)
			}
			sum += parts[pod]
			admitted += min(parts[pod], demand[pod])
			wanted += demand[pod]
		}
		if math.Abs(sum-total) > 1e-6*total {
			t.Fatalf("%v of %v for %v", sum, total, demand)
		}
		if len(demand) == len(pods) && admitted < min(wanted, total)*(1-keptShare)-1e-6 {
			t.Fatalf("%v admitted of %v by %v for %v", admitted, wanted, parts, demand)
		}
	}
}

// A pod that exaggerates takes no more than all others together that need the limit.
func TestAPodThatExaggeratesGetsHalfAtMost(t *testing.T) {
	pods, demand := []string{"liar"}, map[string]float64{"liar": 1e20}
	for i := range 9 {
		pods = append(pods, fmt.Sprintf("p%d", i))
		demand[pods[i+1]] = 120
	}
	if got := Divide(1000, pods, demand)["liar"]; got > 500 {
		t.Errorf("a pod that says 1e20 gets %v of 1000", got)
	}
}

func TestGoodSharesStay(t *testing.T) {
	pods := []string{"a", "b"}
	for name, c := range map[string]struct {
		parts, demand map[string]float64
		want          bool
	}{
		"nothing is refused":                      {map[string]float64{"a": 500, "b": 500}, map[string]float64{"a": 400, "b": 20}, true},
		"one is short of what the other leaves":   {map[string]float64{"a": 500, "b": 500}, map[string]float64{"a": 600, "b": 20}, false},
		"a hair short":                            {map[string]float64{"a": 500, "b": 500}, map[string]float64{"a": 509, "b": 20}, true},
		"all is used, evenly":                     {map[string]float64{"a": 500, "b": 500}, map[string]float64{"a": 700, "b": 730}, true},
		"all is used, and 3 % are misplaced":      {map[string]float64{"a": 500, "b": 500}, map[string]float64{"a": 800, "b": 700}, false},
		"a pod without a part":                    {map[string]float64{"a": 1000}, map[string]float64{"a": 800}, false},
		"one below its part while the other asks": {map[string]float64{"a": 500, "b": 500}, map[string]float64{"a": 900, "b": 300}, false},
	} {
		if got := serve(c.parts, 1000, pods, c.demand, false); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
