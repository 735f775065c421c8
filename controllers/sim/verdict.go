// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"fmt"
	"math"
	"strings"
)

// Verdict compares this operator with the others. A ratio below 1 speaks for the operator; NaN says that there was nothing to
// compare with.
type Verdict struct {
	Scenarios []ScenarioVerdict
	Seeds     int
	// WorstBad is the largest BadRatio of all scenarios, WorstLost the largest LostRatio.
	WorstBad, WorstLost float64
	// CoresBest is the largest ratio of core-seconds to the cheapest rival that keeps the objective, of the scenarios whose load
	// changes gradually, or of all if none is; CoresKnative likewise to the cheapest contender with a balancing of its own.
	CoresBest, CoresKnative float64
	// CoresStock and CoresClairvoyant are ratios of the sums over all scenarios.
	CoresStock, CoresClairvoyant float64
}

// ScenarioVerdict is the comparison in one scenario.
type ScenarioVerdict struct {
	Name string
	// Kept says that the operator keeps the objective.
	Kept bool
	// Ours are the operator's figures. Best is the rival with the fewest bad seconds, of those the cheapest; LeastLost the rival with
	// the fewest lost requests; Cheapest and CheapestOwn the cheapest that keep the objective, of the rivals and of those with a
	// balancing of their own. nil where there is none.
	Ours, Best, LeastLost, Cheapest, CheapestOwn *Row
	// BadRatio is of bad seconds to those of Best, of which one counts as none. LostRatio is of lost requests to those of LeastLost,
	// of which one in a hundred thousand counts as none.
	BadRatio, LostRatio float64
	// Cores and CoresOwn are ratios of core-seconds to Cheapest and CheapestOwn.
	Cores, CoresOwn float64
}

// lostGrain is the share of requests below which lost ones do not tell contenders apart.
const lostGrain = 1e-5

// Judge compares rows; gradual tells for which scenarios CoresBest and CoresKnative are.
func Judge(rows []Row, gradual func(scenario string) bool) Verdict {
	v := Verdict{}
	sums := map[string]float64{}
	var ours float64
	for from := 0; from < len(rows); {
		to := from
		for to < len(rows) && rows[to].Scenario == rows[from].Scenario {
			to++
		}
		s := judgeScenario(rows[from:to])
		v.Scenarios = append(v.Scenarios, s)
		if s.Ours != nil {
			ours += s.Ours.CoreSeconds
			v.Seeds = max(v.Seeds, s.Ours.Runs)
		}
		for i := from; i < to; i++ {
			if r := &rows[i]; r.Role == Bound || r.Contender == StockName {
				sums[r.Contender] += r.CoreSeconds
				if r.Role == Bound {
					sums["bound"] += r.CoreSeconds
				}
			}
		}
		from = to
	}
	v.CoresStock, v.CoresClairvoyant = ratio(ours, sums[StockName]), ratio(ours, sums["bound"])
	anyGradual := false
	for _, s := range v.Scenarios {
		anyGradual = anyGradual || gradual(s.Name)
	}
	nan := math.NaN()
	v.WorstBad, v.WorstLost, v.CoresBest, v.CoresKnative = nan, nan, nan, nan
	for _, s := range v.Scenarios {
		v.WorstBad, v.WorstLost = larger(v.WorstBad, s.BadRatio), larger(v.WorstLost, s.LostRatio)
		if !anyGradual || gradual(s.Name) {
			v.CoresBest, v.CoresKnative = larger(v.CoresBest, s.Cores), larger(v.CoresKnative, s.CoresOwn)
		}
	}
	return v
}

