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

	"goservice.dev/operator/hack/bench/internal/child"
	"goservice.dev/operator/hack/load/loadgen"
)

// outcome of one flood, in requests per second.
type outcome struct {
	setting                                                  string
	offered, goodput, accepted, limited, unavailable, failed float64
	p50, p99                                                 time.Duration // of the accepted
	late                                                     time.Duration // that the client itself sent, p99
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
		failed: per(counts.Failed()), p50: counts.Latency(50), p99: counts.Latency(99), late: counts.Late(99), unsent: counts.Unsent,
	}
}

// write prints a table of medians for each kind of handlers, and the line for machines.
func write(out io.Writer, s settings, rounds map[string][]round) error {
	fmt.Fprintf(out, "%s, %s/%s, load average %s; medians of %d rounds of %s; target %s, %g times the capacity is offered\n", runtime.Version(),
		runtime.GOOS, runtime.GOARCH, child.LoadAverage(), s.rounds, s.duration, s.target, s.factor)
	for _, k := range s.kinds {
		if err := writeKind(out, k, rounds[k.name]); err != nil {
			return err
		}
	}
	fmt.Fprint(out, "\nRESULT bench-overload")
	for _, k := range s.kinds {
		of := rounds[k.name]
		p99 := func(row int) float64 {
			return median(of, func(r round) float64 { return milliseconds(r.rows[row].p99) })
		}
		percent := func(row int) float64 { return middle(percentsOf(of, row)) }
		fmt.Fprintf(out, " %[1]scapacity_rps=%.1[2]f %[1]splanned_goodput_pct=%.1[3]f %[1]stuned_goodput_pct=%.1[4]f %[1]stuned_lowest_pct=%.1[5]f "+
			"%[1]stuned_p99_ms=%.1[6]f %[1]shand_goodput_pct=%.1[7]f %[1]shand_p99_ms=%.1[8]f %[1]sunprotected_goodput_pct=%.1[9]f", k.key,
			median(of, func(r round) float64 { return r.capacity }), percent(planned), percent(tuned), percentsOf(of, tuned)[0], p99(tuned),
			percent(byHand), p99(byHand), percent(off))
	}
	_, err := fmt.Fprintf(out, " target_ms=%.0f\n", milliseconds(s.target))
	return err
}

// writeKind prints the table of one kind of handlers.
func writeKind(out io.Writer, k kind, rounds []round) error {
	fmt.Fprintf(out, "\n%s handlers: %s of computing per request on one processor, %s of waiting: capacity %.0f requests per second\n",
		k.name, k.cpu, k.wait, median(rounds, func(r round) float64 { return r.capacity }))
	fmt.Fprintf(out, "the tuner's reason: %s\n\n", rounds[len(rounds)-1].reason)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "offered/s\tgoodput/s\tof capacity\tfrom\tto\taccepted/s\t429/s\t503/s\t5xx, none/s\tp50 accepted\tp99 accepted\t  \t")
	unsent, late := int64(0), time.Duration(0)
	for row := range rowCount {
		of := func(value func(outcome) float64) float64 {
			return median(rounds, func(r round) float64 { return value(r.rows[row]) })
		}
		for _, r := range rounds {
			unsent, late = unsent+r.rows[row].unsent, max(late, r.rows[row].late)
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
	_, err := fmt.Fprintf(out, "\nnot sent, because too many requests were outstanding: %d; sent late by the client itself: at most %.1f ms (p99)\n",
		unsent, milliseconds(late))
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
