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
// another one, takes nothing from it. There are three kinds of handlers: those that compute, those that mostly wait, as for another
// service, and both. Each computes a fixed amount, so that capacity is a matter of the one processor and not of the clock. First the
// capacity is measured, by clients that each wait for their answer, enough of them to keep the processor busy. Then requests
// are sent at four times that rate, whatever becomes of the answers. Goodput is what was answered within the target, from when the
// request was due. The client gives up after a second, as clients do. Each round measures all rows, and begins with another one.
//
// With -ways, the ways to find the number of workers that others have are compared with the pool's own and with the best fixed pool,
// which is searched for, in a small server that is otherwise the same, from the third second on, or from the fifteenth where a rival
// needs that long to begin: also beside a noisy neighbor, and after an upstream got five times slower. The pool's own and the best one
// then take three turns; the median of their ratios is reported. A fifth of the requests is critical. -rounds 0 does nothing else;
// -ways, -sizes, and -rivals limit it, so that one case takes less than a minute:
//
//	go run ./overload -rounds 0 -ways neighbor -sizes 2 -rivals codel
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
	"syscall"
	"time"
)

// settings are the program's flags.
type settings struct {
	root     string
	kinds    []kind
	target   time.Duration
	factor   float64
	duration time.Duration
	rounds   int
	ways     comparing
}

func main() {
	var s settings
	names, ways, sizes, rivals := "", "", "", ""
	flag.StringVar(&s.root, "root", "../..", "the operator's checkout")
	flag.StringVar(&names, "handlers", "computing,waiting,mixed", "kinds of handlers, from: computing,waiting,mixed")
	flag.DurationVar(&s.target, "target", 100*time.Millisecond, "within which an answer is a good one")
	flag.Float64Var(&s.factor, "factor", 4, "how many times the capacity is offered")
	flag.DurationVar(&s.duration, "duration", 5*time.Second, "of each measurement")
	flag.IntVar(&s.rounds, "rounds", 3, "rounds over all measurements; medians are reported")
	flag.StringVar(&ways, "ways", "computing,mixed,slower,neighbor,crowded", "situations in which ways to find the number of workers are compared, too, from: computing,mixed,slower,neighbor,crowded; empty: none")
	flag.StringVar(&sizes, "sizes", fixedSizes, "numbers of workers that are tried to find the best fixed pool")
	flag.StringVar(&rivals, "rivals", usualRivals, "other libraries' ways to compare with, from: "+allRivals+"; or all; empty: none")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if s.kinds, err = kindsOf(names); err == nil {
		s.ways, err = comparingOf(ways, sizes, rivals)
	}
	if err == nil {
		err = run(ctx, s, os.Stdout, os.Stderr)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-overload:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings, out, progress io.Writer) error {
	if s.rounds < 0 || s.factor <= 1 || s.duration < time.Second {
		return fmt.Errorf("-rounds must not be negative, -factor above 1, and -duration at least 1s")
	}
	for _, k := range s.kinds {
		if s.target <= k.alone() {
			return fmt.Errorf("-target must be above the %s that a request takes alone (%s handlers)", k.alone(), k.name)
		}
	}
	bench, err := newBench(ctx, s, progress)
	if err != nil {
		return err
	}
	defer os.RemoveAll(bench.folder)
	rounds := map[string][]round{}
	for i := range s.rounds {
		for _, k := range s.kinds {
			fmt.Fprintf(progress, "round %d of %d: %s handlers\n", i+1, s.rounds, k.name)
			r, err := bench.measure(ctx, k, i)
			if err != nil {
				return fmt.Errorf("%s handlers: %w", k.name, err)
			}
			rounds[k.name] = append(rounds[k.name], r)
		}
	}
	if len(s.ways.situations) > 0 {
		if err := bench.compare(ctx, progress, out); err != nil {
			return err
		}
	}
	if s.rounds == 0 {
		return nil
	}
	return write(out, s, rounds)
}
