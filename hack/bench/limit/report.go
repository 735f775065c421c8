// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// report writes the table and the line for machines.
func report(out io.Writer, s settings, rows []row, q quiet) error {
	fmt.Fprintf(out, "%d pods that share %.0f requests/s become %d, and %d again; percent of the lesser of limit and load\n\n",
		s.pods, s.limit(), 2*s.pods, s.pods)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\tskew\tdemand\tmean\tunder\tover\tabout changes: under\tover\trequests\tfailed\t")
	for _, r := range rows {
		for _, way := range []struct {
			name string
			of   verdict
		}{{ours.name, r.ours}, {equal.name, r.equal}} {
			v := way.of
			if v.windows == 0 && way.name == equal.name {
				continue // it was left out
			}
			fmt.Fprintf(table, "%s\t%g:1\t%g\t%+.1f\t%+.1f\t%+.1f\t%+.1f\t%+.1f\t%d\t%d%s\t\n", way.name, r.skew, r.demand,
				100*v.mean, 100*v.under, 100*v.over, 100*v.changeUnder, 100*v.changeOver, v.sent, v.failed, because(v.failure))
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if q.pods > 0 {
		fmt.Fprintf(out, "\n%d pods that share %.0f/s, at %.0f%% of it: %d of %d requests refused, %d failed\n", q.pods, q.limit, 100*q.used, q.refused, q.sent, q.failed)
	}
	best, rival := worst(rows)
	_, err := fmt.Fprintf(out, "\nRESULT bench-limit mean_under_pct=%.1f worst_under_pct=%.1f worst_over_pct=%.1f change_under_pct=%.1f change_over_pct=%.1f "+
		"equal_worst_under_pct=%.1f quiet_refused_pct=%.2f\n", 100*best.mean, 100*best.under, 100*best.over, 100*best.changeUnder, 100*best.changeOver,
		100*min(rival.under, rival.changeUnder), q.refusedPercent())
	return err
}

func because(err error) string {
	if err == nil {
		return ""
	}
	return " (" + err.Error() + ")"
}
