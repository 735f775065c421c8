// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package workers runs jobs of an admitted batch on the service's pool.
package workers

import (
	"context"
	"time"

	"goservice.dev/operator/workload/pool"
)

// A job that finds the queue full asks again after 5 ms, then after twice as long, up to 100 ms.
const (
	firstPause   = 5 * time.Millisecond
	longestPause = 100 * time.Millisecond
)

// Patient waits for a worker for as long as the batch has time. A batch is accepted as a whole, so that its jobs are not
// turned away one by one when others fill the queue: they come at the pace at which workers become free.
type Patient struct{ Pool *pool.Pool }

// Do runs f on a worker. Its error is f's, that of ctx, or pool.ErrClosed.
func (p Patient) Do(ctx context.Context, f func(context.Context) error) error {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := p.Pool.Acquire(ctx)
		if err == nil {
			break
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
	defer p.Pool.Release()
	return f(ctx)
}
