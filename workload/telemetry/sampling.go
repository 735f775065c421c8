// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package telemetry

import (
	"cmp"
	"context"
	"encoding/binary"
	"math"
	"sync/atomic"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"goservice.dev/operator/workload/internal/exchange"
	"goservice.dev/operator/workload/ratelimit"
)

// Sampler decides about new traces; its ratio may change at any time. Its zero value records none.
type Sampler struct{ threshold atomic.Uint64 }

// Set the share of new traces to record, 0 to 1.
func (s *Sampler) Set(ratio float64) {
	s.threshold.Store(uint64(min(max(ratio, 0), 1) * (1 << 63)))
}

// Sample decides from the trace's id, so that every service with the same ratio decides alike.
func (s *Sampler) Sample(traceID [16]byte) bool {
	return binary.BigEndian.Uint64(traceID[8:])>>1 < s.threshold.Load()
}

const maxCallerBurst = 1e6

// callers bounds what callers decide: a service under attack must not spend its time on traces and log lines.
type callers struct {
	ignored bool
	limiter *ratelimit.Limiter // nil: none is recorded because of its caller
}

func newCallers(config TracingConfig) callers {
	most := cmp.Or(config.MaxCallerTraces, DefaultMaxCallerTraces)
	if most < 0 {
		return callers{ignored: config.IgnoreCallers}
	}
	burst := int(math.Ceil(min(most, maxCallerBurst))) // one second's worth
	return callers{config.IgnoreCallers, ratelimit.New(most, max(1, burst))}
}

func (c callers) allow() bool { return c.limiter != nil && c.limiter.Allow() }

// decided is how the middleware tells the provider, within the context of one Start, which trace the request is in and that it is
// recorded.
type decidedKey struct{}

// spanSampler records what the request's middleware decided to record, what has a recorded parent, and the ratio's share of
// the rest.
type spanSampler struct{ sampler *Sampler }

func (s spanSampler) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	parent := trace.SpanContextFromContext(p.ParentContext)
	record := false
	if _, decided := p.ParentContext.Value(decidedKey{}).(exchange.TraceContext); decided {
		record = true
	} else if parent.IsValid() {
		record = parent.IsSampled()
	} else { // a new root; one that is started within a recorded request is of interest as the request is
		e := exchange.From(p.ParentContext)
		record = e != nil && e.Trace.Sampled || s.sampler.Sample(p.TraceID)
	}
	result := sdktrace.SamplingResult{Decision: sdktrace.Drop, Tracestate: parent.TraceState()}
	if record {
		result.Decision = sdktrace.RecordAndSample
	}
	return result
}

func (spanSampler) Description() string { return "GoServiceRatio" }

// idGenerator gives the span of a request the ids by which the middleware decided; all others get new ones.
type idGenerator struct{}

func (idGenerator) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if t, ok := ctx.Value(decidedKey{}).(exchange.TraceContext); ok {
		return t.TraceID, t.SpanID
	}
	return newTraceID(), newSpanID()
}

func (idGenerator) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	if t, ok := ctx.Value(decidedKey{}).(exchange.TraceContext); ok {
		return t.SpanID
	}
	return newSpanID()
}
