// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package loadgen

import (
	"context"
	"time"
)

// coarse is what a timer of Go may be late by on Linux, whose poller counts in milliseconds.
const coarse = 1500 * time.Microsecond

// clock waits more exactly than a timer; the zero value is ready.
type clock struct{ timer *time.Timer }

// waitUntil reports whether the time came before ctx ended.
func (c *clock) waitUntil(ctx context.Context, when time.Time) bool {
	left := time.Until(when)
	if left > coarse {
		if c.timer == nil {
			c.timer = time.NewTimer(left - coarse)
		} else {
			c.timer.Reset(left - coarse)
		}
		select {
		case <-ctx.Done():
			return false
		case <-c.timer.C:
		}
		left = time.Until(when)
	}
	if left > 0 {
		nap(left)
	}
	return ctx.Err() == nil
}

func (c *clock) stop() {
	if c.timer != nil {
		c.timer.Stop()
	}
}
