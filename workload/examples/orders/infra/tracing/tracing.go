// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package tracing carries the trace of a request through what is stored, and gives the toolkit's tracers to libraries.
package tracing

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"
)

var propagator = propagation.TraceContext{}

// Headers of the context's trace, for a message that others read later.
func Headers(ctx context.Context) map[string]string {
	headers := propagation.MapCarrier{}
	propagator.Inject(ctx, headers)
	return headers
}

// Continue the trace that the headers name; spans that are started with the context are its children.
func Continue(ctx context.Context, headers map[string]string) context.Context {
	return propagator.Extract(ctx, propagation.MapCarrier(headers))
}

// Provider makes a provider of a function such as service.Service.Tracer.
func Provider(tracer func(name string) trace.Tracer) trace.TracerProvider {
	return provider{tracer: tracer}
}

type provider struct {
	embedded.TracerProvider
	tracer func(name string) trace.Tracer
}

func (p provider) Tracer(name string, _ ...trace.TracerOption) trace.Tracer { return p.tracer(name) }
