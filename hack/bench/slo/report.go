// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// report writes what was decided, the table and the line for machines.
func report(out io.Writer, s settings, enough int32, results []outcome) error {
	ours := results[len(results)-1]
	fmt.Fprintf(out, "%g → %g requests per second, %s of computing each; pods of %dm CPU, p%g within %s\n\n",
		s.rate, s.rate*s.factor, s.work, s.milliCPU, s.percentile, s.threshold)
	for _, d := range ours.decisions {
		fmt.Fprintf(out, "%+5.0f s  %s %s → %s: %s\n", d.At.Sub(ours.step).Seconds(), d.What, d.From, d.To, d.Reason)
	}
	fmt.Fprintln(out)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, cell func(outcome) string) {
		fmt.Fprintf(table, "%s\t", name)
		for _, o := range results {
			fmt.Fprintf(table, "%s\t", cell(o))
		}
		fmt.Fprintln(table)
	}
	row("", func(o outcome) string { return o.name })
	row("pods before the step", func(o outcome) string { return fmt.Sprint(o.podsBefore) })
	row("bad seconds before it", func(o outcome) string { return fmt.Sprintf("%d of %d", o.before.badSeconds, o.before.seconds) })
	row(fmt.Sprintf("seconds until %d pods were wanted", enough), func(o outcome) string { return seconds(o.wanted(enough)) })
	row(fmt.Sprintf("seconds until %d pods were ready", enough), func(o outcome) string { return seconds(o.ready(enough)) })
	row("SLO-bad seconds", func(o outcome) string { return fmt.Sprintf("%d of %d", o.after.badSeconds, o.after.seconds) })
	row("seconds until the last of them", func(o outcome) string { return seconds(o.after.lastBad) })
	row("requests", func(o outcome) string { return fmt.Sprint(o.after.requests) })
	row("refused or failed", func(o outcome) string { return fmt.Sprint(o.after.lost) })
	row("slow", func(o outcome) string { return fmt.Sprint(o.after.slow) })
	row("most pods", func(o outcome) string { return fmt.Sprint(o.most()) })
	row("core-seconds asked for", func(o outcome) string { return fmt.Sprintf("%.1f", o.cores(s)) })
	row("CPU of a request", func(o outcome) string { return o.cpuPerRequest.Round(10 * time.Microsecond).String() })
	if err := table.Flush(); err != nil {
		return err
	}
	if len(results) == 1 {
		return nil
	}
	hpa := results[0]
	_, err := fmt.Fprintf(out, "\nRESULT bench-slo wanted_s=%s ready_s=%s bad_s=%d hpa_bad_s=%d core_s=%.0f hpa_core_s=%.0f\n",
		seconds(ours.wanted(enough)), seconds(ours.ready(enough)), ours.after.badSeconds, hpa.after.badSeconds, ours.cores(s), hpa.cores(s))
	return err
}

func (o outcome) wanted(enough int32) time.Duration {
	return first(o.samples, o.step, func(s sample) bool { return s.wanted >= enough })
}

func (o outcome) ready(enough int32) time.Duration {
	return first(o.samples, o.step, func(s sample) bool { return s.ready >= enough })
}

func (o outcome) most() int32 {
	most := int32(0)
	for _, s := range o.samples {
		most = max(most, s.wanted)
	}
	return most
}

func (o outcome) cores(s settings) float64 {
	return coreSeconds(o.samples, o.step, o.step.Add(s.hold))
}

func seconds(d time.Duration) string {
	if d < 0 {
		return "never"
	}
	return fmt.Sprintf("%.1f", d.Seconds())
}
