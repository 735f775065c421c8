// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// Others are compared with the first of ours, by medians; a contender that nobody measured would be 0.
func TestTableComparesWithOurs(t *testing.T) {
	g := group{title: "work", contenders: []contender{{name: "theirs"}, {name: "ours", ours: true}, {name: "ours too", ours: true}}}
	found := results{
		"work/theirs": {median: 30, best: 20, bytes: 8, allocs: 1}, "work/ours": {median: 20, best: 19}, "work/ours too": {median: 5, best: 5},
	}
	var out strings.Builder
	if err := found.write(&out, []group{g}); err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for line := range strings.Lines(out.String()) {
		rows = append(rows, strings.Fields(line))
	}
	for i, want := range map[int]string{
		3: "30.0 20.0 8 1.00 1.5x theirs", 4: "20.0 19.0 0 0.00 - ours", 5: "5.0 5.0 0 0.00 - ours too",
	} {
		if got := strings.Join(rows[i], " "); got != want {
			t.Errorf("row %d is %q, want %q", i, got, want)
		}
	}
}

// A limiter is judged by all rates and rounds, not by its best or its worst one.
func TestResult(t *testing.T) {
	accuracy := deviations{
		ownAllow:   {1_000: {0, 0.01}, 100_000: {0.04, -0.02}},
		xtimeAllow: {1_000: {-0.001}, 10_000: {0.008}, 100_000: {0.86, 5.3, 0.1}},
	}
	g := group{title: "g"}
	found := results{
		"g/" + goservice: {median: 32, allocs: 2}, "g/" + xtime: {median: 103}, "g/" + errgroupName: {median: 479},
		"g/" + ownMetrics: {median: 700}, "g/" + promhttpName: {median: 800}, "g/" + otelhttpName: {median: 5000},
	}
	var out strings.Builder
	if err := writeResult(&out, found, accuracy, g, g, g, g); err != nil {
		t.Fatal(err)
	}
	want := "RESULT bench-toolkit limiter_ns=32.0 limiter_allocs=2 xtime_ns=103.0 admit_ns=32.0 fanout_ns=32.0 errgroup_ns=479.0 " +
		"accuracy_least_pct=-0.020 accuracy_most_pct=0.040 xtime_accuracy_least_pct=-0.001 xtime_accuracy_most_pct=5.300 metrics_ns=700 promhttp_ns=800 otelhttp_ns=5000"
	if got := strings.TrimSpace(out.String()); got != want {
		t.Errorf("\n%s, want\n%s", got, want)
	}
}

// The rival measures what ours does, and nothing twice: a histogram of durations, which has the count, and those in flight.
func TestTheRivalOfOurMetricsCountsOnce(t *testing.T) {
	registry := prometheus.NewRegistry()
	handler := promhttpChain(registry)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for range 3 {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
	}
	families, err := registry.Gather()
	if err != nil || len(families) != 2 {
		t.Fatalf("%d families of metrics, %v", len(families), err)
	}
	if got := families[0].GetMetric()[0].GetHistogram().GetSampleCount(); got != 3 {
		t.Errorf("%s has counted %d", families[0].GetName(), got)
	}
}

func TestMedian(t *testing.T) {
	values := []float64{5, 1, 3}
	if got := median(values); got != 3 || values[0] != 5 {
		t.Errorf("median() = %g, and left %v", got, values)
	}
}
