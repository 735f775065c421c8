// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package telemetry

import (
	"cmp"
	"encoding/hex"
	"errors"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"goservice.dev/operator/workload/internal/exchange"
	"goservice.dev/operator/workload/problem"
)

// Middleware measures, logs and traces each request. It belongs outermost, around an http.ServeMux, whose pattern it uses
// as the route. A panic of a handler becomes a response with status 500 and a log line with the stack.
func (t *Telemetry) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e, r := exchange.Begin(w, t.withBaggage(r))
		e.Observer = t
		t.requests.inFlight.Add(1)
		t.begin(e, r)
		defer t.end(e, r)
		next.ServeHTTP(e, r)
	})
}

// Rejected notes that the request is turned away, and why; one of the Rejected constants. The handler still has to answer.
func Rejected(r *http.Request, reason string) {
	if e := exchange.From(r.Context()); e != nil {
		e.Rejected = reason
	}
}

// Told notes that the log says already why the request fails, such as that an upstream does not answer: its own line is for
// debugging, since one cause may fail any number of requests.
func Told(r *http.Request) {
	if e := exchange.From(r.Context()); e != nil {
		e.Told = true
	}
}

// Admitted notes that the request has its worker and its own work begins now.
func Admitted(r *http.Request) {
	if e := exchange.From(r.Context()); e != nil {
		e.Admitted, e.Waited = true, e.Age()
	}
}

func (t *Telemetry) end(e *exchange.Exchange, r *http.Request) {
	if !e.Streaming() {
		t.requests.inFlight.Add(-1)
	}
	broken := truncated(e)
	var abort any
	if cause := recover(); cause != nil {
		abort = t.answerPanic(e, r, cause)
		broken = abort != nil
	}
	e.LetGo()
	took := e.Age()
	result := resultOf(e, broken)
	if !e.Streaming() {
		t.count(e, result.status, took)
	} else if e.Call != nil {
		t.count(e, result.status, e.StreamedAt()) // a call has one result, at its end
	} else if result.status >= http.StatusInternalServerError {
		// The stream was counted when it began, by what it promised; that it failed counts once more.
		t.observe(t.requests.observer(r.Method, r.Pattern, result.status), e, e.StreamedAt())
	}
	e.Result = result.kind
	t.log(e, r, result, took)
	if span, ok := e.Span.(trace.Span); ok {
		endSpan(span, r, e, result)
	}
	e.Finish()
	if abort != nil {
		panic(abort)
	}
}

// count a request, or a stream by the time until it became one.
func (t *Telemetry) count(e *exchange.Exchange, status int, took time.Duration) {
	r := e.Request()
	t.observe(t.requests.observer(r.Method, r.Pattern, status), e, took)
	if e.Rejected != "" {
		t.requests.reject(e.Rejected)
	} else if e.Admitted {
		if held, ok := e.Held(); ok {
			took = held
		}
		t.observe(t.requests.service, e, took-e.Waited)
	}
}

// StreamBegan counts the request as answered: how long a stream lasts says nothing of how fast the service is. A call of a protocol
// with results of its own is counted when it has one. It implements the observer of exchanges.
func (t *Telemetry) StreamBegan(e *exchange.Exchange) {
	t.requests.inFlight.Add(-1)
	if e.Call == nil {
		t.count(e, e.Status(), e.StreamedAt())
	}
	t.requests.streams.began(e.Request().Pattern)
}

// StreamEnded implements the observer of exchanges.
func (t *Telemetry) StreamEnded(e *exchange.Exchange) {
	kind := e.Result
	if e.WasCut() {
		kind = resultCut
	}
	t.requests.streams.ended(e.Request().Pattern, cmp.Or(kind, resultCompleted), e.Age()-e.StreamedAt())
}

// observe attaches the trace as an exemplar where there is one to look at.
func (t *Telemetry) observe(observer prometheus.Observer, e *exchange.Exchange, took time.Duration) {
	if e.Span != nil {
		if o, ok := observer.(prometheus.ExemplarObserver); ok {
			o.ObserveWithExemplar(took.Seconds(), prometheus.Labels{
				"trace_id": hex.EncodeToString(e.Trace.TraceID[:]), "span_id": hex.EncodeToString(e.Trace.SpanID[:]),
			})
			return
		}
	}
	observer.Observe(took.Seconds())
}

