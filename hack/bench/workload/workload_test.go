// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"bufio"
	"net/http/httptest"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"goservice.dev/operator/hack/bench/workload/bare"
)

func TestReadResponse(t *testing.T) {
	for name, c := range map[string]struct {
		text   string
		length int
		fails  bool
	}{
		"served":         {"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 3\r\n\r\nabc", 3, false},
		"empty":          {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0, false},
		"refused":        {"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", 0, true},
		"cut off":        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", 0, true},
		"without length": {"HTTP/1.1 200 OK\r\n\r\n", 0, true},
		"nothing":        {"", 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			length, err := readResponse(bufio.NewReader(strings.NewReader(c.text)))
			if (err != nil) != c.fails || err == nil && length != c.length {
				t.Errorf("readResponse() = %d, %v", length, err)
			}
		})
	}
}

// The client that finds out the throughput understands the bare server, and tells how much that answers.
func TestAnswerBytes(t *testing.T) {
	server := httptest.NewServer(bare.Handler())
	defer server.Close()
	recorder := httptest.NewRecorder()
	bare.Handler().ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
	got, err := answerBytes(t.Context(), strings.TrimPrefix(server.URL, "http://"))
	if want := recorder.Body.Len(); err != nil || got != want || want == 0 {
		t.Errorf("answerBytes() = %d, %v, want %d", got, err, want)
	}
}

// Pauses are those between two looks, and the quantile is bounded by the bucket that it is in.
func TestPauses(t *testing.T) {
	var h histogram
	if got := h.upperBound(0.99); got != 0 {
		t.Errorf("without pauses: %g", got)
	}
	at := func(counts ...uint64) *metrics.Float64Histogram {
		return &metrics.Float64Histogram{Counts: counts, Buckets: []float64{0, 1, 2, 4}}
	}
	h.add(at(5, 5, 5), at(15, 5, 5))
	h.add(at(0, 0, 0), at(80, 9, 1))
	if h.total() != 100 || h.upperBound(0.9) != 1 || h.upperBound(0.99) != 2 || h.upperBound(1) != 4 {
		t.Errorf("%+v: p90 %g, p99 %g, longest %g", h, h.upperBound(0.9), h.upperBound(0.99), h.upperBound(1))
	}
}

func TestReport(t *testing.T) {
	of := func(perSecond float64, ready, idle float64, p99 time.Duration, bytes int) *figures {
		return &figures{
			perSecond: []float64{perSecond, 2 * perSecond, perSecond}, cpu: time.Second, served: 100_000, p50: []time.Duration{time.Millisecond},
			p99: []time.Duration{p99}, readyMilliseconds: []float64{ready}, idleMiB: []float64{idle}, late: []time.Duration{0}, answerBytes: bytes,
		}
	}
	r := results{
		contenders:  []contender{{name: bareName, imageBytes: 4e6}, {name: chainName, imageBytes: 12e6}},
		extraAllocs: 2,
		of:          map[string]*figures{bareName: of(1000, 3, 5.7, 2*time.Millisecond, 79), chainName: of(900, 9, 10.9, 3*time.Millisecond, 80)},
	}
	var out strings.Builder
	if err := r.write(&out); err != nil {
		t.Fatal(err)
	}
	want := "RESULT bench-workload bare_rps=1000 chain_rps=900 ratio=0.900 extra_allocs=2 p99_us_bare=2000 p99_us_chain=3000 gc_pause_p99_us=0.0 " +
		"ready_ms=9.0 bare_ready_ms=3.0 idle_mib=10.9 bare_idle_mib=5.7 image_mb=12.00"
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if got := lines[len(lines)-1]; got != want {
		t.Errorf("last line\n%s, want\n%s", got, want)
	}
	for _, part := range []string{"79 B", "80 B", "without podinfo"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is missing in\n%s", part, out.String())
		}
	}
}
