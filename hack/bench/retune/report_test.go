// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Quantiles are values that were measured: of 30 edits, the 99th percentile is the slowest.
func TestQuantile(t *testing.T) {
	of := func(n int) (times []time.Duration) {
		for i := range n {
			times = append(times, time.Duration(i+1))
		}
		return times
	}
	for _, c := range []struct {
		count int
		q     float64
		want  time.Duration
	}{{1, 0.5, 1}, {1, 0.99, 1}, {2, 0.5, 1}, {3, 0.5, 2}, {30, 0.9, 27}, {30, 0.99, 30}, {100, 0.99, 99}, {200, 0.99, 198}} {
		if got := quantile(of(c.count), c.q); got != c.want {
			t.Errorf("quantile %g of %d: the %d. value, want the %d.", c.q, c.count, got, c.want)
		}
	}
}

// The load is far below every limit: a request that is limited was not served, like one that failed.
func TestReport(t *testing.T) {
	const ms = time.Millisecond
	r := result{
		settings: settings{pods: 2}, restarts: 1, stock: []time.Duration{50_000 * ms, 40_000 * ms, 60_000 * ms},
		edits:     []edit{{applied: 5 * ms, first: 90 * ms, last: 300 * ms, again: 1}, {applied: 6 * ms, first: 80 * ms, last: 100 * ms}},
		load:      tally{sent: 100, admitted: 94, limited: 4, failed: 2, failures: []string{"EOF"}},
		admission: admission{limit: 50, burst: 50, length: 4 * time.Second, counts: tally{sent: 800, admitted: 249, limited: 551}},
	}
	var out strings.Builder
	if err := r.write(&out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	want := "RESULT bench-retune pods=2 edits=2 p50_ms=100 p99_ms=300 stock_p50_ms=50000 restarts=1 failed_requests=6"
	if got := lines[len(lines)-1]; got != want {
		t.Errorf("last line\n%s, want\n%s", got, want)
	}
	for _, part := range []string{
		"p99 of 2 edits and of 3 changes of plain pods", "100 sent, 94 admitted, 4 limited (429), 2 failed (EOF)", "that is to be 250.", "25.0 % of the retunes",
	} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is missing in\n%s", part, out.String())
		}
	}
}

func TestRequestsAreCountedByTheirAnswers(t *testing.T) {
	var counts tally
	counts.add(http.StatusOK, nil)
	counts.add(http.StatusTooManyRequests, nil)
	counts.add(http.StatusServiceUnavailable, nil)
	counts.add(http.StatusOK, errors.New("cut off"))
	if counts.sent != 4 || counts.admitted != 1 || counts.limited != 1 || counts.failed != 2 || strings.Join(counts.failures, ", ") != "HTTP status 503, cut off" {
		t.Errorf("%+v", counts)
	}
}

// A pod that is sent more than the limit admits the limit and the buckets.
func TestALimitIsEnforced(t *testing.T) {
	for admitted, enforced := range map[int]bool{250: true, 274: true, 276: false, 176: true, 174: false, 0: false, 800: false} {
		a := admission{limit: 50, burst: 50, length: 4 * time.Second, counts: tally{sent: 800, admitted: admitted}}
		if err := a.check(); (err == nil) != enforced {
			t.Errorf("%d of a limit of 250: %v", admitted, err)
		}
	}
}
