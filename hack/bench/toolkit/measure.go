// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"testing"
	"text/tabwriter"
)

// contender is one way to do what a group measures.
type contender struct {
	name string
	run  func(b *testing.B)
	// per is how many operations one iteration holds; 0 means one.
	per int
	// ours marks the toolkit's own, to which the others are compared.
	ours bool
}

// group is contenders that do the same work.
type group struct {
	title      string
	contenders []contender
}

// figures of one contender: the median over the rounds, and the fastest of them.
type figures struct{ median, best, allocs, bytes float64 }

type results map[string]figures

// measure runs every contender once per round, so that whatever disturbs the machine for a while disturbs all of them.
func measure(groups []group, rounds int, progress io.Writer) results {
	times := map[string][]float64{}
	found := results{}
	for round := range rounds {
		fmt.Fprintf(progress, "round %d of %d\n", round+1, rounds)
		for _, g := range groups {
			for _, c := range g.contenders {
				key, per := g.title+"/"+c.name, float64(max(c.per, 1))
				r := testing.Benchmark(c.run)
				n := float64(r.N) * per
				times[key] = append(times[key], float64(r.T.Nanoseconds())/n)
				found[key] = figures{allocs: float64(r.MemAllocs) / n, bytes: float64(r.MemBytes) / n}
			}
		}
	}
	for key, f := range found {
		f.median, f.best = median(times[key]), slices.Min(times[key])
		found[key] = f
	}
	return found
}

func median[T cmp.Ordered](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

func (r results) of(g group, name string) figures { return r[g.title+"/"+name] }

// write prints one table per group.
func (r results) write(out io.Writer, groups []group) error {
	for _, g := range groups {
		fmt.Fprintf(out, "\n%s\n", g.title)
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(table, "ns/op\tfastest\tB/op\tallocs/op\tto ours\t  \t")
		own := 0.0
		for _, c := range g.contenders {
			if c.ours && own == 0 {
				own = r.of(g, c.name).median
			}
		}
		for _, c := range g.contenders {
			f := r.of(g, c.name)
			ratio := "-"
			if own > 0 && !c.ours {
				ratio = fmt.Sprintf("%.1fx", f.median/own)
			}
			// The name comes last and outside of the cells, because cells are aligned to the right.
			fmt.Fprintf(table, "%.1f\t%.1f\t%.0f\t%.2f\t%s\t  \t%s\n", f.median, f.best, f.bytes, f.allocs, ratio, c.name)
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	return nil
}
