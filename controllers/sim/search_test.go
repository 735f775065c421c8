// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
)

// graded is a family of which the contender i has i bad seconds of a hundred in each simulation, and its comparison.
func graded(anchor int, seeds int, bad func(setting int, seed uint64) int) (results []Result, simulated []string) {
	const settings = 60
	family := Family{Anchor: anchor}
	for i := range settings {
		family.Contenders = append(family.Contenders, Contender{Name: fmt.Sprint(i)})
	}
	scenario := Scenario{Name: "s", Service: Default(), Shape: func(uint64) Shape { return Shape{Seconds: warmUp + 1000} }}
	c := Comparison{Seeds: DevelopmentSeeds(seeds)}
	results = c.search(scenario, family, func(contender Contender, seed uint64) Result {
		simulated = append(simulated, contender.Name)
		setting, err := strconv.Atoi(contender.Name)
		if err != nil {
			panic(err)
		}
		return Result{Scenario: "s", Contender: contender.Name, Seed: seed, Percentile: 0.99, Seconds: 1000, BadSeconds: bad(setting, seed), CoreSeconds: float64(100 - setting)}
	})
	return results, simulated
}

// The search finds the cheapest setting that keeps the objective, whatever percent that is, from either side.
func TestTheSearchFindsTheCheapestThatKeeps(t *testing.T) {
	for boundary := range 60 {
		for _, anchor := range []int{0, 17, 35, 59} {
			results, simulated := graded(anchor, 3, func(setting int, _ uint64) int {
				if setting <= boundary {
					return 10 // of a thousand: just kept
				}
				return 11
			})
			var cheapest *Row
			rows := Rows(results)
			for i := range rows {
				cheapest = cheaper(cheapest, &rows[i])
				if rows[i].Runs != 3 {
					t.Fatalf("a row of %d of 3 seeds", rows[i].Runs)
				}
			}
			if cheapest == nil || cheapest.Contender != fmt.Sprint(boundary) {
				t.Errorf("boundary %d, from %d: %+v", boundary, anchor, cheapest)
			}
			if len(simulated) > 3*8 {
				t.Errorf("boundary %d, from %d: %d simulations", boundary, anchor, len(simulated))
			}
		}
	}
}

// A cheaper setting is given up once it cannot keep the objective; one that is more generous than the first is not, nor the first.
func TestTheSearchGivesUpOnlyWhatIsHopeless(t *testing.T) {
	results, simulated := graded(20, 3, func(setting int, seed uint64) int {
		if setting <= 20 {
			return 0
		}
		return 31 // of the first seed: more than all three may have together
	})
	if rows := Rows(results); len(rows) != 1 || rows[0].Contender != "20" {
		t.Errorf("rows %+v", rows)
	}
	for _, name := range simulated[3:] {
		if n := len(slices.DeleteFunc(slices.Clone(simulated), func(s string) bool { return s != name })); n != 1 {
			t.Errorf("%s was simulated %d times", name, n)
		}
	}
	results, simulated = graded(20, 3, func(int, uint64) int { return 500 })
	if rows := Rows(results); len(rows) != 2 || rows[0].Contender != "0" || rows[1].Contender != "20" || len(simulated) != 6 {
		t.Errorf("nothing keeps the objective: %d rows of %d simulations", len(rows), len(simulated))
	}
	results, simulated = graded(0, 3, func(int, uint64) int { return 500 })
	if rows := Rows(results); len(rows) != 1 || len(simulated) != 3 {
		t.Errorf("nothing keeps the objective, from the most generous on: %d rows of %d simulations", len(rows), len(simulated))
	}
	// It is the sum over all seeds that counts.
	results, _ = graded(0, 2, func(setting int, seed uint64) int { return map[uint64]int{1: 20, 2: 0}[seed] })
	if rows := Rows(results); !rows[len(rows)-1].Keeps() || rows[len(rows)-1].Contender != "59" {
		t.Errorf("20 bad seconds of 2,000 are kept: %+v", rows[len(rows)-1])
	}
	if none := (Comparison{}).search(Scenario{}, Family{}, nil); none != nil {
		t.Errorf("a family of nobody has %v", none)
	}
}
