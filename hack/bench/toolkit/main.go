// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command toolkit measures the packages of workload/ beside the libraries that one would use otherwise, all in one run:
//
//	cd hack/bench && go run ./toolkit
//
// The last line of its output is made for machines.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"testing"
	"time"
)

func main() {
	testing.Init() // registers the flags that testing.Benchmark reads
	rounds := flag.Int("rounds", 41, "rounds over all contenders; medians are reported")
	// Many short slices rather than few long ones: on a machine that does other things too, most of them are then undisturbed,
	// and so is the median.
	each := flag.Duration("each", 5*time.Millisecond, "how long one contender runs in a round")
	window := flag.Duration("window", 2*time.Second, "how long the accuracy of one limiter is watched in a round")
	watches := flag.Int("watches", 3, "rounds of the accuracy")
	flag.Parse()
	if err := flag.Set("test.benchtime", each.String()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if err := run(os.Stdout, os.Stderr, max(*rounds, 1), max(*watches, 1), *window); err != nil {
		fmt.Fprintln(os.Stderr, "bench-toolkit:", err)
		os.Exit(1)
	}
}

func run(out, progress io.Writer, rounds, watches int, window time.Duration) error {
	requests, err := requestGroup()
	if err != nil {
		return err
	}
	limiter, admission, fans := limiterGroup(), admissionGroup(), fanoutGroup()
	groups := []group{
		limiter, limiterParallelGroup(), admission, admissionParallelGroup(), jobGroup(), batchGroup(), fans,
		smallFanoutGroup(), waitingFanoutGroup(), requests,
	}
	fmt.Fprintf(out, "%s, %d processors, %s/%s; medians of %d rounds\n", runtime.Version(), runtime.GOMAXPROCS(0), runtime.GOOS,
		runtime.GOARCH, rounds)
	found := measure(groups, rounds, progress)
	if err := found.write(out, groups); err != nil {
		return err
	}
	accuracy, err := measureAccuracy(progress, watches, window)
	if err != nil {
		return err
	}
	if err := accuracy.write(out, watches, window); err != nil {
		return err
	}
	return writeResult(out, found, accuracy, limiter, admission, fans, requests)
}

// writeResult is the line for machines.
func writeResult(out io.Writer, found results, accuracy deviations, limiter, admission, fans, requests group) error {
	allow := found.of(limiter, goservice)
	ownLeast, ownMost := accuracy.between(ownAllow)
	xtimeLeast, xtimeMost := accuracy.between(xtimeAllow)
	_, err := fmt.Fprintf(out, "\nRESULT bench-toolkit limiter_ns=%.1f limiter_allocs=%.0f xtime_ns=%.1f admit_ns=%.1f fanout_ns=%.1f errgroup_ns=%.1f accuracy_least_pct=%.3f accuracy_most_pct=%.3f xtime_accuracy_least_pct=%.3f xtime_accuracy_most_pct=%.3f metrics_ns=%.0f promhttp_ns=%.0f otelhttp_ns=%.0f\n",
		allow.median, allow.allocs, found.of(limiter, xtime).median, found.of(admission, goservice).median,
		found.of(fans, goservice).median, found.of(fans, errgroupName).median, ownLeast, ownMost, xtimeLeast, xtimeMost,
		found.of(requests, ownMetrics).median, found.of(requests, promhttpName).median, found.of(requests, otelhttpName).median)
	return err
}
