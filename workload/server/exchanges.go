// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package server

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"goservice.dev/operator/workload/internal/exchange"
)

// exchanges begins the exchange of each request and follows it to its end.
func (s *Server) exchanges(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e, r := exchange.Begin(w, r)
		e.Own(s)
		s.requests.Add(1)
		defer s.ended(e)
		if r.ProtoMajor > 1 && s.isLeaving() && !s.wires.tell(r.Context()) {
			w.Header().Set("Connection", "close") // net/http makes a GOAWAY of it
		}
		next.ServeHTTP(e, r)
		e.HandlerReturned()
	})
}

// Visit begins the exchange of a request that came in at another pod. The caller must call end when its handler has returned.
func (s *Server) Visit(w http.ResponseWriter, r *http.Request, host Host) (e *exchange.Exchange, visiting *http.Request, end func()) {
	ctx := context.WithValue(r.Context(), http.ServerContextKey, s.http)
	if s.listener != nil {
		ctx = context.WithValue(ctx, http.LocalAddrContextKey, s.listener.Addr())
	}
	e, r = exchange.Begin(w, r.WithContext(ctx))
	e.Visit(&visit{Server: s, host: host, over: ctx.Done()})
	s.requests.Add(1)
	return e, r, func() { s.ended(e) }
}

// Host is the pod where a visiting request came in.
type Host interface {
	// Leaving is closed when the server there begins to stop.
	Leaving() <-chan struct{}
	// Stream tells it that the handler has made a stream of the exchange.
	Stream()
}

// visit is the owner of an exchange whose client is at another pod.
type visit struct {
	*Server
	host Host
	over <-chan struct{}
	once sync.Once
	left chan struct{}
}

// Leaving is closed when the first of both servers begins to stop: the other end of a stream is told, and the handler ends.
func (v *visit) Leaving() <-chan struct{} {
	v.once.Do(func() {
		v.left = make(chan struct{})
		go func() {
			defer close(v.left)
			select {
			case <-v.host.Leaving():
			case <-v.Server.leaving:
			case <-v.over:
			}
		}()
	})
	return v.left
}

// Bound is that of the server which has the connection.
func (v *visit) Bound() time.Duration { return 0 }

func (v *visit) StreamBegan(e *exchange.Exchange) {
	v.host.Stream()
	v.Server.StreamBegan(e)
}

func (s *Server) ended(e *exchange.Exchange) {
	e.Finish()
	if !e.Streaming() && s.requests.Add(-1) == 0 && s.isLeaving() {
		s.tellEnding()
	}
}

// Leaving is closed as soon as clients are told to leave.
func (s *Server) Leaving() <-chan struct{} { return s.leaving }

// tellEnding that the last request or stream has ended.
func (s *Server) tellEnding() {
	select {
	case s.ending <- struct{}{}:
	default: // nobody has looked since the last time
	}
}

func (s *Server) isLeaving() bool {
	select {
	case <-s.leaving:
		return true
	default:
		return false
	}
}

// Bound implements the owner of exchanges.
func (s *Server) Bound() time.Duration { return s.bound }

// Cutting implements the owner of exchanges.
func (s *Server) Cutting() bool { return s.cutting.Load() }

// StreamBegan implements the owner of exchanges.
func (s *Server) StreamBegan(e *exchange.Exchange) {
	s.streams.add(e) // first, so that a stop finds it among the one or the other
	s.requests.Add(-1)
	if s.cutting.Load() { // it may have begun too late to be found
		s.cutStream(e)
	}
}

// StreamEnded implements the owner of exchanges.
func (s *Server) StreamEnded(e *exchange.Exchange) {
	if s.streams.remove(e) == 0 {
		s.tellEnding()
	}
}

// streams of a server.
type streams struct {
	mu   sync.Mutex
	open map[*exchange.Exchange]struct{}
	cut  atomic.Int64
}

func (s *streams) add(e *exchange.Exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[*exchange.Exchange]struct{}{}
	}
	s.open[e] = struct{}{}
}

// remove one and return how many are left.
func (s *streams) remove(e *exchange.Exchange) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, e)
	return len(s.open)
}

func (s *streams) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// each calls f for every stream, without the lock.
func (s *streams) each(f func(*exchange.Exchange)) {
	s.mu.Lock()
	all := make([]*exchange.Exchange, 0, len(s.open))
	for e := range s.open {
		all = append(all, e)
	}
	s.mu.Unlock()
	for _, e := range all {
		f(e)
	}
}

// Deadline gives each request's context the timeout; 0 or less gives it none. Its timer starts only when something waits for the
// context. The deadline moves forward while a long body comes or goes at a fair pace, and a stream has none. Around a part of
// the handlers, within another Deadline, it is a fixed bound.
func Deadline(timeout time.Duration, next http.Handler) http.Handler {
	if timeout <= 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		outer := exchange.From(r.Context())
		if outer != nil && outer.Limited() {
			// What others wait for already cannot be brought forward, and what comes after this handler has the longer time.
			ctx, cancel := context.WithTimeout(r.Context(), timeout)
			defer cancel()
			next.ServeHTTP(w, r.WithContext(ctx))
			return
		}
		e, r := exchange.Begin(w, r)
		e.Limit(timeout)
		if e != outer {
			defer e.Finish()
		}
		next.ServeHTTP(e, r)
	})
}

// Draining returns a channel that is closed when the server that the request came in by begins to stop. It is nil, which
// blocks for ever, where there is none, such as in a test of the handler alone.
func Draining(ctx context.Context) <-chan struct{} {
	if e := exchange.From(ctx); e != nil {
		return e.Leaving()
	}
	return nil
}

// Stream makes a stream of the request's exchange: it gives its worker back, has no deadline from now on, is counted among the
// streams instead of the requests, and ends at last when the server stops. Responses of the types text/event-stream,
// application/x-ndjson and application/grpc become streams by themselves when they are flushed, and connections that are
// taken over when they are. It is for everything else that lasts, such as long polls.
func Stream(r *http.Request) {
	if e := exchange.From(r.Context()); e != nil {
		e.Stream()
	}
}
