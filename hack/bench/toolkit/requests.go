// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"

	"goservice.dev/operator/workload/pool"
	"goservice.dev/operator/workload/ratelimit"
	"goservice.dev/operator/workload/telemetry"
)

// requestGroup measures what middleware adds to a handler that does nothing, without a network. A null writer stands for the
// connection.
func requestGroup() (group, error) {
	measured, err := telemetry.New(context.Background(), telemetry.Config{Service: "bench", Log: io.Discard})
	if err != nil {
		return group{}, err
	}
	if err := measured.Level().Set("off"); err != nil {
		return group{}, err
	}
	unsampled := otelhttp.NewMiddleware("bench", otelhttp.WithTracerProvider(sdktrace.NewTracerProvider(
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.NeverSample())))))
	limits := func(next http.Handler) http.Handler {
		return ratelimit.Middleware(ratelimit.New(plenty, plentyBurst))(pool.Middleware(newPool())(next))
	}
	rows := []struct {
		name string
		ours bool
		wrap func(http.Handler) http.Handler
	}{
		{ownMetrics, true, measured.Middleware},
		{promhttpName, false, promhttpChain(prometheus.NewRegistry())},
		{otelhttpName, false, unsampled},
		{"goservice limiter and pool", true, limits},
		{"x/time/rate and semaphore by hand", false, byHand},
		{"goservice telemetry, limiter and pool", true, func(next http.Handler) http.Handler { return measured.Middleware(limits(next)) }},
		{"no middleware, for comparison", false, func(next http.Handler) http.Handler { return next }},
	}
	g := group{title: "middleware: one request through an http.ServeMux"}
	for _, row := range rows {
		mux := http.NewServeMux()
		mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
		handler := row.wrap(mux)
		g.contenders = append(g.contenders, contender{name: row.name, ours: row.ours, run: func(b *testing.B) {
			r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/orders/4711", nil)
			w := &nullWriter{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				handler.ServeHTTP(w, r)
			}
			if w.status != http.StatusNoContent {
				b.Fatalf("status %d", w.status)
			}
		}})
	}
	return g, nil
}

// Names of rows that the last line tells.
const (
	ownMetrics   = "goservice telemetry: metrics, trace context, log off"
	promhttpName = "promhttp: duration with its count, and in flight"
	otelhttpName = "otelhttp: trace not sampled, no metrics"
)

// promhttpChain counts once: the histogram of durations has the count already.
func promhttpChain(registry *prometheus.Registry) func(http.Handler) http.Handler {
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "http_request_duration_seconds"}, []string{"code", "method"})
	inFlight := prometheus.NewGauge(prometheus.GaugeOpts{Name: "http_requests_in_flight"})
	registry.MustRegister(duration, inFlight)
	return func(next http.Handler) http.Handler {
		return promhttp.InstrumentHandlerInFlight(inFlight, promhttp.InstrumentHandlerDuration(duration, next))
	}
}

func byHand(next http.Handler) http.Handler {
	limiter, workers := rate.NewLimiter(plenty, plentyBurst), semaphore.NewWeighted(atOnce)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !limiter.Allow() {
			http.Error(w, "too many requests", http.StatusTooManyRequests)
			return
		}
		if workers.Acquire(r.Context(), 1) != nil {
			http.Error(w, "overloaded", http.StatusServiceUnavailable)
			return
		}
		defer workers.Release(1)
		next.ServeHTTP(w, r)
	})
}

type nullWriter struct {
	header http.Header
	status int
}

func (w *nullWriter) Header() http.Header         { return w.header }
func (w *nullWriter) WriteHeader(status int)      { w.status = status }
func (w *nullWriter) Write(p []byte) (int, error) { return len(p), nil }
