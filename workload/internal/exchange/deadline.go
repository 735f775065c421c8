// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package exchange

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Limit gives the exchange its deadline, the timeout after Start; 0 or less means none. It is for the one that knows the
// route, before the next handler runs. Of several the earliest holds.
//
// The deadline is a bound on the handler, not on the client: as long as a body that is longer than what is buffered comes
// or goes at a fair pace, it moves forward. The server's own deadlines are lifted only where they would be in the way, now
// or later, as that costs each request more than the rest of the chain does.
func (e *Exchange) Limit(timeout time.Duration) {
	if timeout > 0 {
		e.LimitTo(e.Start.Add(timeout))
	}
	if bound := e.bound(); bound > 0 && (timeout <= 0 || timeout > bound) {
		e.lift()
	}
}

// Limited reports whether the exchange has a deadline of its own.
func (e *Exchange) Limited() bool { return e.limit.Load() > 0 }

// LimitTo brings the deadline forward; it never moves it back.
func (e *Exchange) LimitTo(deadline time.Time) {
	limit := max(1, deadline.Sub(e.Start))
	if current := e.limit.Load(); current > 0 && current <= int64(limit) {
		return
	}
	e.timeout = limit
	e.limit.Store(int64(limit))
	if c := e.clock.Load(); c != nil {
		c.wind()
	}
}

// progress moves the deadline forward, because the client keeps its side up.
func (e *Exchange) progress() {
	limit := time.Duration(e.limit.Load())
	if limit == 0 {
		return
	}
	age := e.Age()
	if next := age + e.timeout; age < limit && next-limit > e.timeout/4 {
		e.limit.CompareAndSwap(int64(limit), int64(next))
		if bound := e.bound(); bound > 0 && next >= bound {
			e.lift()
		}
	}
}

func (e *Exchange) bound() time.Duration {
	if e.owner == nil {
		return 0
	}
	return e.owner.Bound()
}

// Deadline is the earlier one of the exchange's and its parent's.
func (e *Exchange) Deadline() (time.Time, bool) {
	parent, ok := e.parent.Deadline()
	limit := time.Duration(e.limit.Load())
	if limit == 0 {
		return parent, ok
	}
	if own := e.Start.Add(limit); !ok || own.Before(parent) {
		return own, true
	}
	return parent, true
}

// Done starts the clock when it is first asked for: most handlers never wait, and pay nothing.
func (e *Exchange) Done() <-chan struct{} {
	if c := e.clock.Load(); c != nil {
		return c.inner.Done()
	}
	if e.owner == nil && e.limit.Load() == 0 && !e.Streaming() {
		return e.parent.Done()
	}
	return e.arm().inner.Done()
}

// Err is nil as long as the exchange's time runs and its client is there.
func (e *Exchange) Err() error {
	if c := e.clock.Load(); c != nil {
		return c.inner.Err()
	}
	if err := e.parent.Err(); err != nil {
		return err
	}
	if limit := time.Duration(e.limit.Load()); limit > 0 && e.Age() >= limit {
		return context.DeadlineExceeded
	}
	return nil
}

// End cancels the exchange's context with a cause.
func (e *Exchange) End(cause error) { e.arm().end(context.Canceled, cause) }

func (e *Exchange) arm() *clock {
	e.arming.Lock()
	defer e.arming.Unlock()
	if c := e.clock.Load(); c != nil {
		return c
	}
	c := &clock{e: e, done: make(chan struct{})}
	c.inner, c.cancel = context.WithCancelCause(c)
	c.mu.Lock() // until all fields are set
	c.unhook = context.AfterFunc(e.parent, c.parentEnded)
	if limit := time.Duration(e.limit.Load()); limit > 0 {
		c.timer = time.AfterFunc(limit-e.Age(), c.expire)
	}
	c.mu.Unlock()
	e.clock.Store(c)
	if e.parent.Err() != nil {
		c.parentEnded()
	} else {
		c.expire()
	}
	return c
}

// clock is what stands behind the context of an Exchange that somebody waits for: a standard context, so that its children
// cost no goroutine, and above it one whose deadline can move, which no standard context's can.
type clock struct {
	e      *Exchange
	inner  context.Context
	cancel context.CancelCauseFunc
	unhook func() bool

	mu    sync.Mutex
	timer *time.Timer
	done  chan struct{}
	err   error
	child func() // tells inner
}

func (c *clock) parentEnded() { c.end(c.e.parent.Err(), context.Cause(c.e.parent)) }

// expire ends the context if the deadline has passed, and waits on if it has moved.
func (c *clock) expire() {
	limit := time.Duration(c.e.limit.Load())
	if limit == 0 {
		return
	}
	left := limit - c.e.Age()
	if left <= 0 {
		c.end(context.DeadlineExceeded, nil)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	if c.timer == nil {
		c.timer = time.AfterFunc(left, c.expire)
	} else {
		c.timer.Reset(left)
	}
}

// wind sets the timer after the deadline was brought forward.
func (c *clock) wind() { c.expire() }

func (c *clock) end(err, cause error) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.err = err
	close(c.done)
	tell := c.child
	if c.timer != nil {
		c.timer.Stop()
	}
	c.mu.Unlock()
	c.unhook()
	if tell != nil && errors.Is(err, context.DeadlineExceeded) {
		tell() // a cancel would be a Canceled
	}
	c.cancel(cause)
}

// The context above inner.

func (c *clock) Deadline() (time.Time, bool) { return c.e.Deadline() }
func (c *clock) Done() <-chan struct{}       { return c.done }
func (c *clock) Value(key any) any           { return c.e.parent.Value(key) }

func (c *clock) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// AfterFunc lets context.WithCancel follow this context without a goroutine; inner is the only one that does.
func (c *clock) AfterFunc(f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.child = f
	return func() bool { return true }
}
