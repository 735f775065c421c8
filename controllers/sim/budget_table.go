// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// WorstBudget holds the mean of the means and the counts, and the worst of everything else, of all seeds.
func WorstBudget(c BudgetCase, seeds []uint64) BudgetResult {
	var worst BudgetResult
	n := float64(len(seeds))
	for _, seed := range seeds {
		r := Budget(c, seed)
		worst.Mean += r.Mean / n
		worst.Divisions += r.Divisions / n
		worst.Writes += r.Writes / n
		worst.Under, worst.Over = min(worst.Under, r.Under), max(worst.Over, r.Over)
		worst.Above = max(worst.Above, r.Above)
		worst.ChangeUnder, worst.ChangeOver = min(worst.ChangeUnder, r.ChangeUnder), max(worst.ChangeOver, r.ChangeOver)
	}
	return worst
}

// BudgetCases are those that the table shows: ten pods with 100 requests per second of the limit each and with 10, which become
// twenty and ten again, and which lend each other tokens.
func BudgetCases() []BudgetCase {
	var cases []BudgetCase
	for _, perPod := range []float64{200, 20} { // 100 and 10 while there are twice as many
		for _, skew := range []float64{3, 10} {
			for _, demand := range []float64{1.05, 1.2, 1.5, 2, 3} {
				cases = append(cases, BudgetCase{Pods: 10, PerPod: perPod, Skew: skew, Demand: demand, Lend: true})
			}
		}
	}
	return cases
}

// DisturbedBudgetCases are those of the other table: what may go wrong beside, at one and a half times the limit, where pods lend each other
// tokens and where they do not.
func DisturbedBudgetCases() []BudgetCase {
	var cases []BudgetCase
	for _, perPod := range []float64{200, 20} {
		for _, lend := range []bool{true, false} {
			for _, disturbance := range []BudgetDisturbance{Undisturbed, Quiet, Restarted, StuckPod} {
				cases = append(cases, BudgetCase{Pods: 10, PerPod: perPod, Skew: 3, Demand: 1.5, Disturbance: disturbance, Lend: lend})
			}
			cases = append(cases, BudgetCase{Pods: 10, PerPod: perPod, Skew: 10, Demand: 1.5, Disturbance: LoudestLeave, Lend: lend})
		}
	}
	return cases
}

// stayingCases are of clients that stay with the pods that they know after the pods doubled: for a moment, until they find the others,
// or for long.
func stayingCases() []BudgetCase {
	var cases []BudgetCase
	for _, c := range BudgetCases() {
		if c.Skew == 3 && (c.Demand == 1.05 || c.Demand == 1.5 || c.Demand == 3) {
			for _, c.Stay = range []float64{1, 25} {
				cases = append(cases, c)
			}
		}
	}
	return cases
}

// BudgetTable simulates all cases, and some with clients that stay, beside equal division, with and without lending, and what any division
// loses without it, and then the disturbed ones.
func BudgetTable(to io.Writer, seeds []uint64) error {
	table := tabwriter.NewWriter(to, 0, 0, 1, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "limit\tskew\tdemand\tclients stay\tmean\tunder\tover\tchange under\tchange over\tdivisions\twrites per pod\tknowing: mean\tunder\tchange under\tequal, pods lend: mean\tunder\tchange under\tchange over\tequal: mean\tunder\tchange under\tchange over\t")
	for _, c := range append(BudgetCases(), stayingCases()...) {
		ours := WorstBudget(c, seeds)
		lending, equal, knowing := c, c, c
		lending.Way = Equally
		equal.Way, knowing.Way = Equally, Knowing
		equal.Lend, knowing.Lend = false, false
		rival, lent, best := WorstBudget(equal, seeds), WorstBudget(lending, seeds), WorstBudget(knowing, seeds)
		fmt.Fprintf(table, "%.0f/s\t%.0f:1\t%.2f\t%.0f s\t%s\t%.0f\t%.0f\t%s\t%s\t%s\t\n", c.Limit(), c.Skew, c.Demand, c.Stay,
			percents(ours.Mean, ours.Under, ours.Over, ours.ChangeUnder, ours.ChangeOver), ours.Divisions, ours.Writes/float64(c.Pods),
			percents(best.Mean, best.Under, best.ChangeUnder), percents(lent.Mean, lent.Under, lent.ChangeUnder, lent.ChangeOver), percents(rival.Mean, rival.Under, rival.ChangeUnder, rival.ChangeOver))
	}
	fmt.Fprintln(table, "\nlimit\tskew\tdemand\tdisturbed by\tpods lend\tmean\tunder\tover\tchange under\tchange over\tseconds above\tdivisions\twrites per pod\t")
	for _, c := range DisturbedBudgetCases() {
		r := WorstBudget(c, seeds)
		fmt.Fprintf(table, "%.0f/s\t%.0f:1\t%.2f\t%s\t%t\t%s\t%.1f\t%.0f\t%.0f\t\n", c.Limit(), c.Skew, c.Demand, c.Disturbance, c.Lend,
			percents(r.Mean, r.Under, r.Over, r.ChangeUnder, r.ChangeOver), r.Above, r.Divisions, r.Writes/float64(c.Pods))
	}
	return table.Flush()
}

// percents of parts, one column each.
func percents(parts ...float64) string {
	texts := make([]string, len(parts))
	for i, part := range parts {
		texts[i] = fmt.Sprintf("%+.1f", cmp.Or(100*part, 0))
	}
	return strings.Join(texts, "\t")
}
