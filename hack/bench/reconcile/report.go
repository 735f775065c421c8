// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// result is everything that was measured.
type result struct {
	settings              settings
	children              int
	operator, floor       phases
	running, idling, bare requests
	counters              counters
	memory                memory
}

func (r *result) write(out io.Writer) error {
	n := float64(r.settings.services * len(r.operator)) // counts are sums over the measurements
	ratio := r.operator.took().Seconds() / r.floor.took().Seconds()
	writes, reads := float64(r.running.total(true))/n, float64(r.running.total(false))/n

	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\toperator\tbare client\t")
	fmt.Fprintf(table, "seconds until all is in place\t%.2f\t%.2f\t\n", r.operator.took().Seconds(), r.floor.took().Seconds())
	fmt.Fprintf(table, "seconds until the last GoService was applied\t%.2f\t\t\n", r.operator.mean(func(p phase) time.Duration { return p.applied }).Seconds())
	fmt.Fprintf(table, "GoServices per second\t%.1f\t%.1f\t\n", float64(r.settings.services)/r.operator.took().Seconds(), float64(r.settings.services)/r.floor.took().Seconds())
	fmt.Fprintf(table, "writes per GoService\t%.2f\t%.2f\t\n", writes, float64(r.bare.total(true))/n-1)
	fmt.Fprintf(table, "reads per GoService\t%.2f\t%.2f\t\n", reads, float64(r.bare.total(false))/n)
	for _, program := range r.programs() {
		fmt.Fprintf(table, "processor seconds, %s\t%.2f\t%s\t\n", program, r.operator.cpu(program).Seconds(), seconds(r.floor.cpu(program)))
	}
	fmt.Fprintf(table, "writes in %d × %s idle\t%d\t\t\n", len(r.operator), r.settings.idle, r.idling.total(true))
	fmt.Fprintf(table, "reads in %d × %s idle\t%d\t\t\n", len(r.operator), r.settings.idle, r.idling.total(false))
	fmt.Fprintf(table, "peak memory, MiB\t%.1f\t\t\n", r.memory.peak)
	fmt.Fprintf(table, "memory at the end, MiB\t%.1f\t\t\n", r.memory.own+r.memory.files)
	fmt.Fprintf(table, "of that pages of the program's file\t%.1f\t\t\n", r.memory.files)
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%d children per GoService. The bare client's writes leave out the GoService itself, which it sends in the same time.\n", r.children)
	fmt.Fprint(out, "\nThe operator's requests, per GoService:\n")
	if err := r.running.write(out, n); err != nil {
		return err
	}
	fmt.Fprint(out, "\nThe operator's own count in the last measurement, per GoService:\n")
	if err := r.counters.write(out, float64(r.settings.services)); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\nRESULT bench-reconcile n=%d monitored=%t slo=%t seconds=%.2f floor_seconds=%.2f ratio=%.2f writes_per_service=%.2f reads_per_service=%.2f idle_writes=%d peak_rss_mib=%.1f\n",
		r.settings.services, r.settings.monitored, r.settings.slo, r.operator.took().Seconds(), r.floor.took().Seconds(), ratio, writes, reads, r.idling.total(true), r.memory.peak)
	return err
}

// programs that took processor time.
func (r *result) programs() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(r.operator[0].cpu)), func(name string) bool {
		return r.operator.cpu(name) < clockTick
	})
}

func seconds(cpu time.Duration) string {
	if cpu < clockTick {
		return ""
	}
	return fmt.Sprintf("%.2f", cpu.Seconds())
}

func (r requests) write(out io.Writer, n float64) error {
	table := tabwriter.NewWriter(out, 2, 0, 2, ' ', 0)
	kinds := slices.SortedFunc(maps.Keys(r), func(a, b request) int {
		if r[a] != r[b] {
			return r[b] - r[a]
		}
		return strings.Compare(a.verb+a.resource, b.verb+b.resource)
	})
	for _, kind := range kinds {
		fmt.Fprintf(table, "  %s\t%s\t%d\t%.3f\n", kind.verb, kind.resource, kind.code, float64(r[kind])/n)
	}
	return table.Flush()
}

func (c counters) write(out io.Writer, n float64) error {
	table := tabwriter.NewWriter(out, 2, 0, 2, ' ', 0)
	for _, series := range slices.Sorted(maps.Keys(c)) {
		if c[series] != 0 {
			fmt.Fprintf(table, "  %s\t%.3f\n", series, c[series]/n)
		}
	}
	return table.Flush()
}
