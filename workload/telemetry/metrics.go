// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package telemetry

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Reasons for which a request is turned away; the values of the label reason.
const (
	RejectedRateLimit    = "rate_limit"
	RejectedQueueFull    = "queue_full"
	RejectedQueueTimeout = "queue_timeout"
	RejectedShed         = "shed"
	RejectedDraining     = "draining"
)

// durationBuckets are those that the OpenTelemetry semantic conventions advise for HTTP durations, and two finer ones,
// because a small Go service answers most requests within a few milliseconds.
var durationBuckets = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}

// nativeBucketFactor is the growth of a native histogram's buckets: at most 10 % from one to the next.
const (
	nativeBucketFactor     = 1.1
	nativeBucketMax        = 160
	nativeMinResetDuration = time.Hour
)

// Buckets for durations in seconds with an exact boundary at the threshold, if there is one.
func Buckets(threshold time.Duration) []float64 {
	if threshold <= 0 || slices.Contains(durationBuckets, threshold.Seconds()) {
		return durationBuckets
	}
	buckets := append(slices.Clone(durationBuckets), threshold.Seconds())
	slices.Sort(buckets)
	return buckets
}

func durationOpts(name, help string, threshold time.Duration) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{
		Name: name, Help: help, Buckets: Buckets(threshold),
		NativeHistogramBucketFactor:     nativeBucketFactor,
		NativeHistogramMaxBucketNumber:  nativeBucketMax,
		NativeHistogramMinResetDuration: nativeMinResetDuration,
	}
}

// seriesKey names one series of the request durations.
type seriesKey struct {
	method  string
	pattern string
	status  int
}

type requestMetrics struct {
	durations *prometheus.HistogramVec
	service   prometheus.Histogram
	rejected  *prometheus.CounterVec
	reasons   map[string]prometheus.Counter
	inFlight  atomic.Int64
	streams   streamMetrics

	// series resolved so far. The map is replaced and never written to, so that a request reads it without a lock.
	series atomic.Pointer[map[seriesKey]prometheus.Observer]
	adding sync.Mutex
}

func newRequestMetrics(registry prometheus.Registerer, threshold time.Duration) *requestMetrics {
	m := &requestMetrics{
		durations: prometheus.NewHistogramVec(durationOpts("http_server_request_duration_seconds",
			"Duration of HTTP requests as their clients see it: with the wait for a worker, and rejected ones included. Of streams the time until they began.", threshold),
			[]string{"http_request_method", "http_route", "http_response_status_code"}),
		service: prometheus.NewHistogram(durationOpts("goservice_service_seconds",
			"Time for which HTTP requests held a worker: the handler's own time, without the wait for the worker.", threshold)),
		rejected: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "goservice_requests_rejected_total", Help: "HTTP requests that were turned away, by reason.",
		}, []string{"reason"}),
		reasons: map[string]prometheus.Counter{},
		streams: newStreamMetrics(registry),
	}
	for _, reason := range []string{RejectedRateLimit, RejectedQueueFull, RejectedQueueTimeout, RejectedShed, RejectedDraining} {
		m.reasons[reason] = m.rejected.WithLabelValues(reason)
	}
	m.series.Store(&map[seriesKey]prometheus.Observer{})
	registry.MustRegister(m.durations, m.service, m.rejected, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "http_server_active_requests", Help: "HTTP requests that are being answered, streams excluded.",
	}, func() float64 { return float64(m.inFlight.Load()) }))
	return m
}

// observer finds the series of a request. The pattern is the route's, never the path: paths are without bound.
func (m *requestMetrics) observer(method, pattern string, status int) prometheus.Observer {
	key := seriesKey{knownMethod(method), pattern, status}
	if observer, ok := (*m.series.Load())[key]; ok {
		return observer
	}
	m.adding.Lock()
	defer m.adding.Unlock()
	observer := m.durations.WithLabelValues(key.method, route(pattern), strconv.Itoa(status))
	series := maps.Clone(*m.series.Load())
	series[key] = observer
	m.series.Store(&series)
	return observer
}

func (m *requestMetrics) reject(reason string) {
	counter, ok := m.reasons[reason]
	if !ok {
		counter = m.rejected.WithLabelValues(reason)
	}
	counter.Inc()
}

// route is a pattern without its method: "GET /orders/{id}" is the route /orders/{id}.
func route(pattern string) string {
	if _, path, ok := strings.Cut(pattern, " "); ok {
		return strings.TrimLeft(path, " \t")
	}
	return pattern
}

// knownMethod keeps a client's inventions out of the labels, as the semantic conventions demand.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return method
	}
	return "_OTHER"
}

func newOutboundMetrics(registry prometheus.Registerer) *prometheus.HistogramVec {
	durations := prometheus.NewHistogramVec(durationOpts("http_client_request_duration_seconds",
		"Duration of HTTP calls to upstreams until their response's head; status 0 means that none came.", 0),
		[]string{"upstream", "http_request_method", "http_response_status_code"})
	registry.MustRegister(durations)
	return durations
}
