// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package workers runs jobs of an admitted batch on the service's pool.
package workers

import (
	"context"

	"goservice.dev/operator/workload/internal/patience"
	"goservice.dev/operator/workload/pool"
)

// Patient waits for a worker for as long as the batch has time. A batch is accepted as a whole, so that its jobs are not
// turned away one by one when others fill the queue: they come at the pace at which workers become free.
type Patient struct{ Pool *pool.Pool }

// Do runs f on a worker. Its error is f's, that of ctx, or pool.ErrClosed.
func (p Patient) Do(ctx context.Context, f func(context.Context) error) error {
	if err := patience.Acquire(ctx, func() error { return p.Pool.Acquire(ctx) }); err != nil {
		return err
	}
	defer p.Pool.Release()
	return f(ctx)
}