// answerPanic answers 500 if nothing is written yet. Otherwise it returns what to panic with, so that the server breaks off
// the connection and the client does not take half a response for a whole one.
func (t *Telemetry) answerPanic(e *exchange.Exchange, r *http.Request, cause any) (abort any) {
	if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		return http.ErrAbortHandler
	}
	t.logger.Error().Str("method", r.Method).Str("route", route(r.Pattern)).Str("panic", shortened(cause)).
		Str("trace_id", hex.EncodeToString(e.Trace.TraceID[:])).Bytes("stack", debug.Stack()).Msg("handler panicked")
	if e.Started() {
		return http.ErrAbortHandler
	}
	problem.Write(e, problem.Details{Status: http.StatusInternalServerError, Detail: "the handler failed"})
	return nil
}

// logLevel of a request's line: what somebody should look at stands out, sampled requests can be followed at info, and the
// others, turned away ones included, are for debugging: a service under attack must not spend its time on logging.
func (t *Telemetry) logLevel(e *exchange.Exchange, result result, took time.Duration) zerolog.Level {
	switch {
	case e.Rejected != "", e.Told:
		return zerolog.DebugLevel
	case result.kind == resultAborted, result.kind == resultTruncated:
		return zerolog.WarnLevel
	case result.status >= 500:
		return zerolog.ErrorLevel
	case t.threshold > 0 && took > t.threshold && !e.Streaming():
		return zerolog.WarnLevel
	case e.Span != nil:
		return zerolog.InfoLevel
	}
	return zerolog.DebugLevel
}

func (t *Telemetry) log(e *exchange.Exchange, r *http.Request, result result, took time.Duration) {
	level := t.logLevel(e, result, took)
	if !t.level.Enabled(level) {
		return
	}
	line := t.logger.WithLevel(level).Str("method", r.Method).Str("path", r.URL.Path).Str("route", route(r.Pattern)).
		Int("status", result.status).Int64("bytes", e.Written()).Dur("duration_ms", took)
	if result.kind != "" {
		line = line.Str("error_type", result.kind)
	}
	if e.Streaming() {
		line = line.Bool("stream", true)
	}
	if e.Rejected != "" {
		line = line.Str("rejected", e.Rejected)
	}
	if e.Call != nil && e.Call.Code != "" {
		line = line.Str("code", e.Call.Code)
		if e.Call.Err != nil {
			line = line.Str("error", e.Call.Err.Error())
		}
	}
	if t.client != nil {
		line = line.Stringer("client", t.client(r))
	}
	if e.Trace.Valid() {
		line = line.Hex("trace_id", e.Trace.TraceID[:]).Hex("span_id", e.Trace.SpanID[:])
	}
	if e.RequestID != "" {
		line = line.Str("request_id", e.RequestID)
	}
	line.Msg("request")
}

func endSpan(span trace.Span, r *http.Request, e *exchange.Exchange, result result) {
	span.SetName(spanName(r, e))
	if path := route(r.Pattern); path != "" {
		span.SetAttributes(attribute.String("http.route", path))
	}
	status := result.status
	if e.Call != nil { // whose status is not the one that was sent
		status = e.Sent()
	}
	span.SetAttributes(
		attribute.Int("http.response.status_code", status),
		attribute.Int64("http.response.body.size", e.Written()),
	)
	if e.Rejected != "" {
		span.SetAttributes(attribute.String("goservice.rejected", e.Rejected))
	}
	switch {
	case result.kind != "":
		span.SetAttributes(attribute.String("error.type", result.kind))
	case result.status >= 500 && (e.Call == nil || e.Call.Code == ""): // else the protocol has said it in its own word
		span.SetAttributes(attribute.String("error.type", strconv.Itoa(result.status)))
	}
	if result.status >= 500 {
		span.SetStatus(codes.Error, result.kind)
	}
	span.End()
}

func spanName(r *http.Request, e *exchange.Exchange) string {
	name := knownMethod(r.Method)
	if path := route(r.Pattern); path != "" {
		name += " " + path
	}
	if e.Call != nil && e.Call.Name != "" {
		name = e.Call.Name
	}
	if e.Visits() {
		return handOff + name
	}
	return name
}
