// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"goservice.dev/operator/hack/bench/internal/machine"
)

// figures of one load.
type figures struct {
	sent, notServed int64
	p50, p99, late  time.Duration
	// slow, and moved to another pod, of all requests.
	slow, moved float64
	// each request's CPU time on all pods.
	each time.Duration
	hop  time.Duration
	// busy is the share of the processors' time that was used, from 0 to 1.
	busy float64
}

func (f figures) String() string {
	return fmt.Sprintf("p50 %s, p99 %s, %.2f%% slow, %.1f%% moved, hop %s, %s of CPU each; %d sent, %d not served, sent late by %s at p99; the machine %.0f%% busy",
		rounded(f.p50), rounded(f.p99), 100*f.slow, 100*f.moved, rounded(f.hop), f.each.Round(time.Microsecond), f.sent, f.notServed, rounded(f.late), 100*f.busy)
}

func rounded(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }

// figuresOf a client's summary and what the pods counted before and after.
func figuresOf(s summary, before, after []map[string]float64) figures {
	gained := func(series string) float64 {
		sum := 0.0
		for _, pod := range after {
			sum += pod[series]
		}
		for _, pod := range before {
			sum -= pod[series]
		}
		return sum
	}
	var hops []float64
	for _, pod := range after {
		if hop := pod[seriesHop]; hop > 0 {
			hops = append(hops, hop)
		}
	}
	due := float64(s.Sent + s.Unsent)
	latency := func(percentile string) time.Duration {
		return time.Duration(s.Answers["200"].Latencies[percentile]) * time.Microsecond
	}
	return figures{
		sent: s.Sent, notServed: s.Sent + s.Unsent - s.Accepted, p50: latency("p50"), p99: latency("p99"), late: time.Duration(s.Late) * time.Microsecond,
		slow: 1 - float64(s.Within)/due, moved: gained(seriesMoved) / due,
		each: time.Duration(gained(seriesCPU) / due * float64(time.Second)), hop: time.Duration(median(hops) * float64(time.Second)),
	}
}

func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	middle := len(all) / 2
	if len(all)%2 == 1 {
		return all[middle]
	}
	return (all[middle-1] + all[middle]) / 2
}

// row is one way with all its rounds.
type row struct {
	way
	with, without []figures
}

func of(all []figures, figure func(figures) float64) float64 {
	values := make([]float64, len(all))
	for i, f := range all {
		values[i] = figure(f)
	}
	return median(values)
}

func p99(f figures) float64         { return float64(f.p99) / float64(time.Millisecond) }
func slowPercent(f figures) float64 { return 100 * f.slow }
func eachMicros(f figures) float64  { return float64(f.each) / float64(time.Microsecond) }

// served requests of a pod at a time.
type served struct {
	at    time.Duration
	count float64
}

// reached says when a pod first served at a rate over a whole time.
func reached(seen []served, perSecond float64) (at time.Duration, found bool) {
	last := seen[len(seen)-1]
	for _, one := range slices.Backward(seen) {
		if took := last.at - one.at; took >= fairOver {
			return one.at, (last.count-one.count)/took.Seconds() >= perSecond
		}
	}
	return 0, false
}

// report writes the table and the line for machines.
func report(out io.Writer, s settings, rows []row, added time.Duration) error {
	fmt.Fprintf(out, "%d pods with one worker, %s of waiting in each request, %d rounds of %s; with and without a shared queue\n\n", s.pods, s.work, s.rounds, s.duration)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "requests come\tload\tp50\tp99\tslow\tmoved\tCPU each\twithout: p50\tp99\tslow\tCPU each\t")
	p50 := func(f figures) float64 { return float64(f.p50) / float64(time.Millisecond) }
	for _, r := range rows {
		fmt.Fprintf(table, "%s\t%.0f%%\t%.1f ms\t%.1f ms\t%.2f%%\t%.1f%%\t%.0f µs\t%.1f ms\t%.1f ms\t%.2f%%\t%.0f µs\t\n", r.name, 100*r.load,
			of(r.with, p50), of(r.with, p99), of(r.with, slowPercent), of(r.with, func(f figures) float64 { return 100 * f.moved }), of(r.with, eachMicros),
			of(r.without, p50), of(r.without, p99), of(r.without, slowPercent), of(r.without, eachMicros))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	heaviest, pinned, light, slow, calls := last(rows, byChance), last(rows, overFew), last(rows, lightly), last(rows, oneSlow), last(rows, overGRPC)
	lost, busy := int64(0), 0.0
	for _, r := range rows {
		for _, f := range r.with {
			lost += f.notServed
		}
		for _, f := range slices.Concat(r.with, r.without) {
			busy = max(busy, f.busy)
		}
	}
	if busy >= machine.Full {
		fmt.Fprintln(out, "\nthe machine had no processor left in a trial: how long requests take there is the machine's affair")
	}
	_, err := fmt.Fprintf(out, "\nRESULT bench-handoff p99_ms=%.1f p99_off_ms=%.1f pinned_p99_ms=%.1f pinned_slow_pct=%.2f pinned_off_p99_ms=%.1f pinned_off_slow_pct=%.2f "+
		"handed_pct=%.1f hop_p50_ms=%.3f cpu_us_per_handed=%.0f idle_overhead_pct=%.1f new_pod_share_s=%.2f slow_pod_p99_ms=%.1f slow_pod_slow_pct=%.2f "+
		"slow_pod_off_p99_ms=%.1f slow_pod_off_slow_pct=%.2f grpc_p99_ms=%.1f grpc_slow_pct=%.2f grpc_off_p99_ms=%.1f grpc_off_slow_pct=%.2f not_served=%d machine_busy_pct=%.0f\n",
		of(heaviest.with, p99), of(heaviest.without, p99), of(pinned.with, p99), of(pinned.with, slowPercent), of(pinned.without, p99), of(pinned.without, slowPercent),
		of(heaviest.with, func(f figures) float64 { return 100 * f.moved }),
		of(heaviest.with, func(f figures) float64 { return float64(f.hop) / float64(time.Millisecond) }),
		perHanded(heaviest), 100*(of(light.with, eachMicros)/of(light.without, eachMicros)-1), added.Seconds(),
		of(slow.with, p99), of(slow.with, slowPercent), of(slow.without, p99), of(slow.without, slowPercent),
		of(calls.with, p99), of(calls.with, slowPercent), of(calls.without, p99), of(calls.without, slowPercent), lost, 100*busy)
	return err
}

// last row of a way, which is that of its heaviest load.
func last(rows []row, way string) (found row) {
	for _, r := range rows {
		if r.name == way {
			found = r
		}
	}
	return found
}

// perHanded is what a request that moves costs more, in microseconds of CPU on all pods: offers that came to nothing included.
func perHanded(r row) float64 {
	moved := of(r.with, func(f figures) float64 { return f.moved })
	if moved == 0 {
		return 0
	}
	return (of(r.with, eachMicros) - of(r.without, eachMicros)) / moved
}
