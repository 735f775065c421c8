// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Load sends requests to a service at a rate of its own, whatever becomes of the answers, and shows second by second what
// was admitted and what was turned away; then a summary by status code. Latencies count from when each request was due.
//
//	go run ./hack/load -url http://127.0.0.1:8080/ -rate 500 -for 30s
//
// It sends to loopback only, or from a pod to the cluster's own names.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"goservice.dev/operator/hack/load/loadgen"
)

func main() {
	var config loadgen.Config
	flag.StringVar(&config.URL, "url", "http://127.0.0.1:8080/", "where to send")
	flag.StringVar(&config.Method, "method", "GET", "method of the requests, which have no body")
	flag.Float64Var(&config.Rate, "rate", 500, fmt.Sprintf("requests per second, up to %d", loadgen.MaxRate))
	flag.DurationVar(&config.Duration, "for", 30*time.Second, fmt.Sprintf("how long, up to %s", loadgen.MaxDuration))
	flag.BoolVar(&config.Poisson, "poisson", false, "random arrivals, as of many clients, instead of evenly spaced ones")
	flag.IntVar(&config.Outstanding, "outstanding", 0,
		fmt.Sprintf("how many requests may wait for their answers; what is due beyond is counted as not sent; up to %d (default 512)", loadgen.MaxOutstanding))
	flag.IntVar(&config.Connections, "connections", 0, "connections to keep alive (default 64, or 8 with -http2)")
	flag.BoolVar(&config.Fresh, "fresh", false, "a new connection for each request")
	flag.BoolVar(&config.HTTP2, "http2", false, "HTTP/2 in cleartext, by prior knowledge")
	flag.DurationVar(&config.Timeout, "timeout", 0, "of one request (default 10s)")
	asJSON := flag.Bool("json", false, "write the summary as one line of JSON to standard output, and the lines of the seconds to standard error")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, config, *asJSON, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, config loadgen.Config, asJSON bool, out, progress io.Writer) error {
	generator, err := loadgen.New(config)
	if err != nil {
		return err
	}
	lines := out
	if asJSON {
		lines = progress
	}
	start, done := time.Now(), make(chan struct{})
	go func() {
		defer close(done)
		generator.Run(ctx)
	}()
	printEachSecond(generator, done, lines)
	took := min(time.Since(start), config.Duration)
	if asJSON {
		return json.NewEncoder(out).Encode(generator.Total())
	}
	fmt.Fprintln(out)
	return generator.Total().Summary(out, took)
}

func printEachSecond(generator *loadgen.Generator, done <-chan struct{}, out io.Writer) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-done:
			return
		case now := <-ticker.C:
			fmt.Fprintf(out, "%s  %s\n", now.Format(time.TimeOnly), generator.Take().Line(now.Sub(last)))
			last = now
		}
	}
}
