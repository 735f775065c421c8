// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package telemetry

import (
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"goservice.dev/operator/workload/internal/exchange"
)

// handOff is what the name of a span begins with that shows where a request has run. It is not of a server's kind: who counts a service's
// requests by its spans would count the request twice.
const handOff = "hand-off "

// Visit is Middleware for a request whose client is at another pod, where its latency, its status and its log line belong: here it
// counts for the time that it keeps a worker, and has a span of its own below that of the other pod. caller is that pod's trace.
func (t *Telemetry) Visit(e *exchange.Exchange, caller exchange.TraceContext, next http.Handler) {
	_, r := exchange.Begin(e, t.withBaggage(e.Request()))
	e.Trace = caller
	if t.provider != nil && caller.Sampled {
		e.Trace.SpanID = newSpanID()
		ctx := trace.ContextWithRemoteSpanContext(e, spanContext(caller))
		_, span := t.tracer.Start(contextWithDecision(ctx, e.Trace), handOff+r.Method, trace.WithSpanKind(trace.SpanKindInternal),
			trace.WithTimestamp(e.Start), trace.WithAttributes(attribute.Bool("goservice.hand_off", true)))
		e.Trace, e.Span = traceContext(span.SpanContext()), span
	}
	defer t.visited(e, r)
	next.ServeHTTP(e, r)
}

func (t *Telemetry) visited(e *exchange.Exchange, r *http.Request) {
	broken := truncated(e)
	var abort any
	if cause := recover(); cause != nil {
		abort = t.answerPanic(e, r, cause)
		broken = abort != nil
	}
	e.LetGo()
	if held, ok := e.Held(); ok && e.Admitted {
		t.observe(t.requests.service, e, held-e.Waited)
	}
	if span, ok := e.Span.(trace.Span); ok {
		endSpan(span, r, e, resultOf(e, broken))
	}
	e.Finish()
	if abort != nil {
		panic(abort)
	}
}
