// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"goservice.dev/operator/workload/internal/exchange"
)

// ErrStopped is the cause with which the contexts of streams end when the time for stopping is over.
var ErrStopped = errors.New("server: the time for draining is over")

// farewell is how long before its end a stop ends the contexts of streams, at most a tenth of its time: handlers can still say
// goodbye.
const farewell = 500 * time.Millisecond

// Leave tells clients to use other connections from now on, while every request is still served: HTTP/1.1 responses say
// Connection: close. HTTP/2 connections in cleartext get a first GOAWAY, which asks for no new requests and refuses none; over TLS
// they get the one of net/http with their next response. Leave returns when no connection has been open for a moment, but waits
// at least as long as atLeast and at most as long as atMost or until ctx ends. Handlers learn of it by Draining.
//
// Shutdown alone closes idle connections at once, and loses the request that a client is about to send on one.
func (s *Server) Leave(ctx context.Context, atLeast, atMost time.Duration) {
	s.sayGoodbye()
	earliest := time.NewTimer(atLeast)
	defer earliest.Stop()
	latest := time.NewTimer(max(atLeast, atMost))
	defer latest.Stop()
	select {
	case <-ctx.Done():
		return
	case <-earliest.C:
	}
	for {
		var calm <-chan time.Time // never, while connections are open
		if s.open.Load() == 0 {
			calm = time.After(quietTime)
		}
		select {
		case <-ctx.Done():
			return
		case <-latest.C:
			return
		case <-s.changed:
		case <-calm:
			return
		}
	}
}

func (s *Server) sayGoodbye() {
	s.leave.Do(func() {
		close(s.leaving)
		s.wires.goodbye()
	})
}

// Shutdown stops accepting, closes idle connections and waits for the requests and streams that run, and for handlers whose clients have
// left. Shortly before ctx's
// deadline it ends the contexts of streams, with ErrStopped as their cause. When ctx ends first it closes all connections, those
// that were taken over last, and returns how many requests it cut, with ctx's error. Streams have no end of their own: to close
// them is no error.
func (s *Server) Shutdown(ctx context.Context) (cut int, err error) {
	s.sayGoodbye()
	closed := make(chan error, 1)
	go func() { closed <- s.http.Shutdown(ctx) }()
	var soft <-chan time.Time
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		timer := time.NewTimer(left - min(farewell, left/10))
		defer timer.Stop()
		soft = timer.C
	}
	waiting := true
	// A request that is about to become a stream is among the one or the other, if requests are looked at first. net/http knows neither it nor
	// a handler whose client has closed its stream of HTTP/2.
	for waiting || s.Requests() > 0 || s.Streams() > 0 {
		select {
		case err = <-closed:
			waiting, closed = false, nil
			if err != nil { // ctx has ended
				return s.cut(ctx)
			}
		case <-s.ending:
		case <-soft:
			s.streams.each(func(e *exchange.Exchange) { e.End(ErrStopped) })
		case <-ctx.Done():
			return s.cut(ctx)
		}
	}
	return 0, nil
}

// cutStream closes one.
func (s *Server) cutStream(e *exchange.Exchange) {
	if e.Cut(ErrStopped) {
		s.streams.cut.Add(1)
	}
}

// cut closes everything at once.
func (s *Server) cut(ctx context.Context) (int, error) {
	s.cutting.Store(true)
	requests := s.Requests()
	s.streams.each(func(e *exchange.Exchange) {
		s.cutStream(e)
	})
	_ = s.http.Close()
	if requests == 0 {
		return 0, nil
	}
	return requests, fmt.Errorf("stopping %s: %w", s.http.Addr, ctx.Err())
}
