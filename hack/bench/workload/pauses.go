// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"fmt"
	"math"
	"net/http"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// pausesMetric is the runtime's histogram of all pauses of the garbage collector (/sched/pauses/total/gc:seconds), as the
// workload's collector exposes it.
const pausesMetric = "go_sched_pauses_total_gc_seconds"

// histogram counts by upper bound, cumulatively as Prometheus does.
type histogram map[float64]uint64

func readPauses(ctx context.Context, adminPort int) (histogram, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/metrics", adminPort), http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(response.Body)
	if err != nil {
		return nil, fmt.Errorf("reading /metrics: %w", err)
	}
	family, ok := families[pausesMetric]
	if !ok || len(family.GetMetric()) != 1 {
		return nil, fmt.Errorf("/metrics has no %s", pausesMetric)
	}
	counts := histogram{}
	for _, bucket := range family.GetMetric()[0].GetHistogram().GetBucket() {
		counts[bucket.GetUpperBound()] = bucket.GetCumulativeCount()
	}
	counts[math.Inf(1)] = family.GetMetric()[0].GetHistogram().GetSampleCount()
	return counts, nil
}

func (h *histogram) addDifference(before, after histogram) {
	if *h == nil {
		*h = histogram{}
	}
	for bound, count := range after {
		(*h)[bound] += count - before[bound]
	}
}

// count of all pauses.
func (h histogram) count() uint64 { return h[math.Inf(1)] }

// upperBound of the bucket that holds the quantile: the quantile is not above it.
func (h histogram) upperBound(quantile float64) float64 {
	bound := math.Inf(1)
	for candidate, count := range h {
		if float64(count) >= quantile*float64(h.count()) {
			bound = min(bound, candidate)
		}
	}
	return bound
}
