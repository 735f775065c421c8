// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package exchange holds what the toolkit's middlewares know about one request and its response. The first middleware of a
// chain begins the exchange and the others find it, so that a whole chain costs two allocations: the Exchange, which is
// the context and the response writer at once, and the copy of the request that carries it.
//
// Nothing that needs more than the standard library may enter.
package exchange

import (
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// TraceContext is the part of W3C trace context that every request has, recorded or not.
type TraceContext struct {
	TraceID [16]byte
	SpanID  [8]byte
	Sampled bool
	// State is the vendor part (tracestate) as it came in, passed on unread.
	State string
}

// Valid reports whether there is a trace.
func (t TraceContext) Valid() bool { return t.TraceID != [16]byte{} && t.SpanID != [8]byte{} }

// Exchange is the context and the response writer of one request. Its exported fields belong to the middlewares, which set
// them before they call the next handler.
type Exchange struct {
	// Start of the exchange.
	Start time.Time
	// Trace of the request.
	Trace TraceContext
	// Span is the recorded span of the request; nil if it is not recorded.
	Span any
	// Admitted says that the handler's own work began, and Waited how long after Start: the wait for a worker included.
	Admitted bool
	Waited   time.Duration
	// RequestID by which callers and logs name the request; empty where the service uses none.
	RequestID string
	// Identity of the caller, where it was authenticated; nil if not.
	Identity any
	// Rejected is the reason why the request was not served; empty when it was.
	Rejected string
	// Call is what the protocol of the route says of the request; nil where that is plain HTTP.
	Call *Call

	writer   http.ResponseWriter
	parent   context.Context
	deadline time.Time
	status   int
	written  int64

	arming sync.Mutex
	timer  atomic.Pointer[timer]
}

// timer is the real context behind an Exchange that somebody waits for.
type timer struct {
	context.Context
	cancel context.CancelFunc
}

type contextKey struct{}

// The context key under which a tracing library looks for a span, and how to make one that is not recorded.
var (
	spanKey any
	newSpan func(TraceContext) any
)

// AnswerSpans lets exchanges answer a tracing library's context key. So a request that is not recorded needs no context of
// its own for its span, and a span that a handler starts below it is not recorded either. It must be called from an init.
func AnswerSpans(key any, unrecorded func(TraceContext) any) { spanKey, newSpan = key, unrecorded }

// Begin finds the exchange of the request, or begins one. The handlers that follow are called with what it returns.
func Begin(w http.ResponseWriter, r *http.Request) (*Exchange, *http.Request) {
	if e, ok := w.(*Exchange); ok && r.Context() == context.Context(e) {
		return e, r
	}
	e := &Exchange{Start: time.Now(), writer: w, parent: r.Context()}
	return e, r.WithContext(e)
}

// From finds the exchange that the context belongs to; nil if there is none.
func From(ctx context.Context) *Exchange {
	if e, ok := ctx.(*Exchange); ok {
		return e
	}
	e, _ := ctx.Value(contextKey{}).(*Exchange)
	return e
}

// Age is the time since Start. It reads the monotonic clock only, at half the price of time.Now.
func (e *Exchange) Age() time.Duration { return time.Since(e.Start) }

// LimitTo brings the deadline forward; it never moves it back.
func (e *Exchange) LimitTo(deadline time.Time) {
	if current, ok := e.Deadline(); !ok || deadline.Before(current) {
		e.deadline = deadline
	}
}

// Finish releases the deadline's timer. What still holds the context then finds it canceled.
func (e *Exchange) Finish() {
	if t := e.timer.Load(); t != nil {
		t.cancel()
	}
}

// Deadline is the earlier one of the exchange's and its parent's.
func (e *Exchange) Deadline() (time.Time, bool) {
	if e.deadline.IsZero() {
		return e.parent.Deadline()
	}
	return e.deadline, true
}

// Done starts the deadline's timer when it is first asked for: most handlers never wait, and pay nothing.
func (e *Exchange) Done() <-chan struct{} {
	if e.deadline.IsZero() {
		return e.parent.Done()
	}
	if t := e.timer.Load(); t != nil {
		return t.Done()
	}
	e.arming.Lock()
	defer e.arming.Unlock()
	if t := e.timer.Load(); t != nil {
		return t.Done()
	}
	ctx, cancel := context.WithDeadline(e.parent, e.deadline)
	e.timer.Store(&timer{ctx, cancel})
	return ctx.Done()
}

// Err is nil as long as the exchange's time runs and its client is there.
func (e *Exchange) Err() error {
	if t := e.timer.Load(); t != nil {
		return t.Err()
	}
	if err := e.parent.Err(); err != nil {
		return err
	}
	if !e.deadline.IsZero() && e.Age() >= e.deadline.Sub(e.Start) {
		return context.DeadlineExceeded
	}
	return nil
}

// Value finds the exchange itself and its span, and otherwise asks the parent.
func (e *Exchange) Value(key any) any {
	if _, ok := key.(contextKey); ok {
		return e
	}
	if spanKey != nil && key == spanKey {
		if e.Span == nil && e.Trace.Valid() {
			return newSpan(e.Trace)
		}
		return e.Span
	}
	// Behind a started timer, context.WithCancel finds the standard context here and needs no goroutine for a child.
	if t := e.timer.Load(); t != nil {
		return t.Value(key)
	}
	return e.parent.Value(key)
}

// Status under which the exchange counts: the one of the call where its protocol has results of its own, else the response's.
func (e *Exchange) Status() int {
	if e.Call != nil && e.Call.Status != 0 {
		return e.Call.Status
	}
	return e.Sent()
}

// Sent is the status of the response; 200 when the handler has not said otherwise.
func (e *Exchange) Sent() int {
	if e.status == 0 {
		return http.StatusOK
	}
	return e.status
}

// Started reports whether the response's head is written, so that its status cannot change any more.
func (e *Exchange) Started() bool { return e.status != 0 }

// Written is the number of bytes of the response's body.
func (e *Exchange) Written() int64 { return e.written }

// Header of the response.
func (e *Exchange) Header() http.Header { return e.writer.Header() }

// WriteHeader remembers the final status; informational ones pass.
func (e *Exchange) WriteHeader(status int) {
	if e.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		e.status = status
	}
	e.writer.WriteHeader(status)
}

func (e *Exchange) Write(data []byte) (int, error) {
	if e.status == 0 {
		e.status = http.StatusOK
	}
	n, err := e.writer.Write(data)
	e.written += int64(n)
	return n, err
}

// WriteString saves the copy that Write would need.
func (e *Exchange) WriteString(data string) (int, error) {
	if e.status == 0 {
		e.status = http.StatusOK
	}
	n, err := io.WriteString(e.writer, data)
	e.written += int64(n)
	return n, err
}

// ReadFrom keeps the server's sendfile path.
func (e *Exchange) ReadFrom(source io.Reader) (int64, error) {
	if e.status == 0 {
		e.status = http.StatusOK
	}
	n, err := io.Copy(e.writer, source)
	e.written += n
	return n, err
}

// Flush sends what is buffered; it serves the handlers that ask for an http.Flusher instead of a ResponseController.
func (e *Exchange) Flush() {
	if e.status == 0 {
		e.status = http.StatusOK
	}
	_ = http.NewResponseController(e.writer).Flush()
}

// Unwrap serves http.ResponseController.
func (e *Exchange) Unwrap() http.ResponseWriter { return e.writer }
