// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"goservice.dev/operator/hack/bench/internal/child"
)

func (r *results) write(out io.Writer) error {
	fmt.Fprintf(out, "%s, %s/%s, load average %s; medians of %d rounds of %s; GET / at %g requests per second\n\n", runtime.Version(),
		runtime.GOOS, runtime.GOARCH, child.LoadAverage(), r.settings.rounds, r.settings.duration, r.settings.rate)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "beside\tnot served\tp50\tp99\tpeak memory\tstreams held\tcut\tclient late, p99\t  \t")
	for _, name := range caseNames {
		for _, server := range r.servers {
			of := r.of[server.name][name]
			if len(of) == 0 {
				continue
			}
			fmt.Fprintf(table, "%s\t%.2f %%\t%.1f ms\t%.1f ms\t%.1f MiB\t%.2f h\t%d\t%.1f ms\t  \t%s\n", name, middle(of, figures.failedPercent),
				middle(of, func(f figures) float64 { return milliseconds(f.p50) }), middle(of, p99), middle(of, func(f figures) float64 { return f.peakMiB }),
				middle(of, streamHours), middle(of, func(f figures) int64 { return f.cut }),
				middle(of, func(f figures) float64 { return milliseconds(f.clientLateP99) }), server.name)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	ours, bare := r.of[workloadName], r.of[bareName]
	_, err := fmt.Fprintf(out, "\nRESULT bench-clients slow_body_failed_pct=%.2f slow_reader_failed_pct=%.2f stream_failed_pct=%.2f hung_upstream_failed_pct=%.2f "+
		"flood_failed_pct=%.2f stream_hours=%.2f streams_cut=%d rss_mib=%.1f p99_ms=%.2f flood_p99_ms=%.2f baseline_p99_ms=%.2f bare_p99_ms=%.2f bare_flood_failed_pct=%.2f bare_rss_mib=%.1f\n",
		middle(ours[slowBodies], figures.failedPercent), middle(ours[slowReaders], figures.failedPercent), middle(ours[idleStreams], figures.failedPercent),
		middle(ours[hung], figures.failedPercent), middle(ours[flood], figures.failedPercent), middle(ours[idleStreams], streamHours),
		middle(ours[idleStreams], func(f figures) int64 { return f.cut }), highest(ours, func(f figures) float64 { return f.peakMiB }),
		worstP99(ours), middle(ours[flood], p99), middle(ours[quiet], p99), worstP99(bare), middle(bare[flood], figures.failedPercent),
		highest(bare, func(f figures) float64 { return f.peakMiB }))
	return err
}

// worstP99 is the highest of the cases in which nobody asks for more than the processor has.
func worstP99(of map[string][]figures) float64 {
	calm := map[string][]figures{}
	for name, found := range of {
		if name != flood {
			calm[name] = found
		}
	}
	return highest(calm, p99)
}

// highest of the cases' medians.
func highest(of map[string][]figures, value func(figures) float64) float64 {
	top := 0.0
	for _, found := range of {
		top = max(top, middle(found, value))
	}
	return top
}

func p99(f figures) float64         { return milliseconds(f.p99) }
func streamHours(f figures) float64 { return f.held.Hours() }

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// middle is the median, the higher one of two.
func middle[V cmp.Ordered](of []figures, value func(figures) V) V {
	var none V
	if len(of) == 0 {
		return none
	}
	values := make([]V, 0, len(of))
	for _, f := range of {
		values = append(values, value(f))
	}
	slices.Sort(values)
	return values[len(values)/2]
}
