// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package tracing carries the trace of a request through what is stored.
package tracing

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
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
