// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
)

// instrumentation of handlers by a library, and the page of metrics.
func instrumentation(library string) (instrument func(operation string, next http.Handler) http.Handler, page http.Handler, err error) {
	switch library {
	case "otelhttp":
		reader, err := exporter.New()
		if err != nil {
			return nil, nil, err
		}
		provider := metric.NewMeterProvider(metric.WithReader(reader))
		return func(operation string, next http.Handler) http.Handler {
			return otelhttp.NewHandler(next, operation, otelhttp.WithMeterProvider(provider))
		}, promhttp.Handler(), nil
	case "promhttp":
		durations := promauto.NewHistogramVec(prometheus.HistogramOpts{
			Name: "http_request_duration_seconds", Help: "How long requests took.", Buckets: prometheus.DefBuckets,
		}, []string{"code", "method"})
		return func(_ string, next http.Handler) http.Handler {
			return promhttp.InstrumentHandlerDuration(durations, next)
		}, promhttp.Handler(), nil
	}
	return nil, nil, fmt.Errorf("-metrics must be otelhttp, promhttp, or grpc, not %q", library)
}
