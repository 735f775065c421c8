// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package upstream

import (
	"sync"
	"time"
)

// refusalsEvery is how rarely the same kind of refusal is told.
const refusalsEvery = time.Minute

// refusals of one kind: one cause may refuse any number of calls, and is told once in a while.
type refusals struct {
	mu    sync.Mutex
	count int64
	told  time.Time
}

// add counts one, and reports whether it is to be told.
func (r *refusals) add() bool {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count++
	if r.count > 1 && now.Sub(r.told) < refusalsEvery {
		return false
	}
	r.told = now
	return true
}

func (r *refusals) total() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count
}

// refuse notes a call that is not sent because of the client's own bounds.
func (c *Client) refuse(kind *refusals, err error) {
	if kind.add() && c.refused != nil {
		c.refused(err)
	}
}
