// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command overload measures what a service does when it is offered four times what it can serve, all in one run:
//
//	cd hack/bench && go run ./overload
//
// with the settings that the operator plans before anything is measured, with those that its tuner finds after a while of a calm
// load, with a limiter and a pool that somebody has set by hand who knows the capacity, and with both off. Plan and tuner are the
// operator's own code. They are given what a GoService with this target and one core would declare, and, for the tuner, the
// metrics of the running service every two seconds.
//
// The server is the bundled workload as a process of its own, on a processor of its own, so that the load generator, on
// another one, takes nothing from it. A request costs a fixed amount of computing, so that capacity is a matter of the one
// processor and not of the clock. First the capacity is measured, by a few clients that each wait for their answer. Then
// requests are sent at four times that rate, whatever becomes of the answers. Goodput is what was answered within the target,
// from when the request was due. The client gives up after a second, as clients do. Each round measures all rows, and begins
// with another one.
//
// The last line of its output is made for machines.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// settings are the program's flags.
type settings struct {
	root     string
	cost     time.Duration
	target   time.Duration
	factor   float64
	duration time.Duration
	rounds   int
}

func main() {
	var s settings
	flag.StringVar(&s.root, "root", "../..", "the operator's checkout")
	flag.DurationVar(&s.cost, "cost", 5*time.Millisecond, "computing of one request, on one processor")
	flag.DurationVar(&s.target, "target", 100*time.Millisecond, "within which an answer is a good one")
	flag.Float64Var(&s.factor, "factor", 4, "how many times the capacity is offered")
	flag.DurationVar(&s.duration, "duration", 10*time.Second, "of each measurement")
	flag.IntVar(&s.rounds, "rounds", 3, "rounds over all measurements; medians are reported")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, s, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench-overload:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings, out, progress io.Writer) error {
	if s.rounds < 1 || s.factor <= 1 || s.duration < time.Second || s.cost <= 0 || s.target <= s.cost {
		return fmt.Errorf("-rounds must be at least 1, -factor above 1, -duration at least 1s, and -target above -cost")
	}
	bench, err := newBench(ctx, s, progress)
	if err != nil {
		return err
	}
	defer os.RemoveAll(bench.folder)
	var rounds []round
	for i := range s.rounds {
		fmt.Fprintf(progress, "round %d of %d\n", i+1, s.rounds)
		r, err := bench.measure(ctx, i)
		if err != nil {
			return err
		}
		rounds = append(rounds, r)
	}
	return write(out, s, rounds)
}

// loadAverage of the machine, which says how undisturbed the figures are.
func loadAverage() string {
	content, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(content))[:3], " ")
}
