// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command foreign is a Go service as teams have them: it knows nothing of the toolkit or the operator, and counts its requests with one of
// the libraries that are common for it. The end-to-end tests run it beside the project's own images.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// drainTime is how long what is under way may take to end.
const drainTime = 10 * time.Second

func main() {
	metrics := flag.String("metrics", "otelhttp", "what counts the requests: otelhttp, promhttp, or grpc (a gRPC server with its health service)")
	server := flag.String("call", "", "address of a gRPC server of this program to call all the time, instead of serving")
	metricsAddress := flag.String("metrics-address", "", "address of the metrics; default: they are on the port of the service")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if *server != "" {
		if err := call(ctx, *server); err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(ctx, *metrics, net.JoinHostPort("", os.Getenv("PORT")), *metricsAddress); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, metrics, address, metricsAddress string) error {
	if metrics == "grpc" {
		return serveGRPC(ctx, address, metricsAddress)
	}
	instrument, page, err := instrumentation(metrics)
	if err != nil {
		return err
	}
	service := http.NewServeMux()
	service.Handle("GET /work", instrument("GET /work", http.HandlerFunc(work)))
	service.Handle("GET /fail", instrument("GET /fail", &failing{}))
	service.HandleFunc("GET /{$}", func(http.ResponseWriter, *http.Request) {})
	if metricsAddress == "" {
		service.Handle("GET /metrics", page)
		return serve(ctx, address, service)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return serve(ctx, address, service) })
	group.Go(func() error { return serve(ctx, metricsAddress, page) })
	return group.Wait()
}

// serve until ctx ends, and then what is under way.
func serve(ctx context.Context, address string, handler http.Handler) error {
	server := &http.Server{Addr: address, Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.ListenAndServe() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	draining, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	if err := server.Shutdown(draining); err != nil {
		return err
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// work computes for as long as the parameter cpu says, and then waits as long as sleep says.
func work(w http.ResponseWriter, r *http.Request) {
	busy, err := durationOf(r, "cpu")
	wait, err2 := durationOf(r, "sleep")
	if err = errors.Join(err, err2); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	result := compute(busy)
	select {
	case <-time.After(wait):
	case <-r.Context().Done():
	}
	fmt.Fprintf(w, "%x\n", result)
}

// durationOf a parameter that may be left out.
func durationOf(r *http.Request, name string) (time.Duration, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > time.Second {
		return 0, fmt.Errorf("%s must be a duration from 0s to 1s", name)
	}
	return d, nil
}

// stepsPerMillisecond is how many steps a millisecond takes on a usual processor.
const stepsPerMillisecond = 400_000

// compute a fixed amount of work, which takes longer where a processor is shared: only then more pods help.
func compute(busy time.Duration) uint64 {
	x := uint64(88172645463325252)
	for range int(busy.Milliseconds()) * stepsPerMillisecond {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	return x
}

// failing answers that many of a hundred requests with an error, evenly: all of them unless the parameter percent says so.
type failing struct{ asked atomic.Uint64 }

func (f *failing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	percent := uint64(100)
	if text := r.URL.Query().Get("percent"); text != "" {
		var err error
		if percent, err = strconv.ParseUint(text, 10, 64); err != nil || percent > 100 {
			http.Error(w, "percent must be a whole number from 0 to 100", http.StatusBadRequest)
			return
		}
	}
	if asked := f.asked.Add(1); asked*percent/100 > (asked-1)*percent/100 {
		http.Error(w, "broken", http.StatusInternalServerError)
	}
}
