// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command workload measures the bundled workload beside bare net/http and podinfo, all in one run:
//
//	cd hack/bench && go run ./workload
//
// Each server is a process of its own, on a processor of its own, so that the clients, on another one, take nothing from it;
// throughput is then what one processor can serve. The bare server has the same handler and answers as many bytes as the
// workload, and is a program of its own that is built with the same flags; the workload's whole chain is on: deadline, limiter
// (with a limit that is never reached), pool, metrics, log off, traces set up and none of them sampled. podinfo answers with
// its own handler, and with several times as many bytes, which are told. Contenders take turns; medians are reported.
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
	"testing"
	"time"

	"goservice.dev/operator/hack/bench/internal/child"
)

// settings are the program's flags.
type settings struct {
	root        string
	slices      int
	rounds      int
	starts      int
	duration    time.Duration
	connections int
	rate        float64
	podinfo     string
}

func main() {
	testing.Init() // registers the flags that testing.Benchmark reads
	var s settings
	flag.StringVar(&s.root, "root", "../..", "the operator's checkout")
	flag.IntVar(&s.slices, "slices", 40, "slices of throughput of each contender; medians are reported")
	flag.IntVar(&s.rounds, "rounds", 5, "rounds of latencies and pauses over all contenders")
	flag.IntVar(&s.starts, "starts", 10, "starts of each contender")
	flag.DurationVar(&s.duration, "duration", 3*time.Second, "of each round")
	flag.IntVar(&s.connections, "connections", 32, "connections that find out the throughput")
	flag.Float64Var(&s.rate, "rate", 4000, "requests per second at which latencies are measured")
	flag.StringVar(&s.podinfo, "podinfo", child.PodinfoVersion, "version of podinfo's module; empty: without it")
	chain := flag.Bool("chain", false, "serve the handler behind the chain as the environment says; the program calls itself so")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	work := func() error { return run(ctx, s, os.Stdout, os.Stderr) }
	if *chain {
		work = func() error { return serveChain(ctx) }
	}
	if err := work(); err != nil {
		fmt.Fprintln(os.Stderr, "bench-workload:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings, out, progress io.Writer) error {
	if s.slices < 1 || s.rounds < 1 || s.starts < 1 || s.connections < 1 || s.rate <= 0 || s.duration < time.Second {
		return fmt.Errorf("-slices, -rounds, -starts and -connections must be at least 1, -rate above 0, -duration at least 1s")
	}
	measured, clients, err := child.Pair()
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "bench-workload-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	all, err := contenders(ctx, s, folder, progress)
	if err != nil {
		return err
	}
	extra, err := extraAllocs()
	if err != nil {
		return err
	}
	if err := child.Stay(clients); err != nil {
		return err
	}
	found := results{settings: s, contenders: all, extraAllocs: extra, of: map[string]*figures{}}
	if err := found.measure(ctx, measured, progress); err != nil {
		return err
	}
	return found.write(out)
}
