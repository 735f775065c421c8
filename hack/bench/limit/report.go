// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"goservice.dev/operator/hack/bench/internal/machine"
)

// report writes the table and the line for machines.
func report(out io.Writer, s settings, rows []row, q quiet) error {
	fmt.Fprintf(out, "%d pods that share %.0f requests/s become %d, and %d again; percent of the lesser of limit and load\n\n",
		s.pods, s.limit(), 2*s.pods, s.pods)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\tskew\tdemand\tmean\tunder\tover\tabout changes: under\tover\trequests\tof those due\tfailed\tmachine busy\t")
	var own, all []verdict
	of := map[string][]verdict{} // rivals, by their names
	for _, r := range rows {
		line := func(name string, v verdict) {
			fmt.Fprintf(table, "%s\t%g:1\t%g\t%+.1f\t%+.1f\t%+.1f\t%+.1f\t%+.1f\t%d\t%.1f %%\t%d%s\t%.0f %%\t\n", name, r.skew, r.demand,
				100*v.mean, 100*v.under, 100*v.over, 100*v.changeUnder, 100*v.changeOver, v.sent, 100*float64(v.sent)/v.due, v.failed, because(v.failure), 100*v.busy)
		}
		line(ours.name, r.ours)
		own = append(own, r.ours)
		all = append(all, r.ours)
		for _, rival := range []contender{lending, equal} {
			if v, measured := r.rivals[rival.name]; measured {
				line(rival.name, v)
				of[rival.name], all = append(of[rival.name], v), append(all, v)
			}
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if q.pods > 0 {
		fmt.Fprintf(out, "\n%d pods that share %.0f/s, at %.0f%% of it: %d of %d requests refused, %d failed\n", q.pods, q.limit, 100*q.used, q.refused, q.sent, q.failed)
	}
	for cause, times := range q.failures {
		fmt.Fprintf(out, "  %d × %s\n", times, cause)
	}
	failed, busy := q.failed, 0.0
	for _, v := range all {
		failed, busy = failed+v.failed, max(busy, v.busy)
	}
	if busy >= machine.Full {
		fmt.Fprintln(out, "\nthe machine had no processor left in a trial: what it lacks there is the machine's affair and not the limit's")
	}
	w := worst(own)
	fmt.Fprintf(out, "\nRESULT bench-limit mean_under_pct=%.1f worst_under_pct=%.1f worst_over_pct=%.1f change_under_pct=%.1f change_over_pct=%.1f",
		100*w.mean, 100*w.under, 100*w.over, 100*w.changeUnder, 100*w.changeOver)
	if equals := of[equal.name]; len(equals) > 0 {
		rival := worst(equals)
		fmt.Fprintf(out, " equal_worst_under_pct=%.1f", 100*min(rival.under, rival.changeUnder))
	} else {
		fmt.Fprint(out, " equal_worst_under_pct=unknown")
	}
	if lendings := of[lending.name]; len(lendings) > 0 {
		rival := worst(lendings)
		fmt.Fprintf(out, " lending_worst_under_pct=%.1f lending_change_over_pct=%.1f", 100*min(rival.under, rival.changeUnder), 100*rival.changeOver)
	}
	fmt.Fprintf(out, " failed=%d machine_busy_pct=%.0f", failed, 100*busy)
	if q.sent > 0 {
		fmt.Fprintf(out, " quiet_refused_pct=%.2f", q.refusedPercent())
	}
	_, err := fmt.Fprintln(out)
	return err
}

func because(err error) string {
	if err == nil {
		return ""
	}
	return " (" + err.Error() + ")"
}
