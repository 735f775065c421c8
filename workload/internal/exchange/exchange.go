// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package exchange holds what the toolkit's middlewares know about one request and its response. The first middleware of a
// chain begins the exchange and the others find it, so that a whole chain costs two allocations: the Exchange, which is
// the context and the response writer at once, and the copy of the request that carries it.
//
// An exchange ends in one of two ways. A request is answered within its deadline and may hold a worker of the pool until
// then. A stream lasts for as long as both ends like: it has no deadline and holds no worker. An exchange becomes a stream
// when its connection is taken over, when the type of a response that is flushed says so, or when the handler asks for it.
//
// Nothing that needs more than the standard library may enter.
package exchange

import (
	"context"
	"errors"
	"net/http"
	"os"
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
	// Unary says that the response has an end of its own, whatever its type: flushing it makes no stream of it.
	Unary bool
	// Told says that the log has the cause of the failure already.
	Told bool
	// Admitted says that the handler's own work began, and Waited how long after Start: the wait for a worker included.
	Admitted bool
	visits   bool // here it takes no room of its own
	Waited   time.Duration
	// RequestID by which callers and logs name the request; empty where the service uses none.
	RequestID string
	// Route is for the package that has routes: the one that serves the request, and before it is found what finds it.
	Route any
	// Identity of the caller, where it was authenticated; nil if not.
	Identity any
	// Rejected is the reason why the request was not served; empty when it was.
	Rejected string
	// Call is what the protocol of the route says of the request; nil where that is plain HTTP.
	Call *Call
	// Result is how the exchange ended where that was not as it should, in one word.
	Result string
	// Observer is told when the exchange becomes a stream and when the stream ends; nil for nobody.
	Observer Observer

	request *http.Request
	writer  http.ResponseWriter
	parent  context.Context
	owner   Owner

	// limit is the deadline as the time after Start, 0 for none, and timeout what progress moves it forward by.
	limit   atomic.Int64
	timeout time.Duration
	arming  sync.Mutex
	clock   atomic.Pointer[clock]

	response
	body   body
	worker worker
	stream atomic.Pointer[stream]
}

// Owner is the server that an exchange came in by.
type Owner interface {
	// Leaving is closed when the server begins to stop.
	Leaving() <-chan struct{}
	// Bound is how long after its start the server itself cuts an exchange that does not lift it; 0 for never.
	Bound() time.Duration
	// Cutting reports whether the server closes what is still open, at the end of its stop.
	Cutting() bool
	// StreamBegan is told of each stream and StreamEnded when its handler has returned and its connection, if it was taken
	// over, is closed.
	StreamBegan(*Exchange)
	StreamEnded(*Exchange)
}

// Observer measures streams.
type Observer interface {
	// StreamBegan is called in the handler's goroutine, StreamEnded in any.
	StreamBegan(*Exchange)
	StreamEnded(*Exchange)
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

// Begin finds the exchange of the request, or begins one. The handlers that follow are called with what it returns, which a middleware
// may have made a copy of: the last one is the exchange's request.
func Begin(w http.ResponseWriter, r *http.Request) (*Exchange, *http.Request) {
	if e, ok := w.(*Exchange); ok && From(r.Context()) == e {
		e.request = r
		return e, r
	}
	e := &Exchange{Start: time.Now(), writer: w, parent: r.Context()}
	r = r.WithContext(e)
	e.request = r
	if r.Body != nil && r.Body != http.NoBody {
		e.body.source, e.body.e = r.Body, e
		r.Body = &e.body
	}
	return e, r
}

// From finds the exchange that the context belongs to; nil if there is none.
func From(ctx context.Context) *Exchange {
	if e, ok := ctx.(*Exchange); ok {
		return e
	}
	e, _ := ctx.Value(contextKey{}).(*Exchange)
	return e
}

// Own says which server the exchange came in by. It must be called before the next handler.
func (e *Exchange) Own(owner Owner) { e.owner = owner }

// Visit is Own for an exchange whose client is at another pod: that this server begins to stop says nothing about the client's connection.
func (e *Exchange) Visit(owner Owner) { e.owner, e.visits = owner, true }

// Visits reports whether the client is at another pod.
func (e *Exchange) Visits() bool { return e.visits }

// Request of the exchange. A ServeMux has set its pattern once it has found a route.
func (e *Exchange) Request() *http.Request { return e.request }

// Client ends when the client leaves, and has no deadline of the exchange's.
func (e *Exchange) Client() context.Context { return e.parent }

// Age is the time since Start. It reads the monotonic clock only, at half the price of time.Now.
func (e *Exchange) Age() time.Duration { return time.Since(e.Start) }

// Leaving is closed when the server that the exchange came in by begins to stop; nil, which blocks for ever, without one.
func (e *Exchange) Leaving() <-chan struct{} {
	if e.owner == nil {
		return nil
	}
	return e.owner.Leaving()
}

func (e *Exchange) leaving() bool {
	select {
	case <-e.Leaving():
		return true
	default:
		return false
	}
}

// ClientLeft reports whether the client broke off: its connection or its stream is closed, and not by the server.
func (e *Exchange) ClientLeft() bool {
	return (e.parent.Err() != nil || e.writeErr != nil) && !e.cutting()
}

// ByClient reports whether it is the client that kept the request from being served: it has sent a body that cannot be read, takes the response
// too slowly, or has left within this patience.
func (e *Exchange) ByClient(patience time.Duration) bool {
	if e.BodyStatus() != 0 || errors.Is(e.writeErr, os.ErrDeadlineExceeded) {
		return true
	}
	return e.ClientLeft() && e.Age() <= patience
}

func (e *Exchange) cutting() bool { return e.owner != nil && e.owner.Cutting() }

// Finish releases what belongs to the exchange, but not to a stream that outlives its handler. What still holds the context
// then finds it canceled.
func (e *Exchange) Finish() {
	e.LetGo()
	if c := e.clock.Load(); c != nil {
		c.end(context.Canceled, nil)
	}
	e.stopWatches()
	if s := e.stream.Load(); s != nil {
		s.handlerReturned(e)
	}
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
	// Behind a started clock, context.WithCancel finds the standard context here and needs no goroutine for a child.
	if c := e.clock.Load(); c != nil {
		return c.inner.Value(key)
	}
	return e.parent.Value(key)
}
