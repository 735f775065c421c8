// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package fanout

import (
	"context"
	"sync"
	"sync/atomic"

	"goservice.dev/operator/workload/panics"
)

// crew is the workers of one fan-out.
type crew struct {
	ctx   context.Context
	n     int64
	limit int64
	call  func(i int) error
	fail  func(i int, err error)

	_       [64]byte     // what never changes must not share a cache line with what always does
	next    atomic.Int64 // index to draw
	hired   atomic.Int64
	working sync.WaitGroup
}

// run calls call with the indices from 0 to n-1 until the context ends, and fail with those whose call returned an error,
// panicked or never returned. It says how many it began: as they are drawn in order, the others are the last.
func run(ctx context.Context, n, limit int, call func(i int) error, fail func(i int, err error)) (begun int) {
	if limit < 1 || limit > n {
		limit = n
	}
	c := &crew{ctx: ctx, n: int64(n), limit: int64(limit), call: call, fail: fail}
	defer c.working.Wait() // deferred: also when a call ends the caller's goroutine
	c.hired.Store(1)
	c.working.Add(1)
	c.work(1)
	c.working.Wait()
	return int(min(c.next.Load(), c.n))
}

// hire starts another worker if there may be one and something is left for it.
func (c *crew) hire() {
	if c.next.Load() < c.n && c.hired.Add(1) <= c.limit {
		c.working.Add(1)
		go c.work(2)
	}
}

// work is one worker. As soon as it has something to do itself, it hires helpers: the caller one, so that a few short calls are
// done before a crew has gathered that they could not feed, and every helper two, so that calls that wait for something
// soon all wait at once.
func (c *crew) work(helpers int) {
	gone := true
	defer func() {
		if gone { // a call took the goroutine along: somebody else must do its share
			c.working.Add(1)
			go c.work(0)
		}
		c.working.Done()
	}()
	for c.drawUntilPanic(&helpers) {
	}
	gone = false
}

// drawUntilPanic makes calls until there are none left to draw; after a panic it returns true, to be called again. So the calls
// need no deferred function each.
func (c *crew) drawUntilPanic(helpers *int) (again bool) {
	ctx, call, n := c.ctx, c.call, c.n
	var i int64
	called := false
	defer func() {
		if !called {
			return
		}
		if value := recover(); value != nil {
			c.fail(int(i), panics.Recovered(value))
			again = true
		} else {
			c.fail(int(i), panics.ErrGoexit)
		}
	}()
	for ctx.Err() == nil {
		if i = c.next.Add(1) - 1; i >= n {
			break
		}
		for ; *helpers > 0; *helpers-- {
			c.hire()
		}
		called = true
		if err := call(int(i)); err != nil {
			c.fail(int(i), err)
		}
		called = false
	}
	return false
}
