// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// tally counts answers; the zero value is ready. Safe for use by several goroutines.
type tally struct {
	mu                                          sync.Mutex
	ok, limited, unavailable, other, lost, late int
	latencies                                   []time.Duration // of admitted requests
}

func (t *tally) answered(status int, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case status == http.StatusTooManyRequests:
		t.limited++
	case status == http.StatusServiceUnavailable:
		t.unavailable++
	case status < http.StatusBadRequest:
		t.ok++
		t.latencies = append(t.latencies, took)
	default:
		t.other++
	}
}

func (t *tally) failed() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lost++
}

func (t *tally) unsent() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.late++
}

// take returns what was counted since the last call, and starts anew.
func (t *tally) take() *tally {
	t.mu.Lock()
	defer t.mu.Unlock()
	taken := &tally{
		ok: t.ok, limited: t.limited, unavailable: t.unavailable, other: t.other, lost: t.lost, late: t.late,
		latencies: t.latencies,
	}
	t.ok, t.limited, t.unavailable, t.other, t.lost, t.late, t.latencies = 0, 0, 0, 0, 0, 0, nil
	return taken
}

func (t *tally) add(o *tally) {
	t.ok += o.ok
	t.limited += o.limited
	t.unavailable += o.unavailable
	t.other += o.other
	t.lost += o.lost
	t.late += o.late
	t.latencies = append(t.latencies, o.latencies...)
}

// line divides the counts by seconds and adds the latency of what was admitted. What did not happen is left out.
func (t *tally) line(seconds float64) string {
	per := func(count int) int { return int(float64(count)/seconds + 0.5) }
	var line strings.Builder
	fmt.Fprintf(&line, "admitted %6d", per(t.ok))
	for _, part := range []struct {
		label string
		count int
	}{
		{"429 limited", t.limited},
		{"503 unavailable", t.unavailable},
		{"other answers", t.other},
		{"no answer", t.lost},
		{"not sent, this machine is too slow", t.late},
	} {
		if part.count > 0 {
			fmt.Fprintf(&line, "  %s %6d", part.label, per(part.count))
		}
	}
	if len(t.latencies) > 0 {
		slices.Sort(t.latencies)
		fmt.Fprintf(&line, "  p50 %s p99 %s", t.quantile(0.5), t.quantile(0.99))
	}
	return line.String()
}

// quantile of sorted latencies, by the nearest rank.
func (t *tally) quantile(q float64) time.Duration {
	rank := int(q * float64(len(t.latencies)))
	return t.latencies[min(rank, len(t.latencies)-1)].Round(10 * time.Microsecond)
}
