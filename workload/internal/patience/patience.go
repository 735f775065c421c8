// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package patience asks a pool for a worker again and again, for work that was admitted before and must not be turned away
// because others fill the queue.
package patience

import (
	"context"
	"time"

	"goservice.dev/operator/workload/pool"
)

// Who finds the queue full asks again after 5 ms, then after twice as long, up to 100 ms.
const (
	firstPause   = 5 * time.Millisecond
	longestPause = 100 * time.Millisecond
)

// Acquire calls acquire until it succeeds, ctx ends, or the pool is closed.
func Acquire(ctx context.Context, acquire func() error) error {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := acquire()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		switch pool.Reason(err) {
		case pool.ReasonQueueFull, pool.ReasonQueueTimeout, pool.ReasonShed:
		default:
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}
