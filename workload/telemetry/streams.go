// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// streamBuckets go from what a mistake looks like to what is left open over night.
var streamBuckets = []float64{0.1, 1, 10, 60, 300, 900, 3600, 14400, 86400}

// streamMetrics are resolved by route each time: a stream lasts long enough to pay for that.
type streamMetrics struct {
	active  *prometheus.GaugeVec
	seconds *prometheus.HistogramVec
}

func newStreamMetrics(registry prometheus.Registerer) streamMetrics {
	m := streamMetrics{
		active: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "goservice_streams_active", Help: "Streams that are open: responses without an end of their own, and connections that a handler has taken over.",
		}, []string{"http_route"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "goservice_stream_seconds", Help: "For how long streams were open, by how they ended.", Buckets: streamBuckets,
		}, []string{"http_route", "end"}),
	}
	registry.MustRegister(m.active, m.seconds)
	return m
}

func (m streamMetrics) began(pattern string) { m.active.WithLabelValues(route(pattern)).Inc() }

func (m streamMetrics) ended(pattern, end string, took time.Duration) {
	m.active.WithLabelValues(route(pattern)).Dec()
	m.seconds.WithLabelValues(route(pattern), end).Observe(took.Seconds())
}
