// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package rpc

import (
	"context"
	"errors"
	"net/http"
	"time"

	"connectrpc.com/connect"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"goservice.dev/operator/workload/server"
	"goservice.dev/operator/workload/service"
	"goservice.dev/operator/workload/telemetry"
)

// procedure measures what Connect's handler answers.
type procedure struct {
	registry *Registry
	name     string // package.Service/Method
	handler  http.Handler
	receives bool // the client streams
	sends    bool // the server streams
	series   [2][len(codes)]series
}

// ServeHTTP notes how the call ended, which is nowhere in the status of the response.
func (p *procedure) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	returned := false
	defer func() {
		if returned {
			return
		}
		// Of a panic, the chain answers what is not answered yet. A response that has begun is cut.
		if _, sent, _ := telemetry.CallOf(r.Context()); sent != 0 {
			p.ended(r, connect.CodeInternal, http.StatusInternalServerError, nil)
		}
	}()
	answer := &answer{ResponseWriter: w, request: r, streams: p.sends}
	if p.receives {
		// A client may say nothing for as long as it likes; whether it is still there, its connection tells.
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
		service.Stream(r)
	}
	p.handler.ServeHTTP(answer, r)
	returned = true
	noted, sent, _ := telemetry.CallOf(r.Context())
	if code, is := p.result(w, r, noted, sent); is {
		status := codes[code].status
		if code == byName(noted.Code) {
			status = noted.Status
		}
		p.ended(r, code, status, noted.Err)
	} else if sent == http.StatusHTTPVersionNotSupported { // no call, and no fault of the server
		telemetry.Called(r.Context(), telemetry.Call{Status: http.StatusBadRequest})
	}
}

// result of a call; false if the request was none. The trailers of gRPC say it for certain. Elsewhere it is what the observer has
// seen, and before that, where messages are read, Connect answers with a status.
func (p *procedure) result(w http.ResponseWriter, r *http.Request, noted telemetry.Call, sent int) (connect.Code, bool) {
	_, trailers := systemOf(r)
	switch {
	case trailers:
		return fromTrailer(w.Header())
	case sent == http.StatusMethodNotAllowed, sent == http.StatusUnsupportedMediaType, sent == http.StatusHTTPVersionNotSupported:
		return ok, false
	case noted.Code != "":
		return byName(noted.Code), true
	case sent >= http.StatusBadRequest:
		return fromStatus(sent), true
	}
	code, is := fromTrailer(w.Header())
	return code, is || sent < http.StatusBadRequest
}

// ended counts the call under the status and describes its span.
func (p *procedure) ended(r *http.Request, code connect.Code, status int, err error) {
	ctx := r.Context()
	telemetry.Called(ctx, telemetry.Call{Name: p.name, Code: codes[code].name, Status: status, Err: err})
	system, _ := systemOf(r)
	_, _, age := telemetry.CallOf(ctx)
	p.registry.metrics.observe(p, system, code, age)
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(attribute.String("rpc.system.name", system), attribute.String("rpc.method", p.name),
		attribute.String("rpc.response.status_code", codes[code].name))
	if status >= http.StatusInternalServerError {
		span.SetAttributes(attribute.String("error.type", codes[code].name))
	}
}

// answer is the writer of a call. Connect flushes gRPC's after each message and after the trailers. That is of use only between the
// messages of a stream: each flush is a write to the connection, and a flushed response counts as a stream from then on.
type answer struct {
	http.ResponseWriter
	request          *http.Request
	streams, written bool
}

func (a *answer) Write(data []byte) (int, error) {
	a.written = true
	return a.ResponseWriter.Write(data)
}

// Flush sends the messages of a stream; what comes after its result is sent when the handler returns. For trailers to be sent without
// a message before them, net/http has to know of them before the header is written (go.dev/issue/54723).
func (a *answer) Flush() {
	noted, _, _ := telemetry.CallOf(a.request.Context())
	switch header := a.Header(); {
	case a.written && a.streams && noted.Code == "":
		service.Stream(a.request)
		_ = http.NewResponseController(a.ResponseWriter).Flush() // the next write fails as well
	case !a.written && header[http.TrailerPrefix+"Grpc-Status"] != nil:
		header.Set("Trailer", "Grpc-Status")
	}
}

// Unwrap serves http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// observer is the interceptor that sees the handlers' errors. It is the outermost, so that it sees what the others make of them.
type observer struct{}

func (observer) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, request connect.AnyRequest) (connect.AnyResponse, error) {
		response, err := next(ctx, request)
		note(ctx, err)
		return response, err
	}
}

func (observer) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		err := next(ctx, conn)
		if err != nil && errors.Is(context.Cause(ctx), server.ErrStopped) {
			// The client is to go on elsewhere. A stream has no end of its own: that the service stops is no failure of it.
			telemetry.Called(ctx, telemetry.Call{Code: codes[connect.CodeUnavailable].name, Status: http.StatusOK})
			return connect.NewError(connect.CodeUnavailable, errors.New("this instance is stopping"))
		}
		note(ctx, err)
		return err
	}
}

func (observer) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

func note(ctx context.Context, err error) {
	code := codeOf(err)
	if code == connect.CodeUnknown && ctx.Err() != nil {
		code = codeOf(ctx.Err())
	}
	telemetry.Called(ctx, telemetry.Call{Code: codes[code].name, Status: codes[code].status, Err: err})
}

func byName(name string) connect.Code {
	for code, known := range codes {
		if known.name == name {
			return connect.Code(code)
		}
	}
	return connect.CodeUnknown
}
