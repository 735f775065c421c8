// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command retune measures how long an edit of spec.rateLimit takes to be in force in the last pod of a running service, on
// the current cluster with a deployed operator:
//
//	cd hack/bench && go run ./retune -pods 10 -edits 30
//
// In a namespace of its own, which it removes again, it makes one GoService and edits its rate limit again and again. Every
// pod says at its admin port since when which limit is in force; the time from the answer to the edit until the latest of
// these moments is what is reported. The clock of the nodes must therefore be this machine's, as it is with kind. Beside it
// plain pods with the same program mount a ConfigMap of the same form and wait for the kubelet as everybody does.
//
// Meanwhile a few requests per second go through a NodePort, far fewer than any limit; those that are not served are counted, and so
// are answers 429. At the end one pod is driven beyond the service's limit, and with what the others lend it, what it admits must be that limit.
//
// The last line of its output is made for machines.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"goservice.dev/operator/hack/bench/internal/bed"
)

// settings are the program's flags.
type settings struct {
	pods, edits         int
	stockPods, rounds   int
	pause, stockTimeout time.Duration
	timeout             time.Duration
	rate                int
	verbose             bool
}

func main() {
	var s settings
	flag.IntVar(&s.pods, "pods", 10, "pods of the service")
	flag.IntVar(&s.edits, "edits", 30, "edits of its rate limit")
	flag.IntVar(&s.stockPods, "stock-pods", 3, "plain pods that mount a ConfigMap, for comparison")
	flag.IntVar(&s.rounds, "stock-rounds", 2, "changes of each of their ConfigMaps")
	flag.DurationVar(&s.pause, "pause", 700*time.Millisecond, "shortest time between two edits; up to twice that")
	flag.DurationVar(&s.stockTimeout, "stock-timeout", 3*time.Minute, "how long a plain pod may take")
	flag.DurationVar(&s.timeout, "timeout", 12*time.Minute, "when to give up")
	flag.IntVar(&s.rate, "rate", 20, "requests per second through the NodePort meanwhile")
	flag.BoolVar(&s.verbose, "verbose", false, "tell of each edit")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if err := run(ctx, s, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench-retune:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings, out, progress io.Writer) (err error) {
	if s.pods < 1 || s.edits < 1 || s.stockPods < 1 || s.rounds < 1 || s.rate < 1 {
		return errors.New("every count must be at least 1")
	}
	opened, err := bed.Open(ctx, "bench-retune-")
	if err != nil {
		return err
	}
	b := bench{opened}
	defer func() {
		bed.Step(progress, "removing namespace %s", b.Namespace)
		err = errors.Join(err, b.Remove(context.WithoutCancel(ctx)))
	}()
	bed.Step(progress, "a GoService with %d pods in namespace %s", s.pods, b.Namespace)
	pods, err := b.deploy(ctx, s.pods)
	if err != nil {
		return err
	}
	bed.Step(progress, "%d plain pods with a ConfigMap each, changed %d times", s.stockPods, s.rounds)
	stock, err := b.startStock(ctx, s, pods[0].Spec.Containers[0].Image)
	if err != nil {
		return err
	}
	load, err := b.startLoad(ctx, s.rate)
	if err != nil {
		return err
	}
	defer load.stop()
	bed.Step(progress, "%d edits", s.edits)
	edits, err := b.edits(ctx, s, pods, progress)
	if err != nil {
		return err
	}
	r := result{settings: s, edits: edits, load: load.stop()}
	if r.restarts, err = b.restarts(ctx, pods); err != nil {
		return err
	}
	bed.Step(progress, "driving one pod beyond the service's limit")
	if r.admission, err = b.drive(ctx, pods[0], s.pods); err != nil {
		return err
	}
	bed.Step(progress, "waiting for the plain pods")
	if r.stock, err = stock.wait(ctx); err != nil {
		return err
	}
	return errors.Join(r.write(out), r.admission.check())
}
