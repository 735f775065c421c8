// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command cmd compares autoscalers on simulated loads: `make sim`, or `make sim TRACE=file.csv`.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"goservice.dev/operator/controllers/sim"
)

func main() {
	trace := flag.String("trace", "", "CSV file with rows of seconds,requests instead of the built-in shapes")
	images := flag.String("images", "", "directory for one SVG of each shape")
	base := flag.Float64("base", 600, "lowest rate of the built-in shapes in requests per second")
	seeds := flag.Int("seeds", 5, "how many seeds are summed up")
	first := flag.Uint64("first", 1, "the first of them")
	cpu := flag.Duration("cpu", 0, "mean CPU time of a request; 0: 5ms")
	wait := flag.Duration("wait", 0, "mean time that a request waits for others; 0: 5ms")
	threshold := flag.Duration("threshold", 0, "latency threshold; 0: 100ms")
	cores := flag.Int("cores", 0, "cores of a pod; 0: 2")
	flag.Parse()
	service := sim.Default()
	for _, override := range []struct {
		to    *time.Duration
		value time.Duration
	}{{&service.CPUTime, *cpu}, {&service.Wait, *wait}, {&service.Threshold, *threshold}} {
		if override.value > 0 {
			*override.to = override.value
		}
	}
	if *cores > 0 {
		service.Cores = *cores
	}
	if err := run(os.Stdout, service, *trace, *images, *base, seedsFrom(*first, max(*seeds, 1))); err != nil {
		fmt.Fprintln(os.Stderr, "sim:", err)
		os.Exit(1)
	}
}

func run(to io.Writer, service sim.Service, trace, images string, base float64, seeds []uint64) error {
	shapes := func(seed uint64) []sim.Shape { return sim.Shapes(base, seed) }
	if trace != "" {
		file, err := os.Open(trace)
		if err != nil {
			return err
		}
		defer file.Close()
		shape, err := sim.Trace(strings.TrimSuffix(filepath.Base(trace), filepath.Ext(trace)), file)
		if err != nil {
			return err
		}
		shapes = func(uint64) []sim.Shape { return []sim.Shape{shape} }
	}
	count := len(seeds)
	fmt.Fprintf(to, "%s of CPU and %s of waiting per request, %.0f %% within %s, pods of %d cores; %d seeds\n\n",
		service.CPUTime, service.Wait, 100*service.Percentile, service.Threshold, service.Cores, count)
	results := sim.RunAll(service, shapes, seeds)
	sums := sim.Sum(results)
	if err := sim.Table(to, sums); err != nil {
		return err
	}
	fmt.Fprintln(to)
	for i := range results {
		r := &results[i]
		if seconds, stepped := r.WantedWithin(service); stepped && r.Shape == "step" && i%count == 0 {
			fmt.Fprintf(to, "step: %s wanted enough pods %d s after it\n", r.Algorithm, seconds)
		}
	}
	fmt.Fprintln(to, sim.WorstBudget(1000, seeds))
	if images != "" {
		if err := draw(service, results, images, count); err != nil {
			return err
		}
	}
	fmt.Fprintln(to, sim.Verdict(sums))
	return nil
}

func seedsFrom(first uint64, count int) []uint64 {
	seeds := make([]uint64, count)
	for i := range seeds {
		seeds[i] = first + uint64(i)
	}
	return seeds
}

// draw one picture of each shape, of the first seed.
func draw(service sim.Service, results []sim.Result, directory string, count int) error {
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return err
	}
	group := len(sim.Algorithms) * count
	for from := 0; from+group <= len(results); from += group {
		var first []sim.Result
		for i := from; i < from+group; i += count {
			first = append(first, results[i])
		}
		file, err := os.Create(filepath.Join(directory, "sim-"+first[0].Shape+".svg"))
		if err != nil {
			return err
		}
		if err := sim.Picture(file, service, first); err != nil {
			return err
		}
		if err := file.Close(); err != nil {
			return err
		}
	}
	return nil
}
