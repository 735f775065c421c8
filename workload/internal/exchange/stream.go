// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package exchange

import (
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// worker is the place in a pool that an exchange holds.
type worker struct {
	state   atomic.Uint32
	release func()
	ended   atomic.Int64 // age of the exchange when it let go
	lent    atomic.Int64 // time for which others had it
}

const (
	noWorker = iota
	holdsWorker
	letWorkerGo
)

// Hold notes that the exchange holds a worker, which release gives back.
func (e *Exchange) Hold(release func()) {
	e.worker.release = release
	e.worker.state.Store(holdsWorker)
}

// LetGo gives the worker back, once, if the exchange holds one. It may be called at any time from any goroutine.
func (e *Exchange) LetGo() {
	if e.worker.state.CompareAndSwap(holdsWorker, letWorkerGo) {
		e.worker.ended.Store(int64(e.Age()))
		e.worker.release()
	}
}

func (e *Exchange) holding() bool { return e.worker.state.Load() == holdsWorker }

// Lent notes for how long others had the worker in between. It is for the one that gave it to Hold.
func (e *Exchange) Lent(away time.Duration) { e.worker.lent.Add(int64(away)) }

// Held is the age at which the exchange gave its worker back, without the time for which it was lent; false if it has not, or never
// held one.
func (e *Exchange) Held() (time.Duration, bool) {
	return time.Duration(e.worker.ended.Load() - e.worker.lent.Load()), e.worker.state.Load() == letWorkerGo
}

// stream is what is known of an exchange that became one.
type stream struct {
	since   time.Duration
	cut     atomic.Bool
	mu      sync.Mutex
	pending int  // the handler, and the connection if it was taken over
	left    bool // the handler has returned
	conn    net.Conn
}

// Stream makes a stream of the exchange: it gives its worker back, has no deadline from now on, and counts among the streams.
func (e *Exchange) Stream() {
	if !e.stream.CompareAndSwap(nil, &stream{since: e.Age(), pending: 1}) {
		return
	}
	e.LetGo()
	e.limit.Store(0)
	if e.bound() > 0 {
		e.lift()
	}
	if e.Observer != nil {
		e.Observer.StreamBegan(e)
	}
	if e.owner != nil {
		e.owner.StreamBegan(e)
	}
}

// Streaming reports whether the exchange became a stream.
func (e *Exchange) Streaming() bool { return e.stream.Load() != nil }

// StreamedAt is the age at which it did; 0 if it did not.
func (e *Exchange) StreamedAt() time.Duration {
	if s := e.stream.Load(); s != nil {
		return s.since
	}
	return 0
}

// Cut ends a stream that has not ended by itself: the context ends with the cause, and a connection that was taken over, or is about to
// be, is closed. It reports whether it was the first to do so.
func (e *Exchange) Cut(cause error) bool {
	s := e.stream.Load()
	if s == nil || s.cut.Swap(true) {
		return false
	}
	e.End(cause)
	s.mu.Lock()
	conn := s.conn
	s.mu.Unlock()
	if conn != nil {
		_ = conn.Close()
	}
	return true
}

// WasCut reports whether the server ended the stream.
func (e *Exchange) WasCut() bool {
	s := e.stream.Load()
	return s != nil && s.cut.Load()
}

// isStream tells responses that go on from those that are sent in parts.
func isStream(header http.Header) bool {
	kinds := header["Content-Type"]
	if len(kinds) == 0 {
		return false
	}
	kind, _, _ := strings.Cut(kinds[0], ";")
	switch kind = strings.TrimSpace(kind); kind {
	case "text/event-stream", "application/x-ndjson":
		return true
	}
	return strings.HasPrefix(kind, "application/grpc")
}

// Notifier is a connection that tells when it is closed. The server's are.
type Notifier interface {
	net.Conn
	// OnClose registers a function that is called once, when the connection is closed, or at once if it is.
	OnClose(func())
}

// hijacked reports whether a handler has taken the connection over.
func (e *Exchange) hijacked() bool {
	s := e.stream.Load()
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn != nil
}

// hijacked keeps the stream alive until its connection is closed, where that can be told.
func (s *stream) hijacked(e *Exchange, conn net.Conn) {
	wire := conn
	if secure, ok := conn.(*tls.Conn); ok {
		wire = secure.NetConn()
	}
	s.mu.Lock()
	s.conn = conn
	notifier, ok := wire.(Notifier)
	if ok {
		s.pending++
	}
	s.mu.Unlock()
	if ok {
		notifier.OnClose(func() { s.done(e) })
	}
	if s.cut.Load() { // before it could know of the connection
		_ = conn.Close()
	}
}

// handlerReturned ends the stream, unless its connection goes on.
func (s *stream) handlerReturned(e *Exchange) {
	s.mu.Lock()
	again := s.left
	s.left = true
	s.mu.Unlock()
	if !again {
		s.done(e)
	}
}

func (s *stream) done(e *Exchange) {
	s.mu.Lock()
	s.pending--
	ended := s.pending == 0
	s.mu.Unlock()
	if !ended {
		return
	}
	if e.Observer != nil {
		e.Observer.StreamEnded(e)
	}
	if e.owner != nil {
		e.owner.StreamEnded(e)
	}
}
