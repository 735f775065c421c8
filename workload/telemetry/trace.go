// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package telemetry

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"goservice.dev/operator/workload/internal/exchange"
)

const (
	traceparentLength = 55
	sampledFlag       = 1
	// maxTracestate is what the W3C recommendation asks to pass on at least; more is dropped whole.
	maxTracestate = 512
	// maxBaggage is what the W3C recommendation asks to pass on at least.
	maxBaggage = 8192
)

func init() {
	var probe keyProbe
	trace.SpanFromContext(&probe)
	exchange.AnswerSpans(probe.key, func(t exchange.TraceContext) any {
		return trace.SpanFromContext(trace.ContextWithSpanContext(context.Background(), spanContext(t)))
	})
}

// keyProbe learns the key under which the tracing library keeps spans, which it does not export.
type keyProbe struct {
	context.Context
	key any
}

func (p *keyProbe) Value(key any) any {
	p.key = key
	return nil
}

// ParseTraceparent reads the header of the W3C recommendation. Of versions after 00 it reads the part that it knows.
func ParseTraceparent(header string) (parsed exchange.TraceContext, ok bool) {
	if len(header) < traceparentLength || header[2] != '-' || header[35] != '-' || header[52] != '-' {
		return parsed, false
	}
	var version, flags [1]byte
	if !decodeLower(version[:], header[:2]) || !decodeLower(parsed.TraceID[:], header[3:35]) ||
		!decodeLower(parsed.SpanID[:], header[36:52]) || !decodeLower(flags[:], header[53:55]) {
		return exchange.TraceContext{}, false
	}
	switch {
	case version[0] == 0xff,
		version[0] == 0 && len(header) != traceparentLength,
		len(header) > traceparentLength && header[traceparentLength] != '-',
		!parsed.Valid():
		return exchange.TraceContext{}, false
	}
	parsed.Sampled = flags[0]&sampledFlag != 0
	return parsed, true
}

// decodeLower decodes hexadecimal digits, of which the recommendation allows only the lower-case ones.
func decodeLower(into []byte, digits string) bool {
	for i := range into {
		high, low := digit(digits[2*i]), digit(digits[2*i+1])
		if high > 15 || low > 15 {
			return false
		}
		into[i] = high<<4 | low
	}
	return true
}

func digit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 0xff
}

// FormatTraceparent writes the header.
func FormatTraceparent(t exchange.TraceContext) string {
	var text [traceparentLength]byte
	copy(text[:], "00-")
	hex.Encode(text[3:], t.TraceID[:])
	text[35] = '-'
	hex.Encode(text[36:], t.SpanID[:])
	copy(text[52:], "-00")
	if t.Sampled {
		text[54] = '1'
	}
	return string(text[:])
}

func newSpanID() (id [8]byte) {
	for id == ([8]byte{}) {
		binary.NativeEndian.PutUint64(id[:], rand.Uint64())
	}
	return id
}

func newTraceID() (id [16]byte) {
	for id == ([16]byte{}) {
		binary.NativeEndian.PutUint64(id[:8], rand.Uint64())
		binary.NativeEndian.PutUint64(id[8:], rand.Uint64())
	}
	return id
}

// begin puts the request into its caller's trace or a new one, and starts a span if it is recorded.
func (t *Telemetry) begin(e *exchange.Exchange, r *http.Request) {
	t.identify(e, r)
	caller, called := exchange.TraceContext{}, false
	if !t.withoutTraceContext {
		caller, called = callerOf(r.Header)
	}
	if called {
		e.Trace = caller
		e.Trace.SpanID = newSpanID()
	} else {
		e.Trace = exchange.TraceContext{TraceID: newTraceID(), SpanID: newSpanID()}
	}
	e.Trace.Sampled = t.record(e.Trace, called)
	if t.provider == nil || !e.Trace.Sampled {
		return
	}
	ctx := context.Context(e)
	if called {
		ctx = trace.ContextWithRemoteSpanContext(ctx, spanContext(caller))
	} else {
		ctx = trace.ContextWithSpanContext(ctx, trace.SpanContext{})
	}
	_, span := t.tracer.Start(contextWithDecision(ctx, e.Trace), r.Method,
		trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(e.Start), trace.WithAttributes(
			attribute.String("http.request.method", knownMethod(r.Method)),
			attribute.String("url.path", r.URL.Path),
			attribute.String("network.protocol.version", strconv.Itoa(r.ProtoMajor)+"."+strconv.Itoa(r.ProtoMinor)),
		))
	e.Trace, e.Span = traceContext(span.SpanContext()), span
}

// contextWithDecision tells the sampler what has been decided.
func contextWithDecision(ctx context.Context, decided exchange.TraceContext) context.Context {
	return context.WithValue(ctx, decidedKey{}, decided)
}

