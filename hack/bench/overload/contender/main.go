// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command contender is a net/http server that does the work of a request behind one of several ways to bound how much of it runs at
// once. Everything else is the same for all of them.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"time"

	"goservice.dev/operator/workload/app"
	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/pool"
	"goservice.dev/operator/workload/service"
)

func main() {
	address := flag.String("address", "127.0.0.1:0", "to listen on")
	way := flag.String("way", "none", "the way to bound what runs at once: none, pool, "+names())
	document := flag.String("document", "", "live settings document for the pool")
	var to told
	flag.DurationVar(&to.wait, "wait", 50*time.Millisecond, "the longest wait for the ways that have one")
	flag.IntVar(&to.places, "places", 1, "how much runs at once, at least 1, for the ways that are told")
	flag.IntVar(&to.processors, "machine", runtime.NumCPU(), "processors of the machine, at least 1, for the ways that measure all of it")
	burn := flag.Int("burn", 0, "compute on as many goroutines instead of serving, as a noisy neighbor")
	flag.Parse()
	if err := run(*address, *way, *document, to, *burn); err != nil {
		fmt.Fprintln(os.Stderr, "contender:", err)
		os.Exit(1)
	}
}

func run(address, way, document string, to told, burn int) error {
	if to.places < 1 || to.processors < 1 {
		return fmt.Errorf("-places %d, -machine %d: both must be at least 1", to.places, to.processors)
	}
	ready := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	mux := http.NewServeMux()
	mux.Handle("GET /readyz", ready)
	for range burn {
		go func() {
			for {
				_ = app.Load{CPU: time.Millisecond}.Do(context.Background())
			}
		}()
	}
	bound, err := boundOf(way, document, to)
	if err != nil {
		return err
	}
	mux.Handle("GET /work", bound(http.HandlerFunc(work)))
	server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	return server.ListenAndServe()
}

// work as the bundled workload does it.
func work(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	cpu, _ := time.ParseDuration(query.Get("cpu"))
	sleep, _ := time.ParseDuration(query.Get("sleep"))
	start := time.Now()
	if err := (app.Load{CPU: cpu, Sleep: sleep}).Do(r.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fmt.Fprintf(w, "{\"took\":%q}\n", time.Since(start))
}

func boundOf(way, document string, to told) (func(http.Handler) http.Handler, error) {
	switch way {
	case "none":
		return func(next http.Handler) http.Handler { return next }, nil
	case "pool":
		content, err := os.ReadFile(document)
		if err != nil {
			return nil, err
		}
		var settings livesettings.Document
		if err := json.Unmarshal(content, &settings); err != nil {
			return nil, err
		}
		return pooled(settings)
	}
	open, known := ways[way]
	if !known {
		return nil, fmt.Errorf("-way %q: must be none, pool, %s", way, names())
	}
	acquire := open(to)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			release, err := acquire(r.Context(), isCritical(r))
			if err != nil {
				http.Error(w, "overloaded", http.StatusServiceUnavailable)
				return
			}
			defer release()
			// As the pool's middleware does, so that what waits for the processor comes before the bound first.
			runtime.Gosched()
			next.ServeHTTP(w, r)
		})
	}, nil
}

func pooled(settings livesettings.Document) (func(http.Handler) http.Handler, error) {
	if settings.Pool == nil {
		return nil, fmt.Errorf("the document has no pool")
	}
	workers := pool.New(service.PoolFor(settings))
	return pool.Middleware(workers, pool.WithClaim(func(r *http.Request) pool.Claim {
		if isCritical(r) {
			return pool.Claim{Priority: pool.Critical}
		}
		return pool.Claim{}
	})), nil
}

func isCritical(r *http.Request) bool { return r.URL.Query().Has("critical") }
