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

// outcome of one flood, in requests per second.
type outcome struct {
	setting                                                  string
	offered, goodput, accepted, limited, unavailable, failed float64
	p50, p99                                                 time.Duration // of the accepted
	unsent                                                   int64
}

// round is one measurement of each row at the capacity of its own time.
type round struct {
	capacity float64
	rows     [rowCount]outcome
	// reason of the tuner for its pool.
	reason string
}

func outcomeOf(counts *loadgen.Counts, offered float64, s settings) outcome {
	per := func(count int64) float64 { return float64(count) / s.duration.Seconds() }
	return outcome{
		offered: offered, goodput: per(counts.Within(s.target)), accepted: per(counts.Accepted()),
		limited: per(counts.Status(http.StatusTooManyRequests)), unavailable: per(counts.Status(http.StatusServiceUnavailable)),
		failed: per(counts.Failed()), p50: counts.Latency(50), p99: counts.Latency(99), unsent: counts.Unsent,
	}
}

// write prints the table of medians and the line for machines.
func write(out io.Writer, s settings, rounds []round) error {
	capacity := median(rounds, func(r round) float64 { return r.capacity })
	fmt.Fprintf(out, "%s, %s/%s, load average %s; medians of %d rounds of %s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH,
		loadAverage(), len(rounds), s.duration)
	fmt.Fprintf(out, "%s of computing per request on one processor, target %s: capacity %.0f requests per second, %g times that are offered\n",
		s.cost, s.target, capacity, s.factor)
	fmt.Fprintf(out, "the tuner's reason: %s\n\n", rounds[len(rounds)-1].reason)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "offered/s\tgoodput/s\tof capacity\tfrom\tto\taccepted/s\t429/s\t503/s\t5xx, none/s\tp50 accepted\tp99 accepted\t  \t")
	unsent := int64(0)
	for row := range rowCount {
		of := func(value func(outcome) float64) float64 {
			return median(rounds, func(r round) float64 { return value(r.rows[row]) })
		}
		for _, r := range rounds {
			unsent += r.rows[row].unsent
		}
		percents := percentsOf(rounds, row)
		fmt.Fprintf(table, "%.0f\t%.1f\t%.1f %%\t%.1f %%\t%.1f %%\t%.1f\t%.0f\t%.0f\t%.0f\t%.0f ms\t%.0f ms\t  \t%s (%s)\n",
			of(func(o outcome) float64 { return o.offered }), of(func(o outcome) float64 { return o.goodput }),
			middle(percents), percents[0], percents[len(percents)-1],
			of(func(o outcome) float64 { return o.accepted }), of(func(o outcome) float64 { return o.limited }),
			of(func(o outcome) float64 { return o.unavailable }), of(func(o outcome) float64 { return o.failed }),
			of(func(o outcome) float64 { return milliseconds(o.p50) }), of(func(o outcome) float64 { return milliseconds(o.p99) }),
			rowNames[row], rounds[len(rounds)-1].rows[row].setting)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nnot sent, because too many requests were outstanding: %d\n", unsent)
	p99 := func(row int) float64 {
		return median(rounds, func(r round) float64 { return milliseconds(r.rows[row].p99) })
	}
	percent := func(row int) float64 { return middle(percentsOf(rounds, row)) }
	_, err := fmt.Fprintf(out, "\nRESULT bench-overload capacity_rps=%.1f planned_goodput_pct=%.1f tuned_goodput_pct=%.1f tuned_lowest_pct=%.1f tuned_p99_ms=%.1f hand_goodput_pct=%.1f hand_p99_ms=%.1f unprotected_goodput_pct=%.1f target_ms=%.0f\n",
		capacity, percent(planned), percent(tuned), percentsOf(rounds, tuned)[0], p99(tuned), percent(byHand), p99(byHand), percent(off), milliseconds(s.target))
	return err
}

// percentsOf each round's capacity that a row's goodput is, in order.
func percentsOf(rounds []round, row int) []float64 {
	percents := make([]float64, 0, len(rounds))
	for _, r := range rounds {
		percents = append(percents, 100*r.rows[row].goodput/r.capacity)
	}
	slices.Sort(percents)
	return percents
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func median[T any, V cmp.Ordered](of []T, value func(T) V) V {
	values := make([]V, 0, len(of))
	for _, one := range of {
		values = append(values, value(one))
	}
	slices.Sort(values)
	return middle(values)
}

// middle of what is in order.
func middle[V any](values []V) V { return values[len(values)/2] }