// record decides whether the trace is recorded, and so what upstreams are told. A service that records nothing passes a
// caller's decision on.
func (t *Telemetry) record(own exchange.TraceContext, called bool) bool {
	switch {
	case !called:
		return t.provider != nil && t.sampler.Sample(own.TraceID)
	case t.provider == nil:
		return own.Sampled
	case t.callers.ignored:
		return t.sampler.Sample(own.TraceID)
	}
	return own.Sampled && (t.sampler.Sample(own.TraceID) || t.callers.allow())
}

func callerOf(header http.Header) (exchange.TraceContext, bool) {
	values := header["Traceparent"]
	if len(values) != 1 { // none, or more than one, of which none can be trusted
		return exchange.TraceContext{}, false
	}
	caller, ok := ParseTraceparent(values[0])
	if ok {
		if state := strings.Join(header["Tracestate"], ","); len(state) <= maxTracestate { // several lines are one list
			caller.State = state
		}
	}
	return caller, ok
}

// withBaggage gives the request's context the baggage that came with it. Without any it costs nothing; baggage that cannot be
// read or is too much is dropped whole.
func (t *Telemetry) withBaggage(r *http.Request) *http.Request {
	lines := r.Header["Baggage"]
	if len(lines) == 0 || t.withoutBaggage {
		return r
	}
	text := strings.Join(lines, ",")
	if len(text) > maxBaggage {
		return r
	}
	carried, err := baggage.Parse(text)
	if err != nil || carried.Len() == 0 {
		return r
	}
	return r.WithContext(baggage.ContextWithBaggage(r.Context(), carried))
}

func spanContext(t exchange.TraceContext) trace.SpanContext {
	config := trace.SpanContextConfig{TraceID: t.TraceID, SpanID: t.SpanID}
	if t.Sampled {
		config.TraceFlags = trace.FlagsSampled
	}
	if t.State != "" {
		config.TraceState, _ = trace.ParseTraceState(t.State) // one that cannot be read is dropped, as the recommendation says
	}
	return trace.NewSpanContext(config)
}

func traceContext(s trace.SpanContext) exchange.TraceContext {
	return exchange.TraceContext{TraceID: s.TraceID(), SpanID: s.SpanID(), Sampled: s.IsSampled(), State: s.TraceState().String()}
}

// Transport sends the trace of each request's context along, measures the call under the upstream's name, and makes a span
// of it where the trace is recorded.
func (t *Telemetry) Transport(upstream string, next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		ctx, current := r.Context(), trace.SpanContextFromContext(r.Context())
		var span trace.Span
		if t.provider != nil && current.IsSampled() {
			ctx, span = t.tracer.Start(ctx, r.Method, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
				attribute.String("http.request.method", knownMethod(r.Method)),
				attribute.String("server.address", r.URL.Hostname()),
				attribute.Int("server.port", portOf(r.URL)),
				attribute.String("peer.service", upstream)))
			defer span.End()
			current = span.SpanContext()
		}
		trailer := r.Trailer
		r = r.Clone(ctx)
		r.Trailer = trailer // the one that gets its values when the body has been read
		t.inject(ctx, current, r.Header)
		start := time.Now()
		response, err := next.RoundTrip(r)
		status := 0
		if err == nil {
			status = response.StatusCode
		}
		t.outbound.WithLabelValues(upstream, knownMethod(r.Method), strconv.Itoa(status)).Observe(time.Since(start).Seconds())
		if span != nil {
			endClientSpan(span, status, err)
		}
		return response, err
	})
}

// inject tells the upstream whose call it is.
func (t *Telemetry) inject(ctx context.Context, current trace.SpanContext, header http.Header) {
	if current.IsValid() && !t.withoutTraceContext {
		header.Set("Traceparent", FormatTraceparent(traceContext(current)))
		if state := current.TraceState().String(); state != "" {
			header.Set("Tracestate", state)
		} else {
			header.Del("Tracestate") // of a proxied request, which is not part of this trace
		}
	}
	if !t.withoutBaggage {
		if carried := baggage.FromContext(ctx); carried.Len() > 0 {
			header.Set("Baggage", carried.String())
		}
	}
	if e := exchange.From(ctx); e != nil && e.RequestID != "" {
		header.Set(RequestIDHeader, e.RequestID)
	}
}

func endClientSpan(span trace.Span, status int, err error) {
	switch {
	case err != nil:
		span.SetAttributes(attribute.String("error.type", errorType(err)))
		span.SetStatus(codes.Error, "")
	case status >= 400:
		span.SetAttributes(attribute.String("error.type", strconv.Itoa(status)))
		span.SetStatus(codes.Error, "")
	}
	if err == nil {
		span.SetAttributes(attribute.Int("http.response.status_code", status))
	}
}

// errorType is a class of errors, of which there are few, as the semantic conventions ask for.
func errorType(err error) string {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection_refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection_broken"
	}
	if dns := (*net.DNSError)(nil); errors.As(err, &dns) {
		return "name_resolution"
	}
	return "_OTHER"
}

func portOf(u *url.URL) int {
	if port, err := strconv.Atoi(u.Port()); err == nil {
		return port
	}
	if u.Scheme == "https" {
		return 443
	}
	return 80
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
