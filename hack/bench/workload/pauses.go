// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"encoding/gob"
	"fmt"
	"net/http"
	"os"
	"runtime/metrics"

	"goservice.dev/operator/hack/bench/internal/child"
	"goservice.dev/operator/hack/bench/workload/bare"
	"goservice.dev/operator/workload/service"
)

// pausesMetric is the runtime's histogram of all pauses of the garbage collector.
const pausesMetric = "/sched/pauses/total/gc:seconds"

// serveChain serves the same handler behind the same chain as the workload, and the histogram as the runtime has it: the
// workload's own metrics have it too, but there a bucket ends at ten times the one before.
func serveChain(ctx context.Context) error {
	svc := service.New(service.WithBuiltIn(everythingOn()))
	svc.Handle("GET /{$}", bare.Handler())
	svc.HandleAdmin("GET /pauses", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		sample := []metrics.Sample{{Name: pausesMetric}}
		metrics.Read(sample)
		_ = gob.NewEncoder(w).Encode(sample[0].Value.Float64Histogram()) // gob knows infinity, JSON does not
	}))
	return svc.Serve(ctx)
}

func pausesContender() (contender, error) {
	self, err := os.Executable()
	return contender{name: "the chain's pauses", binary: self, command: func(port, adminPort int) child.Command {
		command := chainCommand(port, adminPort, "")
		command.Arguments = []string{"-chain"}
		return command
	}}, err
}

// pausesUnderLoad adds what happens at full load.
func (r *results) pausesUnderLoad(ctx context.Context, c contender, processor int) error {
	return serve(ctx, c, processor, func(_ *child.Process, address string, adminPort int) error {
		if _, _, err := saturate(ctx, address, r.settings.connections, warmUp); err != nil {
			return err
		}
		before, err := readPauses(ctx, adminPort)
		if err != nil {
			return err
		}
		if _, _, err := saturate(ctx, address, r.settings.connections, r.settings.duration); err != nil {
			return err
		}
		after, err := readPauses(ctx, adminPort)
		if err != nil {
			return err
		}
		r.pauses.add(before, after)
		return nil
	})
}

func readPauses(ctx context.Context, adminPort int) (*metrics.Float64Histogram, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/pauses", adminPort), http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	read := new(metrics.Float64Histogram)
	if err := gob.NewDecoder(response.Body).Decode(read); err != nil {
		return nil, fmt.Errorf("reading the pauses: %w", err)
	}
	return read, nil
}

// histogram of pauses; bounds[i] is the upper bound of what counts[i] has counted.
type histogram struct {
	counts []uint64
	bounds []float64
}

func (h *histogram) add(before, after *metrics.Float64Histogram) {
	if h.counts == nil {
		h.counts, h.bounds = make([]uint64, len(after.Counts)), after.Buckets[1:]
	}
	for i := range after.Counts {
		h.counts[i] += after.Counts[i] - before.Counts[i]
	}
}

// total of all pauses.
func (h *histogram) total() (total uint64) {
	for _, count := range h.counts {
		total += count
	}
	return total
}

// upperBound of the bucket that holds the quantile: the quantile is not above it. 0 without pauses.
func (h *histogram) upperBound(quantile float64) float64 {
	seen, total := uint64(0), h.total()
	for i, count := range h.counts {
		seen += count
		if total > 0 && float64(seen) >= quantile*float64(total) {
			return h.bounds[i]
		}
	}
	return 0
}
