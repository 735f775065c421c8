// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"fmt"
	"io"
	"math"
	"slices"
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
	// changes gradually, or of all if none is; CoresKnative likewise to the cheapest contender with a balancing of its own. Only those
	// scenarios count in which both keep the objective: CoresShapes are how many that are for CoresBest. CoresFloor is the largest ratio
	// to the cheapest contender that knows the load beforehand, of all scenarios in which both keep it.
	CoresBest, CoresKnative, CoresFloor float64
	CoresShapes                         int
	// CoresStock, CoresMinute, CoresAlone, and CoresClairvoyant are ratios of the sums over all scenarios, whether the objective is kept or not: to
	// the autoscaler that most services have, to the same with a scale-down window of a minute, to the operator whose pods do not share their
	// queue, and to the clairvoyant.
	CoresStock, CoresMinute, CoresAlone, CoresClairvoyant float64
	// AloneBest, AloneKnative, AloneStock, and AloneMinute are CoresBest, CoresKnative, CoresStock, and CoresMinute of the operator whose pods do not
	// share their queue: what deciding gains without the better balancing. AloneBest and AloneKnative count the scenarios in which that one and
	// who it is compared with keep the objective.
	AloneBest, AloneKnative, AloneStock, AloneMinute float64
	// KeptBoth counts the scenarios in which the operator and a rival keep the objective, KeptOurs and KeptRival those in which only the
	// operator or only a rival does, KeptNone the others.
	KeptBoth, KeptOurs, KeptRival, KeptNone int
	// KeptFloor counts the scenarios that a contender keeps who knows the load beforehand, and the operator does not.
	KeptFloor int
	// MoreBad counts the scenarios in which each run of the operator has more bad seconds than any of the best rival's, MoreLost likewise for lost
	// requests, so that the ranges of the seeds do not meet. What counts as none in BadRatio and LostRatio does here.
	MoreBad, MoreLost int
}

// ScenarioVerdict is the comparison in one scenario.
type ScenarioVerdict struct {
	Name string
	// Kept says that the operator keeps the objective.
	Kept bool
	// Ours are the operator's figures. Best is the rival with the fewest bad seconds, of those the cheapest; LeastLost the rival with
	// the fewest lost requests; Cheapest, CheapestOwn and CheapestFloor the cheapest that keep the objective, of the rivals, of those with
	// a balancing of their own, and of those that know the load beforehand; Stock the autoscaler that most services have, Minute
	// the same with a scale-down window of a minute; Alone the operator whose pods do not share their queue; Bound the clairvoyant. nil where
	// there is none.
	Ours, Best, LeastLost, Cheapest, CheapestOwn, CheapestFloor, Stock, Minute, Alone, Bound *Row
	// BadRatio is of bad seconds to those of Best, of which one counts as none. LostRatio is of lost requests to those of LeastLost,
	// of which one in a hundred thousand counts as none.
	BadRatio, LostRatio float64
	// Cores, CoresOwn and CoresFloor are ratios of core-seconds to Cheapest, CheapestOwn and CheapestFloor; NaN unless the operator keeps the
	// objective too: cores that were saved by breaking it are no gain.
	Cores, CoresOwn, CoresFloor float64
	// AloneCores and AloneOwn are Alone's ratios of core-seconds to Cheapest and CheapestOwn; NaN unless Alone keeps the objective, too.
	AloneCores, AloneOwn float64
}

// lostGrain is the share of requests below which lost ones do not tell contenders apart.
const lostGrain = 1e-5

