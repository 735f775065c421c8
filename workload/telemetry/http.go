// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package telemetry

import (
	"encoding/hex"
	"errors"
	"net/http"
	"runtime/debug"
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

// Admitted notes that the request has its worker and its own work begins now.
func Admitted(r *http.Request) {
	if e := exchange.From(r.Context()); e != nil {
		e.Admitted, e.Waited = true, e.Age()
	}
}

func (t *Telemetry) end(e *exchange.Exchange, r *http.Request) {
	var abort any
	if cause := recover(); cause != nil {
		abort = t.answerPanic(e, r, cause)
	}
	e.Finish()
	took := e.Age()
	t.requests.inFlight.Add(-1)
	t.observe(t.requests.observer(r.Method, r.Pattern, e.Status()), e, took)
	if e.Rejected != "" {
		t.requests.reject(e.Rejected)
	} else if e.Admitted {
		t.observe(t.requests.service, e, took-e.Waited)
	}
	t.log(e, r, took)
	if span, ok := e.Span.(trace.Span); ok {
		endSpan(span, r, e)
	}
	if abort != nil {
		panic(abort)
	}
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
	t.logger.Error().Str("method", r.Method).Str("route", route(r.Pattern)).Any("panic", cause).
		Str("trace_id", hex.EncodeToString(e.Trace.TraceID[:])).Bytes("stack", debug.Stack()).Msg("handler panicked")
	if e.Started() {
		return http.ErrAbortHandler
	}
	problem.Write(e, problem.Details{Status: http.StatusInternalServerError, Detail: "the handler failed"})
	return nil
}

// logLevel of a request's line: what somebody should look at stands out, sampled requests can be followed at info, and the
// others, turned away ones included, are for debugging: a service under attack must not spend its time on logging.
func (t *Telemetry) logLevel(e *exchange.Exchange, took time.Duration) zerolog.Level {
	switch {
	case e.Rejected != "":
		return zerolog.DebugLevel
	case e.Status() >= 500:
		return zerolog.ErrorLevel
	case t.threshold > 0 && took > t.threshold:
		return zerolog.WarnLevel
	case e.Span != nil:
		return zerolog.InfoLevel
	}
	return zerolog.DebugLevel
}

func (t *Telemetry) log(e *exchange.Exchange, r *http.Request, took time.Duration) {
	level := t.logLevel(e, took)
	if !t.level.Enabled(level) {
		return
	}
	line := t.logger.WithLevel(level).Str("method", r.Method).Str("path", r.URL.Path).Str("route", route(r.Pattern)).
		Int("status", e.Status()).Int64("bytes", e.Written()).Dur("duration_ms", took)
	if e.Rejected != "" {
		line = line.Str("rejected", e.Rejected)
	}
	if e.Call != nil && e.Call.Code != "" {
		line = line.Str("code", e.Call.Code)
		if e.Call.Err != nil {
			line = line.Str("error", e.Call.Err.Error())
		}
	}
	if e.Trace.Valid() {
		line = line.Hex("trace_id", e.Trace.TraceID[:]).Hex("span_id", e.Trace.SpanID[:])
	}
	if e.RequestID != "" {
		line = line.Str("request_id", e.RequestID)
	}
	line.Msg("request")
}

func endSpan(span trace.Span, r *http.Request, e *exchange.Exchange) {
	span.SetName(spanName(r, e))
	if path := route(r.Pattern); path != "" {
		span.SetAttributes(attribute.String("http.route", path))
	}
	span.SetAttributes(
		attribute.Int("http.response.status_code", e.Sent()),
		attribute.Int64("http.response.body.size", e.Written()),
	)
	if e.Rejected != "" {
		span.SetAttributes(attribute.String("goservice.rejected", e.Rejected))
	}
	if e.Status() >= 500 {
		span.SetStatus(codes.Error, "")
	}
	span.End()
}

func spanName(r *http.Request, e *exchange.Exchange) string {
	if e.Call != nil && e.Call.Name != "" {
		return e.Call.Name
	}
	if path := route(r.Pattern); path != "" {
		return knownMethod(r.Method) + " " + path
	}
	return knownMethod(r.Method)
}
