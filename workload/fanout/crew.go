// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package fanout

import (
	"context"
	"sync"
	"sync/atomic"
)

// crew is the workers of one fan-out.
type crew struct {
	ctx   context.Context
	n     int64
	limit int64
	do    func(i int)

	next    atomic.Int64 // index to draw
	hired   atomic.Int64
	working sync.WaitGroup
}

// run calls do with the indices from 0 to n-1 until the context ends and returns how many of them it began. They are drawn in
// order: those not begun are the last.
func run(ctx context.Context, n, limit int, do func(i int)) (begun int) {
	if limit < 1 || limit > n {
		limit = n
	}
	c := &crew{ctx: ctx, n: int64(n), limit: int64(limit), do: do}
	c.hired.Store(1)
	c.working.Add(1)
	defer c.working.Wait() // deferred: also when a call ends the caller's goroutine
	c.work()
	c.working.Wait()
	return int(min(c.next.Load(), c.n))
}

// work is one worker. It hires the next one as soon as it has something to do itself. So short calls are done before a crew
// has gathered that they could not feed, and calls that wait let the crew grow at the pace at which goroutines start.
func (c *crew) work() {
	gone := true
	defer func() {
		if gone { // a call took the goroutine along: somebody else must do its share
			c.working.Add(1)
			go c.work()
		}
		c.working.Done()
	}()
	for first := true; c.ctx.Err() == nil; first = false {
		i := c.next.Add(1) - 1
		if i >= c.n {
			break
		}
		if first && i+1 < c.n && c.hired.Add(1) <= c.limit {
			c.working.Add(1)
			go c.work()
		}
		c.do(int(i))
	}
	gone = false
}