// Judge compares rows; gradual tells for which scenarios CoresBest and CoresKnative are.
func Judge(rows []Row, gradual func(scenario string) bool) Verdict {
	var v Verdict
	var ours, stock, minute, alone, bound float64
	for from := 0; from < len(rows); {
		to := from
		for to < len(rows) && rows[to].Scenario == rows[from].Scenario {
			to++
		}
		s := judgeScenario(rows[from:to])
		v.Scenarios = append(v.Scenarios, s)
		v.Seeds = max(v.Seeds, runs(s.Ours))
		ours, stock, alone, bound = ours+cores(s.Ours), stock+cores(s.Stock), alone+cores(s.Alone), bound+cores(s.Bound)
		minute += cores(s.Minute)
		from = to
	}
	v.CoresStock, v.CoresMinute, v.CoresAlone, v.CoresClairvoyant = ratio(ours, stock), ratio(ours, minute), ratio(ours, alone), ratio(ours, bound)
	v.AloneStock, v.AloneMinute = ratio(alone, stock), ratio(alone, minute)
	anyGradual := slices.ContainsFunc(v.Scenarios, func(s ScenarioVerdict) bool { return gradual(s.Name) })
	nan := math.NaN()
	v.WorstBad, v.WorstLost, v.CoresFloor = nan, nan, nan
	v.CoresBest, v.CoresKnative, v.AloneBest, v.AloneKnative = nan, nan, nan, nan
	for _, s := range v.Scenarios {
		v.count(s)
		v.WorstBad, v.WorstLost = larger(v.WorstBad, s.BadRatio), larger(v.WorstLost, s.LostRatio)
		v.CoresFloor = larger(v.CoresFloor, s.CoresFloor)
		if anyGradual && !gradual(s.Name) {
			continue
		}
		v.CoresBest, v.CoresKnative = larger(v.CoresBest, s.Cores), larger(v.CoresKnative, s.CoresOwn)
		v.AloneBest, v.AloneKnative = larger(v.AloneBest, s.AloneCores), larger(v.AloneKnative, s.AloneOwn)
		if !math.IsNaN(s.Cores) {
			v.CoresShapes++
		}
	}
	return v
}

// count who keeps the objective in a scenario.
func (v *Verdict) count(s ScenarioVerdict) {
	switch rival := s.Cheapest != nil; {
	case s.Kept && rival:
		v.KeptBoth++
	case s.Kept:
		v.KeptOurs++
	case rival:
		v.KeptRival++
	default:
		v.KeptNone++
	}
	if !s.Kept && s.CheapestFloor != nil {
		v.KeptFloor++
	}
	if s.Ours == nil || s.Best == nil {
		return
	}
	if s.Ours.BadFrom > max(s.Best.BadTo, 1) {
		v.MoreBad++
	}
	if float64(s.Ours.LostFrom) > max(float64(s.LeastLost.LostTo), lostGrain*perRun(s.Ours.Requests, s.Ours)) {
		v.MoreLost++
	}
}

func judgeScenario(rows []Row) ScenarioVerdict {
	nan := math.NaN()
	s := ScenarioVerdict{Name: rows[0].Scenario, BadRatio: nan, LostRatio: nan, Cores: nan, CoresOwn: nan, CoresFloor: nan, AloneCores: nan, AloneOwn: nan}
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
			switch r.Contender {
			case StockName:
				s.Stock = r
			case StockMinuteName:
				s.Minute = r
			}
		case OwnBalancing:
			s.CheapestOwn = cheaper(s.CheapestOwn, r)
		case Foreknowing:
			s.CheapestFloor = cheaper(s.CheapestFloor, r)
		case OursAlone:
			s.Alone = r
		case Bound:
			s.Bound = r
		}
	}
	if s.Ours == nil {
		return s
	}
	if s.Best != nil {
		s.BadRatio = ratio(float64(s.Ours.BadSeconds), math.Max(float64(s.Best.BadSeconds), 1))
		s.LostRatio = ratio(float64(s.Ours.Lost), math.Max(float64(s.LeastLost.Lost), math.Max(lostGrain*float64(s.Ours.Requests), 1)))
	}
	if s.Alone != nil && s.Alone.Keeps() {
		s.AloneCores, s.AloneOwn = ratio(cores(s.Alone), cores(s.Cheapest)), ratio(cores(s.Alone), cores(s.CheapestOwn))
	}
	if s.Kept {
		mine := cores(s.Ours)
		s.Cores, s.CoresOwn, s.CoresFloor = ratio(mine, cores(s.Cheapest)), ratio(mine, cores(s.CheapestOwn)), ratio(mine, cores(s.CheapestFloor))
	}
	return s
}

// cores and runs of a row, 0 without one.
func cores(r *Row) float64 {
	if r == nil {
		return 0
	}
	return r.CoreSeconds
}

