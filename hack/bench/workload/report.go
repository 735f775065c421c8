// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"fmt"
	"io"
	"runtime"
	"text/tabwriter"
	"time"

	"goservice.dev/operator/hack/bench/internal/child"
)

const (
	megabyte = 1e6
	microsPS = 1e6
)

// write prints the table of medians and the line for machines.
func (r *results) write(out io.Writer) error {
	bare, chain := r.of[bareName], r.of[chainName]
	ratio := median(ratios(chain.perSecond, bare.perSecond))
	fmt.Fprintf(out, "%s, %s/%s, load average %s; medians of %d slices of throughput, %d rounds of %s and %d starts\n", runtime.Version(), runtime.GOOS,
		runtime.GOARCH, child.LoadAverage(), r.settings.slices, r.settings.rounds, r.settings.duration, r.settings.starts)
	fmt.Fprintf(out, "each server alone on one processor; throughput by %d connections, latencies at %.0f requests per second from when each was due\n\n",
		r.settings.connections, r.settings.rate)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "requests/s\tto bare\tCPU per request\tp50\tp99\texec to ready\tidle\timage\tanswer\t  \t")
	for _, c := range r.contenders {
		f := r.of[c.name]
		image := "-"
		if c.imageBytes > 0 {
			image = fmt.Sprintf("%.1f MB", float64(c.imageBytes)/megabyte)
		}
		fmt.Fprintf(table, "%.0f\t%.3f\t%.1f µs\t%d µs\t%d µs\t%.1f ms\t%.1f MiB\t%s\t%d B\t  \t%s\n", median(f.perSecond),
			median(ratios(f.perSecond, bare.perSecond)), float64(f.cpu.Microseconds())/float64(f.served), median(f.p50).Microseconds(),
			median(f.p99).Microseconds(), median(f.readyMilliseconds), median(f.idleMiB), image, f.answerBytes, c.name)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if len(r.contenders) == 2 {
		fmt.Fprintln(out, "\nwithout podinfo; the reason is above")
	}
	pause := r.pauses.upperBound(0.99) * microsPS
	fmt.Fprintf(out, "\nthe chain adds %d allocations per request; %d pauses of the garbage collector at full load, 99 %% of them within %.1f µs\n",
		r.extraAllocs, r.pauses.total(), pause)
	for _, c := range r.contenders {
		f := r.of[c.name]
		fmt.Fprintf(out, "%s: %d requests not served, %d not sent; the client itself sent late by p99 %s\n", c.name, f.failed, f.unsent,
			median(f.late).Round(time.Microsecond))
	}
	_, err := fmt.Fprintf(out, "\nRESULT bench-workload bare_rps=%.0f chain_rps=%.0f ratio=%.3f extra_allocs=%d p99_us_bare=%d p99_us_chain=%d gc_pause_p99_us=%.1f ready_ms=%.1f bare_ready_ms=%.1f idle_mib=%.1f bare_idle_mib=%.1f image_mb=%.2f\n",
		median(bare.perSecond), median(chain.perSecond), ratio, r.extraAllocs, median(bare.p99).Microseconds(),
		median(chain.p99).Microseconds(), pause, median(chain.readyMilliseconds), median(bare.readyMilliseconds), median(chain.idleMiB),
		median(bare.idleMiB), float64(r.imageBytes())/megabyte)
	return err
}

func (r *results) imageBytes() int64 {
	for _, c := range r.contenders {
		if c.name == chainName {
			return c.imageBytes
		}
	}
	return 0
}

// ratios of each round: what disturbs the machine for a while disturbs both.
func ratios(of, to []float64) []float64 {
	found := make([]float64, len(of))
	for i := range of {
		found[i] = of[i] / to[i]
	}
	return found
}
