// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestEveryAnswerIsTimed(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if asked.Add(1) == 30 {
			cancel()
		}
	}))
	defer server.Close()
	s := settings{connections: 3, duration: time.Hour}
	took, err := keepBusy(ctx, s, server.URL)
	if err != nil {
		t.Fatal(err)
	}
	// What is on its way at the end is asked and not answered.
	if answered := int64(len(took)); answered == 0 || answered > asked.Load() || answered < asked.Load()-int64(s.connections) {
		t.Errorf("%d requests timed, %d asked", answered, asked.Load())
	}
	for _, seconds := range took {
		if seconds <= 0 {
			t.Fatalf("a request took %v s", seconds)
		}
	}
}

func TestARefusalIsNoMeasurement(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	_, err := keepBusy(t.Context(), settings{connections: 2, duration: time.Minute}, server.URL)
	if err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("error %v, want the status", err)
	}
}

func TestTheReportIsOfMedians(t *testing.T) {
	direct := &figures{serverMicroseconds: []float64{30, 10, 20}, proxyMicroseconds: []float64{0, 0, 0}, p50: []float64{3, 1, 2}}
	proxied := &figures{serverMicroseconds: []float64{25, 45, 35}, proxyMicroseconds: []float64{150, 160, 900}, p50: []float64{4, 5, 9}}
	var text strings.Builder
	if err := report(&text, settings{connections: 50, rounds: 3}, direct, proxied, 34<<20); err != nil {
		t.Fatal(err)
	}
	want := "RESULT bench-proxy direct_us=20 proxied_us=195 added_us=175 memory_mib=34 direct_p50_ms=2.00 proxied_p50_ms=5.00\n"
	if !strings.HasSuffix(text.String(), want) {
		t.Errorf("%s\nwant at its end %s", text.String(), want)
	}
}
