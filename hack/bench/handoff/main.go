// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command handoff measures what pods gain that share their queue, on the current cluster with a deployed operator:
//
//	cd hack/bench && go run ./handoff -load-image goservice.dev/load:TAG -grpc-image goservice.dev/waits:TAG
//
// Two services of sixteen pods have one worker each, which waits for 25 ms with each request instead of computing, so that one machine
// can be sixteen pods: at 80% of what they can do, they use a third to a half of two slow processors. They differ in spec.handOff alone. A client in the cluster loads one or the other, in turns: with a new
// connection for each request, which chance leads to a pod; over a few connections of HTTP/2, which reach a quarter of the pods at
// most; lightly, where nothing waits; and by chance while one of the pods takes five times as long. Then a pod is added while a few
// connections carry all requests. At last, two services that answer gRPC (hack/grpc/waits) take their place, and a client with grpc-go's
// defaults calls one or the other through its ClusterIP, over a few connections.
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
	"strconv"
	"strings"
	"syscall"
	"time"

	"goservice.dev/operator/hack/bench/internal/bed"
)

// settings are the program's flags.
type settings struct {
	image    string
	grpc     string
	pods     int
	work     time.Duration
	loads    []float64
	pinned   float64
	light    float64
	slowPod  float64
	rounds   int
	duration time.Duration
	slow     time.Duration
	timeout  time.Duration
}

func main() {
	var s settings
	var loads string
	flag.StringVar(&s.image, "load-image", "", "image of the load generator, on the cluster's nodes")
	flag.StringVar(&s.grpc, "grpc-image", "", "image of hack/grpc/waits, on the cluster's nodes")
	flag.IntVar(&s.pods, "pods", 16, "pods of each service")
	flag.DurationVar(&s.work, "work", 25*time.Millisecond, "how long a request keeps its worker")
	flag.StringVar(&loads, "loads", "0.5,0.7,0.8", "loads by chance, as parts of what all pods can do, separated by commas")
	flag.Float64Var(&s.pinned, "pinned", 0.5, "load over a few connections, of HTTP and of gRPC")
	flag.Float64Var(&s.light, "light", 0.1, "load at which hardly anything waits")
	flag.Float64Var(&s.slowPod, "slow-pod", 0.5, "load by chance while one pod takes five times as long")
	flag.IntVar(&s.rounds, "rounds", 2, "rounds of each load with and without; the order alternates, medians are reported")
	flag.DurationVar(&s.duration, "duration", 15*time.Second, "of each load")
	flag.DurationVar(&s.slow, "slow", 0, "a request that takes longer, or is not served, is slow; 0: ten times the work")
	flag.DurationVar(&s.timeout, "timeout", 90*time.Minute, "when to give up")
	flag.Parse()
	if s.slow == 0 {
		s.slow = 10 * s.work
	}
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
	if s.image == "" || s.grpc == "" || s.pods < 4 || s.rounds < 1 || s.work < time.Millisecond || s.duration < 5*time.Second {
		return errors.New("-load-image and -grpc-image must be given, -pods be at least 4, -rounds at least 1, -work at least 1ms, -duration at least 5s")
	}
	return nil
}

// rate of requests per second that are a part of what all pods can do.
func (s settings) rate(load float64) float64 { return load * float64(s.pods) / s.work.Seconds() }

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
	if err := t.allowFaults(ctx); err != nil {
		return err
	}
	var rows []row
	var added time.Duration
	for _, st := range s.stages() {
		if err := t.begin(ctx, st); err != nil {
			return err
		}
		more, err := t.measureAll(ctx, st)
		if err != nil {
			return err
		}
		rows = append(rows, more...)
		if st.grows {
			if added, err = t.addPod(ctx); err != nil {
				return fmt.Errorf("adding a pod: %w", err)
			}
		}
		if err := t.end(ctx); err != nil {
			return err
		}
	}
	return report(out, s, rows, added)
}
