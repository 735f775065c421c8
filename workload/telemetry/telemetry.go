// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package telemetry lets others see what a service does: Prometheus metrics with the names of the OpenTelemetry semantic
// conventions, structured logs with trace ids, and traces over OTLP/HTTP with W3C context in and out.
//
// It is built to cost little per request: series are resolved once per route and status, a request that is not recorded
// has no span, and a log line that is not written is not prepared.
package telemetry

import (
	"context"
	"io"
	"net/http"
	"net/netip"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Config of a Telemetry.
type Config struct {
	// Service, Namespace, Instance and Version name this process in traces and logs.
	Service, Namespace, Instance, Version string
	// LatencyThreshold of the service's objective. It becomes an exact bucket boundary of the duration histograms, so
	// that the share of slow requests is counted and not estimated, and slower requests are logged as warnings. 0: none.
	LatencyThreshold time.Duration
	// Log is where log lines go; nil means standard output.
	Log io.Writer
	// Client finds the address of a request's client, for log lines; nil leaves it out.
	Client func(*http.Request) netip.Addr
	// Tracing says where traces go; the zero value records none.
	Tracing TracingConfig
	// RequestIDs gives requests ids; the zero value none.
	RequestIDs RequestIDs
}

// Telemetry is the metrics, logs and traces of one service.
type Telemetry struct {
	registry  *prometheus.Registry
	requests  *requestMetrics
	outbound  *prometheus.HistogramVec
	logger    zerolog.Logger // puts the time on each line
	plain     zerolog.Logger // leaves that to whoever writes
	level     *Level
	threshold time.Duration
	client    func(*http.Request) netip.Addr
	sampler   *Sampler
	provider  *sdktrace.TracerProvider // nil when traces go nowhere
	tracer    trace.Tracer
	callers   callers

	withoutTraceContext, withoutBaggage bool
	requestIDs                          RequestIDs
}

// New sets everything up; with the zero Tracing nothing is sent anywhere.
func New(ctx context.Context, config Config) (*Telemetry, error) {
	if config.Log == nil {
		config.Log = os.Stdout
	}
	t := &Telemetry{
		registry:  prometheus.NewRegistry(),
		level:     new(Level),
		threshold: config.LatencyThreshold,
		client:    config.Client,
		sampler:   new(Sampler),
		callers:   newCallers(config.Tracing),

		withoutTraceContext: config.Tracing.WithoutTraceContext,
		withoutBaggage:      config.Tracing.WithoutBaggage,
		requestIDs:          config.RequestIDs,
	}
	t.sampler.Set(config.Tracing.SampleRatio)
	t.plain = newLogger(config, t.level)
	t.logger = t.plain.With().Timestamp().Logger()
	t.registry.MustRegister(
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(
			collectors.MetricsGC, collectors.MetricsScheduler)),
	)
	t.requests = newRequestMetrics(t.registry, config.LatencyThreshold)
	t.outbound = newOutboundMetrics(t.registry)
	if config.Tracing.Endpoint == "" {
		return t, nil
	}
	provider, err := newProvider(ctx, config, t.sampler, t.logger)
	if err != nil {
		return nil, err
	}
	t.provider, t.tracer = provider, provider.Tracer("goservice.dev/operator/workload/telemetry")
	return t, nil
}

// Registry takes further collectors.
func (t *Telemetry) Registry() *prometheus.Registry { return t.registry }

// Level of the logs.
func (t *Telemetry) Level() *Level { return t.level }

// Sampler of new traces.
func (t *Telemetry) Sampler() *Sampler { return t.sampler }

// TracerProvider for spans of the service's own. When traces go nowhere, its spans are not recorded and carry their parent's
// trace on.
func (t *Telemetry) TracerProvider() trace.TracerProvider {
	if t.provider == nil {
		return noop.NewTracerProvider()
	}
	return t.provider
}

// Propagator reads and writes what the service takes from its callers and tells its upstreams, for libraries that do so by
// themselves.
func (t *Telemetry) Propagator() propagation.TextMapPropagator {
	var all []propagation.TextMapPropagator
	if !t.withoutTraceContext {
		all = append(all, propagation.TraceContext{})
	}
	if !t.withoutBaggage {
		all = append(all, propagation.Baggage{})
	}
	return propagation.NewCompositeTextMapPropagator(all...)
}

// SetGlobals makes the provider and the propagator those of the process, which libraries such as otelsql, otelgrpc and redisotel
// use where they are given no others, and logs what the tracing library reports. It should be called once.
func (t *Telemetry) SetGlobals() {
	if t.provider != nil { // else whatever another part of the program has set stays
		otel.SetTracerProvider(t.provider)
	}
	otel.SetTextMapPropagator(t.Propagator())
	logger := t.Logger()
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { logger.Warn("OpenTelemetry", "error", err) }))
}

// InFlight is the number of requests that are being answered.
func (t *Telemetry) InFlight() int64 { return t.requests.inFlight.Load() }

// MetricsHandler answers scrapes: text, OpenMetrics with exemplars, or protobuf with native histograms, as the scraper
// asks.
func (t *Telemetry) MetricsHandler() http.Handler {
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{EnableOpenMetrics: true, Registry: t.registry})
}

// Shutdown sends the traces that are still held. It must be called with a context that outlives the requests.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	if t.provider == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}
