// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"goservice.dev/operator/hack/load/loadgen"
)

// write prints the table of medians and the line for machines.
func write(out io.Writer, s settings, rounds []round) error {
	capacity := median(rounds, func(r round) float64 { return r.capacity })
	fmt.Fprintf(out, "%s, %s/%s, load average %s; medians of %d rounds of %s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH,
		loadAverage(), len(rounds), s.duration)
	fmt.Fprintf(out, "%s of computing per request on one processor, target %s: capacity %.0f requests per second, %g times that are offered\n\n",
		s.cost, s.target, capacity, s.factor)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "offered/s\tgoodput/s\tof capacity\taccepted/s\t429/s\t503/s\t5xx, none/s\tp50 accepted\tp99 accepted\t  \t")
	for _, row := range rows {
		of := func(value func(outcome) float64) float64 {
			return median(rounds, func(r round) float64 { return value(row.of(r)) })
		}
		fmt.Fprintf(table, "%.0f\t%.1f\t%.1f %%\t%.1f\t%.0f\t%.0f\t%.0f\t%.0f ms\t%.0f ms\t  \t%s\n",
			of(func(o outcome) float64 { return o.rate }), of(outcome.goodput), median(rounds, row.percent),
			of(per((*loadgen.Counts).Accepted)), of(status(http.StatusTooManyRequests)), of(status(http.StatusServiceUnavailable)),
			of(per((*loadgen.Counts).Failed)), of(latency(50)), of(latency(99)), row.name)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	unsent := 0.0
	for _, r := range rounds {
		unsent += float64(r.protected.counts.Unsent + r.unprotected.counts.Unsent)
	}
	fmt.Fprintf(out, "\nnot sent, because too many requests were outstanding: %.0f\n", unsent)
	_, err := fmt.Fprintf(out, "\nRESULT bench-overload capacity_rps=%.1f goodput_pct=%.1f accepted_p99_ms=%.1f target_ms=%.0f unprotected_goodput_pct=%.1f\n",
		capacity, median(rounds, rows[0].percent), median(rounds, func(r round) float64 { return latency(99)(r.protected) }),
		milliseconds(s.target), median(rounds, rows[1].percent))
	return err
}

type row struct {
	name string
	of   func(round) outcome
}

var rows = []row{
	{"limiter and pool set for the capacity", func(r round) outcome { return r.protected }},
	{"limiter and pool off", func(r round) outcome { return r.unprotected }},
}

// percent of its own round's capacity that is goodput.
func (w row) percent(r round) float64 { return 100 * w.of(r).goodput() / r.capacity }

func per(count func(*loadgen.Counts) int64) func(outcome) float64 {
	return func(o outcome) float64 { return float64(count(o.counts)) / o.took.Seconds() }
}

func status(code int) func(outcome) float64 {
	return per(func(c *loadgen.Counts) int64 { return c.Status(code) })
}

func latency(percent float64) func(outcome) float64 {
	return func(o outcome) float64 { return milliseconds(o.counts.Latency(percent)) }
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func median[T any, V cmp.Ordered](of []T, value func(T) V) V {
	values := make([]V, 0, len(of))
	for _, one := range of {
		values = append(values, value(one))
	}
	slices.Sort(values)
	return values[len(values)/2]
}
