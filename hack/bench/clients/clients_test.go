// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// target is a server that answers everything in one way.
func target(t *testing.T, handler http.HandlerFunc) (address string, of server) {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://"), server{sink: "/sink", proxy: "/far", work: "/work"}
}

// A stream that the server ends is a cut one, and one that the client ends is not.
func TestACutStreamIsToldFromOneThatTheClientEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	address, of := target(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		cancel()
		<-r.Context().Done()
	})
	var seen misbehaved
	follow(ctx, address, of, &seen)
	if cut, refused := seen.cut.Load(), seen.refused.Load(); cut != 0 || refused != 0 {
		t.Errorf("the client has ended it: cut %d, refused %d", cut, refused)
	}

	address, of = target(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "data: x\n\n") })
	follow(t.Context(), address, of, &seen)
	if cut, held := seen.cut.Load(), seen.held.Load(); cut != 1 || held <= 0 {
		t.Errorf("the server has ended it: cut %d, held %d", cut, held)
	}

	address, of = target(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	follow(t.Context(), address, of, &seen)
	if cut, refused := seen.cut.Load(), seen.refused.Load(); cut != 1 || refused != 1 {
		t.Errorf("the server has refused it: cut %d, refused %d", cut, refused)
	}
}

// What is refused counts as not served, as does what was never sent.
func TestFailedPercentCountsRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		f    figures
		want float64
	}{
		"all served":   {figures{sent: 10}, 0},
		"a tenth":      {figures{sent: 10, failed: 1}, 10},
		"nothing sent": {figures{}, 100},
	} {
		if got := c.f.failedPercent(); got != c.want {
			t.Errorf("%s: %g %%, want %g", name, got, c.want)
		}
	}
}

// The report takes the worst of the calm cases, and the flood for itself.
func TestTheResultIsTheWorstOfTheCases(t *testing.T) {
	of := func(quietP99, slowP99, floodP99 time.Duration) map[string][]figures {
		return map[string][]figures{
			quiet:      {{sent: 100, p99: quietP99, peakMiB: 20}},
			slowBodies: {{sent: 100, failed: 3, p99: slowP99, peakMiB: 30}},
			flood:      {{sent: 100, failed: 50, p99: floodP99, peakMiB: 25}},
		}
	}
	r := results{
		settings: settings{rounds: 1, rate: 1, duration: time.Second},
		servers:  []server{{name: workloadName}, {name: bareName}},
		of: map[string]map[string][]figures{
			workloadName: of(time.Millisecond, 2*time.Millisecond, 9*time.Millisecond), bareName: of(time.Millisecond, 3*time.Millisecond, 8*time.Millisecond),
		},
	}
	var out bytes.Buffer
	if err := r.write(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		" slow_body_failed_pct=3.00 ", " flood_failed_pct=50.00 ", " rss_mib=30.0 ", " p99_ms=2.00 ", " flood_p99_ms=9.00 ", " baseline_p99_ms=1.00 ", " bare_p99_ms=3.00 ",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report has no %q:\n%s", want, out.String())
		}
	}
}