func runs(r *Row) int {
	if r == nil {
		return 0
	}
	return r.Runs
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

// Summary prints a line for each scenario as Markdown: means of a run, and ratios of core-seconds.
func (v Verdict) Summary(to io.Writer) error {
	var b strings.Builder
	b.WriteString("| scenario | bad seconds | fewest of a rival | lost | fewest of a rival | cores: cheapest rival that keeps the objective | ÷ it | pods alone ÷ it | ÷ Knative | pods alone ÷ Knative | cheapest minReplicas that keeps it | ÷ it | ÷ CPU 50% | ÷ pods alone | ÷ clairvoyant |\n" +
		"|---|---:|---:|---:|---:|---|---:|---:|---:|---:|---|---:|---:|---:|---:|\n")
	for _, s := range v.Scenarios {
		if s.Ours == nil || s.Best == nil {
			fmt.Fprintf(&b, "| %s | nothing to compare |\n", s.Name)
			continue
		}
		kept := ""
		if !s.Kept {
			kept = " (not kept)"
		}
		fmt.Fprintf(&b, "| %s | %s%s | %s, %s | %s | %s, %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", s.Name,
			s.Ours.badOfARun(), kept, s.Best.badOfARun(), s.Best.Contender,
			s.Ours.lostOfARun(), s.LeastLost.lostOfARun(), s.LeastLost.Contender,
			nameOf(s.Cheapest), readableRatio(s.Cores), readableRatio(s.AloneCores), readableRatio(s.CoresOwn), readableRatio(s.AloneOwn),
			nameOf(s.CheapestFloor), readableRatio(s.CoresFloor),
			readableRatio(ratio(cores(s.Ours), cores(s.Stock))), readableRatio(ratio(cores(s.Ours), cores(s.Alone))),
			readableRatio(ratio(cores(s.Ours), cores(s.Bound))))
	}
	fmt.Fprintf(&b, "\nThe objective is kept by the operator and a rival in %d scenarios, by the operator alone in %d, by a rival alone in %d%s, by nobody in %d.\n"+
		"Each of the operator's runs has more bad seconds than any of the best rival's in %d scenarios, and more lost requests in %d.\n",
		v.KeptBoth, v.KeptOurs, v.KeptRival, v.lost(), v.KeptNone, v.MoreBad, v.MoreLost)
	_, err := io.WriteString(to, b.String())
	return err
}

// lost are the names of the scenarios that only a rival keeps.
func (v Verdict) lost() string {
	var names []string
	for _, s := range v.Scenarios {
		if !s.Kept && s.Cheapest != nil {
			names = append(names, s.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return " (" + strings.Join(names, "; ") + ")"
}

func nameOf(r *Row) string {
	if r == nil {
		return "none"
	}
	return r.Contender
}

// badOfARun are the bad seconds of a run: the mean, and the fewest and the most.
func (r *Row) badOfARun() string {
	return fmt.Sprintf("%.1f (%d–%d)", perRun(r.BadSeconds, r), r.BadFrom, r.BadTo)
}

// lostOfARun are the lost requests likewise.
func (r *Row) lostOfARun() string {
	return fmt.Sprintf("%.0f (%d–%d)", perRun(r.Lost, r), r.LostFrom, r.LostTo)
}

func readableRatio(r float64) string {
	if math.IsNaN(r) {
		return "–"
	}
	return fmt.Sprintf("%.2f", r)
}

func perRun(n int, r *Row) float64 { return float64(n) / float64(max(r.Runs, 1)) }

// String is the last line of `make sim`.
func (v Verdict) String() string {
	return fmt.Sprintf("RESULT sim shapes=%d seeds=%d worst_bad_ratio=%.2f worst_lost_ratio=%.2f core_seconds_ratio_best=%.2f "+
		"core_seconds_ratio_knative=%.2f core_seconds_ratio_cpu50=%.2f core_seconds_ratio_cpu50_minute=%.2f core_seconds_ratio_alone=%.2f core_seconds_ratio_clairvoyant=%.2f "+
		"core_seconds_ratio_best_alone=%.2f core_seconds_ratio_knative_alone=%.2f core_seconds_ratio_cpu50_alone=%.2f core_seconds_ratio_cpu50_minute_alone=%.2f "+
		"core_seconds_shapes=%d core_seconds_ratio_minreplicas=%.2f kept_both=%d kept_ours=%d kept_rival=%d kept_none=%d kept_minreplicas=%d more_bad=%d more_lost=%d",
		len(v.Scenarios), v.Seeds, v.WorstBad, v.WorstLost, v.CoresBest, v.CoresKnative, v.CoresStock, v.CoresMinute, v.CoresAlone, v.CoresClairvoyant,
		v.AloneBest, v.AloneKnative, v.AloneStock, v.AloneMinute, v.CoresShapes, v.CoresFloor, v.KeptBoth, v.KeptOurs, v.KeptRival, v.KeptNone, v.KeptFloor, v.MoreBad, v.MoreLost)
}