func judgeScenario(rows []Row) ScenarioVerdict {
	nan := math.NaN()
	s := ScenarioVerdict{Name: rows[0].Scenario, BadRatio: nan, LostRatio: nan, Cores: nan, CoresOwn: nan}
	for i := range rows {
		r := &rows[i]
		switch r.Role {
		case Ours:
			s.Ours, s.Kept = r, r.Keeps()
		case Rival:
			if s.Best == nil || r.BadSeconds < s.Best.BadSeconds || r.BadSeconds == s.Best.BadSeconds && r.CoreSeconds < s.Best.CoreSeconds {
				s.Best = r
			}
			if s.LeastLost == nil || r.Lost < s.LeastLost.Lost {
				s.LeastLost = r
			}
			s.Cheapest = cheaper(s.Cheapest, r)
		case OwnBalancing:
			s.CheapestOwn = cheaper(s.CheapestOwn, r)
		case Bound:
		}
	}
	if s.Ours == nil {
		return s
	}
	if s.Best != nil {
		s.BadRatio = ratio(float64(s.Ours.BadSeconds), math.Max(float64(s.Best.BadSeconds), 1))
		s.LostRatio = ratio(float64(s.Ours.Lost), math.Max(float64(s.LeastLost.Lost), math.Max(lostGrain*float64(s.Ours.Requests), 1)))
	}
	if s.Cheapest != nil {
		s.Cores = ratio(s.Ours.CoreSeconds, s.Cheapest.CoreSeconds)
	}
	if s.CheapestOwn != nil {
		s.CoresOwn = ratio(s.Ours.CoreSeconds, s.CheapestOwn.CoreSeconds)
	}
	return s
}

// cheaper of two rows that keep the objective; one that does not is none.
func cheaper(best, r *Row) *Row {
	if !r.Keeps() || best != nil && best.CoreSeconds <= r.CoreSeconds {
		return best
	}
	return r
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return math.NaN()
	}
	return a / b
}

// larger of two numbers, of which NaN is none.
func larger(a, b float64) float64 {
	if math.IsNaN(a) || b > a {
		return b
	}
	return a
}

// String is a line for people: how the operator compares in the scenario.
func (s ScenarioVerdict) String() string {
	if s.Ours == nil || s.Best == nil {
		return s.Name + ": nothing to compare"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: bad seconds a run %.1f (%d–%d), fewest of a rival %.1f (%d–%d, %s)", s.Name,
		perRun(s.Ours.BadSeconds, s.Ours), s.Ours.BadFrom, s.Ours.BadTo,
		perRun(s.Best.BadSeconds, s.Best), s.Best.BadFrom, s.Best.BadTo, s.Best.Contender)
	if s.Ours.BadSeconds > s.Best.BadSeconds && perRun(s.Ours.BadSeconds, s.Ours) <= float64(s.Best.BadTo) {
		b.WriteString(", within its spread")
	}
	fmt.Fprintf(&b, "; lost %d and %d", s.Ours.Lost, s.LeastLost.Lost)
	if s.Cheapest != nil {
		fmt.Fprintf(&b, "; %.2f of the cores of the cheapest that keeps the objective (%s)", s.Cores, s.Cheapest.Contender)
	}
	if s.CheapestOwn != nil {
		fmt.Fprintf(&b, "; %.2f of those of %s", s.CoresOwn, s.CheapestOwn.Contender)
	}
	if !s.Kept {
		b.WriteString("; the operator does not keep the objective")
	}
	return b.String()
}

func perRun(n int, r *Row) float64 { return float64(n) / float64(max(r.Runs, 1)) }

// String is the last line of `make sim`.
func (v Verdict) String() string {
	return fmt.Sprintf("RESULT sim shapes=%d seeds=%d worst_bad_ratio=%.2f worst_lost_ratio=%.2f core_seconds_ratio_best=%.2f "+
		"core_seconds_ratio_knative=%.2f core_seconds_ratio_cpu50=%.2f core_seconds_ratio_clairvoyant=%.2f",
		len(v.Scenarios), v.Seeds, v.WorstBad, v.WorstLost, v.CoresBest, v.CoresKnative, v.CoresStock, v.CoresClairvoyant)
}
