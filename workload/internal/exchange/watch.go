// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package exchange

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// How fair a client has to be. They are exported for the documentation of the server.
const (
	// IdleTimeout is how long a read of the request's body or a write of the response may wait for the client without a
	// single step. 64 KiB of a response are a step.
	IdleTimeout = 30 * time.Second
	// BodyGrace and MinBodyRate bound how long a handler with a worker, or a request that is about to take one, may have to wait, in all,
	// for the request's body: 5 s, and one more for each 8 KiB. The time in which the worker is lent to others counts as well.
	BodyGrace   = 5 * time.Second
	MinBodyRate = 8 << 10 // bytes per second
	// MaxBlocked is how long a handler may wait, in all, for a client that takes the response slowly before it gives its
	// worker back. It goes on without one, at the client's pace.
	MaxBlocked = time.Second
	// liftAfter is how long a step may take under the server's own deadlines, which are seconds longer than any timeout.
	liftAfter = time.Second
)

// watch is a timer that runs only while a read or a write is under way. It interrupts it by a deadline in the past, as
// setting one before each step would cost HTTP/2 a message to the connection's goroutine.
type watch struct {
	mu     sync.Mutex
	timer  *time.Timer
	active bool
	began  time.Time
	limit  time.Duration
	// waited is the sum of all steps.
	waited time.Duration
}

// lazily makes the watch that most exchanges never need.
func lazily(place *atomic.Pointer[watch]) *watch {
	if place.Load() == nil {
		place.CompareAndSwap(nil, new(watch))
	}
	return place.Load()
}

// begin a step that may take as long as given. One that takes a while is first lifted out of the server's own deadlines, which
// may be shorter. The function is always the same one; a method of the exchange as a value would be an allocation for each step.
func (w *watch) begin(limit time.Duration, e *Exchange, late func(*Exchange)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.active, w.began, w.limit = true, time.Now(), limit
	first := limit
	if !e.lifted.Load() {
		first = min(limit, liftAfter)
	}
	if w.timer == nil {
		w.timer = time.AfterFunc(first, func() { w.fire(e, late) })
	} else {
		w.timer.Reset(first)
	}
}

func (w *watch) fire(e *Exchange, late func(*Exchange)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.active {
		return
	}
	if left := w.limit - time.Since(w.began); left > 0 {
		if e.Limited() {
			e.lift()
		}
		w.timer.Reset(left)
		return
	}
	late(e)
}

func (w *watch) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.active {
		w.active = false
		w.waited += time.Since(w.began)
		w.timer.Stop()
	}
}

// stop releases the timer.
func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.active = false
	if w.timer != nil {
		w.timer.Stop()
	}
}

var past = time.Unix(1, 0)

func (e *Exchange) beginWrite() {
	if e.ownWrite.Load() {
		return
	}
	w, limit := lazily(&e.writes), IdleTimeout
	if e.holding() {
		if limit = MaxBlocked - w.waited; limit <= 0 {
			e.LetGo()
			limit = IdleTimeout
		}
	}
	w.begin(limit, e, (*Exchange).writeIsLate)
}

func (e *Exchange) endWrite() {
	if w := e.writes.Load(); w != nil {
		w.end()
	}
	e.progress()
}

func (e *Exchange) writeIsLate() {
	w := e.writes.Load()
	if left := IdleTimeout - time.Since(w.began); left > 0 {
		e.LetGo()
		w.limit = IdleTimeout
		w.timer.Reset(left)
		return
	}
	control := http.NewResponseController(e.writer)
	_ = control.SetWriteDeadline(past)
	if !e.ownRead.Load() { // a server of HTTP/1.1 may wait for the rest of the request before it writes
		_ = control.SetReadDeadline(past)
	}
}

func (e *Exchange) readIsLate() {
	_ = http.NewResponseController(e.writer).SetReadDeadline(past)
}

func (e *Exchange) stopWatches() {
	for _, place := range []*atomic.Pointer[watch]{&e.body.reads, &e.writes} {
		if w := place.Load(); w != nil {
			w.stop()
		}
	}
}
