// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import "math"

// Family is an autoscaler with a setting that trades bad seconds for cores. Nobody knows beforehand which setting suits a service under
// a load best; the search finds it, on the same seeds on which it is then judged, which favors the family.
type Family struct {
	// Contenders at the settings, the most generous first: each needs fewer cores than the one before, and has more bad seconds.
	Contenders []Contender
	// Anchor is the one that is simulated in any case, and where the search begins.
	Anchor int
}

// search finds by bisection the cheapest contender of a family that keeps the objective, and returns all results of those that were
// simulated with every seed, by contender and seed. Where the anchor does not keep it, the most generous setting is next, and where that
// does not either, no other is tried. A setting cheaper than the anchor is given up as soon as it is sure not to keep the objective; those
// more generous than the anchor are not, because they may have the fewest bad seconds all the same.
func (c Comparison) search(scenario Scenario, family Family, simulate func(Contender, uint64) Result) []Result {
	if len(family.Contenders) == 0 {
		return nil
	}
	allowed := 0.0
	for _, seed := range c.Seeds {
		allowed += (1 - scenario.Service.Percentile) * (math.Ceil(scenario.Shape(seed).Seconds) - warmUp)
	}
	complete := make([][]Result, len(family.Contenders))
	keeps := func(setting int, mayGiveUp bool) bool {
		var results []Result
		bad := 0
		for _, seed := range c.Seeds {
			if mayGiveUp && float64(bad) > allowed+1e-9 {
				return false
			}
			r := simulate(family.Contenders[setting], seed)
			bad += r.BadSeconds
			results = append(results, r)
		}
		complete[setting] = results
		return float64(bad) <= allowed+1e-9
	}
	low, high := 0, family.Anchor // the cheapest that is known to keep it, and the most generous that is known not to
	switch {
	case keeps(family.Anchor, false):
		low, high = family.Anchor, len(family.Contenders)
	case family.Anchor == 0 || !keeps(0, false):
		high = 0 // no setting does
	}
	for high-low > 1 {
		middle := (low + high) / 2
		if keeps(middle, middle > family.Anchor) {
			low = middle
		} else {
			high = middle
		}
	}
	var all []Result
	for _, results := range complete {
		all = append(all, results...)
	}
	return all
}
