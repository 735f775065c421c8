// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// result is everything that was measured.
type result struct {
	settings  settings
	edits     []edit
	stock     []time.Duration
	load      tally
	admission admission
	restarts  int
}

func (r *result) write(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "milliseconds after the answer to the edit\tfastest\tp50\tp90\tp99\tslowest\t")
	row := func(name string, times []time.Duration) []time.Duration {
		slices.Sort(times)
		fmt.Fprintf(table, "%s\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t\n", name, ms(times[0]), ms(quantile(times, 0.5)), ms(quantile(times, 0.9)),
			ms(quantile(times, 0.99)), ms(times[len(times)-1]))
		return times
	}
	pick := func(of func(edit) time.Duration) []time.Duration {
		times := make([]time.Duration, len(r.edits))
		for i, e := range r.edits {
			times[i] = of(e)
		}
		return times
	}
	row("the operator has applied it", pick(func(e edit) time.Duration { return e.applied }))
	row("the first pod enforces it", pick(func(e edit) time.Duration { return e.first }))
	last := row("the last pod enforces it", pick(func(e edit) time.Duration { return e.last }))
	stock := row("a plain pod enforces a changed ConfigMap", r.stock)
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\np99 of %d edits and of %d changes of plain pods: of fewer than a hundred, the slowest.\n", len(r.edits), len(r.stock))
	fmt.Fprintf(out, "Requests meanwhile, far fewer than the limit: %d sent, %d admitted, %d limited (429), %d failed%s\n",
		r.load.sent, r.load.admitted, r.load.limited, r.load.failed, because(r.load.failures))
	fmt.Fprintf(out, "One pod of a service with a limit of %d/s (burst %d) was sent %d requests in %.2f s and admitted %d; with what the others lend it, that is to be %.0f.\n",
		r.admission.limit, r.admission.burst, r.admission.counts.sent, r.admission.length.Seconds(), r.admission.counts.admitted, r.admission.expected())
	again := 0
	for _, e := range r.edits {
		again += e.again
	}
	fmt.Fprintf(out, "%.1f %% of the retunes of a pod took more than one nudge.\n", 100*float64(again)/float64(len(r.edits)*r.settings.pods))
	_, err := fmt.Fprintf(out, "\nRESULT bench-retune pods=%d edits=%d p50_ms=%.0f p99_ms=%.0f stock_p50_ms=%.0f restarts=%d failed_requests=%d\n",
		r.settings.pods, len(r.edits), ms(quantile(last, 0.5)), ms(quantile(last, 0.99)), ms(quantile(stock, 0.5)), r.restarts, r.load.sent-r.load.admitted)
	return err
}

func because(failures []string) string {
	if len(failures) == 0 {
		return ""
	}
	return " (" + strings.Join(failures, "; ") + ")"
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// quantile by nearest rank: of fewer than a hundred values, the 99th percentile is the largest.
func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}
