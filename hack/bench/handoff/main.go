// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command handoff measures what pods gain that share their queue, on the current cluster with a deployed operator:
//
//	cd hack/bench && go run ./handoff -load-image goservice.dev/load:TAG
//
// Two services of sixteen pods have one worker each, which waits for 10 ms with each request instead of computing, so that one machine
// can be sixteen pods. They differ in spec.handOff alone. A client in the cluster loads one or the other, in turns: with a new
// connection for each request, which chance leads to a pod; over a few connections of HTTP/2, which reach a quarter of the pods at
// most; and lightly, where nothing waits. Then a pod is added while a few connections carry all requests.
//
// Latencies are the client's, from when each request was due. The last line of the output is made for machines.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/bench/internal/bed"
)

// settings are the program's flags.
type settings struct {
	image    string
	pods     int
	work     time.Duration
	loads    []float64
	pinned   float64
	light    float64
	rounds   int
	duration time.Duration
	slow     time.Duration
	timeout  time.Duration
}

func main() {
	var s settings
	var loads string
	flag.StringVar(&s.image, "load-image", "", "image of the load generator, on the cluster's nodes")
	flag.IntVar(&s.pods, "pods", 16, "pods of each service")
	flag.DurationVar(&s.work, "work", 10*time.Millisecond, "how long a request keeps its worker")
	flag.StringVar(&loads, "loads", "0.5,0.7,0.8", "loads by chance, as parts of what all pods can do, separated by commas")
	flag.Float64Var(&s.pinned, "pinned", 0.5, "load over a few connections")
	flag.Float64Var(&s.light, "light", 0.1, "load at which hardly anything waits")
	flag.IntVar(&s.rounds, "rounds", 2, "rounds of each load with and without; the order alternates, medians are reported")
	flag.DurationVar(&s.duration, "duration", 15*time.Second, "of each load")
	flag.DurationVar(&s.slow, "slow", 100*time.Millisecond, "a request that takes longer, or is not served, is slow")
	flag.DurationVar(&s.timeout, "timeout", 40*time.Minute, "when to give up")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if s.loads, err = loadsOf(loads); err == nil {
		err = run(ctx, s, os.Stdout, os.Stderr)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-handoff:", err)
		os.Exit(1)
	}
}

func loadsOf(text string) ([]float64, error) {
	var all []float64
	for field := range strings.SplitSeq(text, ",") {
		load, err := strconv.ParseFloat(strings.TrimSpace(field), 64)
		if err != nil || !(load > 0 && load < 1) {
			return nil, fmt.Errorf("-loads: %q is not a number above 0 and below 1", field)
		}
		all = append(all, load)
	}
	return all, nil
}

func (s settings) check() error {
	if s.image == "" || s.pods < 4 || s.rounds < 1 || s.work < time.Millisecond || s.duration < 5*time.Second {
		return errors.New("-load-image must be given, -pods be at least 4, -rounds at least 1, -work at least 1ms, -duration at least 5s")
	}
	return nil
}

// rate of requests per second that are a part of what all pods can do.
func (s settings) rate(load float64) float64 { return load * float64(s.pods) / s.work.Seconds() }

// way in which requests come to the pods.
type way struct {
	name  string
	load  float64
	flags []string
}

// connections that reach a quarter of the pods at most.
func (s settings) few() []string { return []string{"-http2", "-connections", strconv.Itoa(s.pods / 4)} }

func (s settings) ways() []way {
	var all []way
	for _, load := range s.loads {
		all = append(all, way{"by chance", load, []string{"-fresh"}})
	}
	return append(all,
		way{"over a few connections", s.pinned, s.few()},
		way{"lightly", s.light, []string{"-http2", "-connections", strconv.Itoa(4 * s.pods)}},
	)
}

func run(ctx context.Context, s settings, out, progress io.Writer) (err error) {
	if err := s.check(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	t := trial{settings: s, progress: progress}
	if t.Bed, err = bed.Open(ctx, "bench-handoff-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Remove(context.WithoutCancel(ctx))) }()
	bed.Step(progress, "two services of %d pods in namespace %s", s.pods, t.Namespace)
	if t.with, err = t.deploy(ctx, "with", v1alpha1.HandOffAutomatic); err != nil {
		return err
	}
	if t.without, err = t.deploy(ctx, "without", v1alpha1.HandOffDisabled); err != nil {
		return err
	}
	rows := make([]row, len(s.ways()))
	for round := range s.rounds {
		for i, w := range s.ways() {
			rows[i].way = w
			order := []*service{t.without, t.with}
			if (round+i)%2 == 1 {
				slices.Reverse(order)
			}
			for _, one := range order {
				f, err := t.measure(ctx, one, w)
				if err != nil {
					return fmt.Errorf("%s, %s at %g: %w", one.name, w.name, w.load, err)
				}
				bed.Step(progress, "%-8s %s at %.0f%%: %s", one.name, w.name, 100*w.load, f)
				if one == t.with {
					rows[i].with = append(rows[i].with, f)
				} else {
					rows[i].without = append(rows[i].without, f)
				}
			}
		}
	}
	added, err := t.addPod(ctx)
	if err != nil {
		return fmt.Errorf("adding a pod: %w", err)
	}
	return report(out, s, rows, added)
}
