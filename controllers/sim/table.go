// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"fmt"
	"io"
	"math"
	"runtime"
	"sync"
)

// RunAll simulates every shape with every algorithm and each seed, on all processors; results are in the order of shapes,
// algorithms and seeds.
func RunAll(service Service, shapes func(seed uint64) []Shape, seeds []uint64) []Result {
	type job struct {
		shape     Shape
		algorithm string
		seed      uint64
	}
	bySeed := make([][]Shape, len(seeds))
	for i, seed := range seeds {
		bySeed[i] = shapes(seed)
	}
	var jobs []job
	for i := range bySeed[0] {
		for _, algorithm := range Algorithms {
			for j, seed := range seeds {
				jobs = append(jobs, job{bySeed[j][i], algorithm, seed})
			}
		}
	}
	results := make([]Result, len(jobs))
	var working sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, j := range jobs {
		slots <- struct{}{}
		working.Go(func() {
			defer func() { <-slots }()
			results[i] = Run(service, j.shape, j.algorithm, j.seed)
		})
	}
	working.Wait()
	return results
}

// Sum adds the results of one shape and algorithm over all seeds.
func Sum(results []Result) []Result {
	var sums []Result
	for i := range results {
		r := &results[i]
		if n := len(sums); n > 0 && sums[n-1].Shape == r.Shape && sums[n-1].Algorithm == r.Algorithm {
			sum := &sums[n-1]
			sum.BadSeconds += r.BadSeconds
			sum.Requests += r.Requests
			sum.Lost += r.Lost
			sum.Slow += r.Slow
			sum.CoreSeconds += r.CoreSeconds
			sum.Used += r.Used
			sum.Actions += r.Actions
			continue
		}
		sums = append(sums, *r)
	}
	return sums
}

// Table prints the sums as Markdown.
func Table(to io.Writer, sums []Result) error {
	text := "| shape | algorithm | bad seconds | requests lost | slow | core-seconds | of them used | scaling actions |\n" +
		"|---|---|---:|---:|---:|---:|---:|---:|\n"
	for i := range sums {
		r := &sums[i]
		name := r.Algorithm
		if name == Ours {
			name = "**" + name + "**"
		}
		text += fmt.Sprintf("| %s | %s | %d | %d | %d | %.0f | %.0f %% | %d |\n",
			r.Shape, name, r.BadSeconds, r.Lost, r.Slow, r.CoreSeconds, 100*r.Used/math.Max(r.CoreSeconds, 1), r.Actions)
	}
	_, err := io.WriteString(to, text)
	return err
}

// Verdict is the last line: over all shapes, the worst ratio of our bad seconds to the best rival's (one bad second counts
// as none) and the ratios of core-seconds.
func Verdict(sums []Result) string {
	shapes, worst := 0, 0.0
	cores := map[string]float64{}
	best := map[string]int{}
	for i := range sums {
		r := &sums[i]
		cores[r.Algorithm] += r.CoreSeconds
		if r.Algorithm == Ours {
			continue
		}
		if lowest, known := best[r.Shape]; !known || r.BadSeconds < lowest {
			best[r.Shape] = r.BadSeconds
		}
	}
	for i := range sums {
		if r := &sums[i]; r.Algorithm == Ours {
			shapes++
			worst = math.Max(worst, float64(r.BadSeconds)/math.Max(float64(best[r.Shape]), 1))
		}
	}
	return fmt.Sprintf("RESULT sim shapes=%d worst_bad_ratio=%.2f core_seconds_ratio_cpu50=%.2f core_seconds_ratio_kpa=%.2f",
		shapes, worst, cores[Ours]/cores["HPA 50 %"], cores[Ours]/cores["KPA"])
}

// WantedWithin is the time in seconds from a step of the load until the wanted pods can take it at full use.
func (r Result) WantedWithin(service Service) (seconds int, stepped bool) {
	for at := warmUp + 1; at < len(r.seconds); at++ {
		if r.rate(float64(at)) < 2*r.rate(float64(at)-1) {
			continue
		}
		needed := r.rate(float64(at)) * service.CPUTime.Seconds() / float64(service.Cores)
		for i := at; i < len(r.seconds); i++ {
			if float64(r.seconds[i].Wanted) >= needed {
				return i - at, true
			}
		}
		return len(r.seconds) - at, true
	}
	return 0, false
}
