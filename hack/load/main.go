// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Load sends requests to a service at a rate of its own, whatever becomes of the answers, and shows second by second what
// was admitted and what was turned away; then a summary by status code. Latencies count from when each request was due.
//
//	go run ./hack/load -url http://127.0.0.1:8080/ -rate 500 -for 30s
//
// It sends to loopback only, or from a pod to the cluster's own names. With -grpc, it calls the method that the URL's path names, with an
// empty message. With -control, others can read the counts and end the run.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"goservice.dev/operator/hack/load/loadgen"
)

// settings of a run.
type settings struct {
	config  loadgen.Config
	grpc    bool
	json    bool
	within  time.Duration
	control string
	await   time.Duration
}

func main() {
	var s settings
	config := &s.config
	flag.StringVar(&config.URL, "url", "http://127.0.0.1:8080/", "where to send")
	flag.StringVar(&config.Method, "method", "GET", "method of the requests, which have no body")
	flag.Float64Var(&config.Rate, "rate", 500, fmt.Sprintf("requests per second, up to %d", loadgen.MaxRate))
	flag.DurationVar(&config.Duration, "for", 30*time.Second, fmt.Sprintf("how long, up to %s", loadgen.MaxDuration))
	flag.BoolVar(&config.Poisson, "poisson", false, "random arrivals, as of many clients, instead of evenly spaced ones")
	flag.IntVar(&config.Outstanding, "outstanding", 0,
		fmt.Sprintf("how many requests may wait for their answers; what is due beyond is counted as not sent; up to %d (default 512)", loadgen.MaxOutstanding))
	flag.IntVar(&config.Connections, "connections", 0, "connections to keep alive (default 64, or 8 with -http2 or -grpc)")
	flag.BoolVar(&config.Fresh, "fresh", false, "a new connection for each request")
	flag.BoolVar(&config.HTTP2, "http2", false, "HTTP/2 in cleartext, by prior knowledge")
	flag.BoolVar(&s.grpc, "grpc", false, "unary gRPC calls in cleartext of an empty message, to the method that is the path of the URL")
	flag.DurationVar(&config.Timeout, "timeout", 0, "of one request (default 10s)")
	flag.BoolVar(&s.json, "json", false, "write the summary as one line of JSON to standard output, and the lines of the seconds to standard error")
	flag.DurationVar(&s.within, "within", 0, "with -json, also tell how many requests were served within this time, from when each was due; 0: do not")
	flag.DurationVar(&s.await, "await", 0, "how long to wait at most until the address takes connections, before the first request; 0: do not")
	flag.StringVar(&s.control, "control", "", "address that answers GET / with the counts so far as JSON, and POST /stop with those at the end; the program then stays until it is told to end")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, s, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings, out, progress io.Writer) error {
	if s.grpc {
		calls, err := newCaller(s.config.URL, s.config.Connections, s.config.Fresh)
		if err != nil {
			return err
		}
		defer func() { _ = calls.close() }() // nothing waits for it
		s.config.Call = calls.call
	}
	generator, err := loadgen.New(s.config)
	if err != nil {
		return err
	}
	lines := out
	if s.json {
		lines = progress
	}
	sending, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan struct{})
	if s.control != "" {
		server, err := serveControl(ctx, s.control, control(generator, stop, done))
		if err != nil {
			return err
		}
		defer func() { _ = server.Close() }() // nothing waits for it
	}
	if err := await(sending, s.config.URL, s.await); err != nil && sending.Err() == nil {
		return err
	}
	start := time.Now()
	go func() {
		defer close(done)
		generator.Run(sending)
	}()
	printEachSecond(generator, done, lines)
	took := min(time.Since(start), s.config.Duration)
	if s.json {
		total := generator.Total()
		total.Limit = s.within
		err = json.NewEncoder(out).Encode(total)
	} else {
		fmt.Fprintln(out)
		err = generator.Total().Summary(out, took)
	}
	if s.control != "" {
		<-ctx.Done()
	}
	return err
}

// await an address that takes connections: a Service does not at once when its first pods are ready.
func await(ctx context.Context, address string, patience time.Duration) error {
	if patience <= 0 {
		return nil
	}
	parsed, err := url.Parse(address)
	if err != nil {
		return err
	}
	host := parsed.Host
	if parsed.Port() == "" {
		host = net.JoinHostPort(parsed.Hostname(), parsed.Scheme) // net knows the ports of http and https
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", host)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("-await %s: %w", patience, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
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
