// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command clients measures what a well-behaved client sees while others misbehave, all in one run:
//
//	cd hack/bench && go run ./clients
//
// The well-behaved client sends GET / at a steady rate. Beside it, in turns, there is nobody; clients that send their bodies a
// byte at a time; clients that read their answers slowly; a thousand event streams that rarely say anything; calls through the
// proxy to an upstream that never answers; and a flood of one route at several times the capacity. The servers are the bundled
// workload with its own values, a program of net/http alone with the same handlers, and podinfo, which has no proxy. Each is a
// process of its own, started anew for each case, on a processor of its own; clients and the upstream are on another one.
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

	"goservice.dev/operator/hack/bench/internal/child"
)

// settings are the program's flags.
type settings struct {
	root     string
	rounds   int
	rate     float64
	duration time.Duration
	podinfo  string
}

func main() {
	var s settings
	flag.StringVar(&s.root, "root", "../..", "the operator's checkout")
	flag.IntVar(&s.rounds, "rounds", 1, "rounds over all servers and cases; medians are reported")
	flag.Float64Var(&s.rate, "rate", 200, "requests per second of the well-behaved client")
	flag.DurationVar(&s.duration, "duration", 15*time.Second, "of each measurement; above the workload's request timeout of 10s, so that what it cuts is seen")
	flag.StringVar(&s.podinfo, "podinfo", child.PodinfoVersion, "version of podinfo's module; empty: without it")
	bare := flag.String("bare", "", "serve net/http alone at this address instead, as a server that is measured")
	upstream := flag.String("upstream", "", "URL that -bare proxies to")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	work := func() error { return run(ctx, s, os.Stdout, os.Stderr) }
	if *bare != "" {
		work = func() error { return serveBare(ctx, *bare, *upstream) }
	}
	if err := work(); err != nil {
		fmt.Fprintln(os.Stderr, "bench-clients:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings, out, progress io.Writer) error {
	if s.rounds < 1 || s.rate <= 0 || s.duration < time.Second {
		return fmt.Errorf("-rounds must be at least 1, -rate above 0, and -duration at least 1s")
	}
	measured, clients, err := child.Pair()
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "bench-clients-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	far, err := startUpstream(ctx)
	if err != nil {
		return err
	}
	defer far.stop()
	all, err := servers(ctx, s, folder, far.url, progress)
	if err != nil {
		return err
	}
	if err := child.Stay(clients); err != nil {
		return err
	}
	found := results{settings: s, servers: all, of: map[string]map[string][]figures{}}
	for i := range s.rounds {
		for turn := range all {
			server := all[(i+turn)%len(all)]
			fmt.Fprintf(progress, "round %d of %d: %s\n", i+1, s.rounds, server.name)
			if err := found.measure(ctx, server, measured); err != nil {
				return fmt.Errorf("%s: %w", server.name, err)
			}
		}
	}
	return found.write(out)
}
