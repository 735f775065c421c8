// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"context"
	"net/http"

	"goservice.dev/operator/workload/internal/exchange"
	"goservice.dev/operator/workload/pool"
)

// tryAcquire takes a free worker for a request.
func (rt *route) tryAcquire() bool {
	if !rt.service.pool.TryAcquire() {
		return false
	}
	rt.service.held.Add(1)
	return true
}

// acquire waits for a worker for a request. Where another pod has one, the error is a *handoff.Grant.
func (rt *route) acquire(ctx context.Context, claim pool.Claim) error {
	if err := rt.service.broker.AcquireFor(ctx, claim); err != nil {
		return err
	}
	rt.service.held.Add(1)
	return nil
}

// claim of the request. Who it is for, and for what, counts only in the queue. A patient request was admitted before.
func (rt *route) claim(r *http.Request, patient bool) pool.Claim {
	return pool.Claim{
		Priority: rt.inForce.Load().priority, Route: rt.pattern, Client: rt.service.clientKey(r), Patient: patient,
	}
}

// Do calls f on a worker of the pool, for a part of the request that ctx belongs to: with the priority, the route, and the client of the
// request. A request that was admitted is not turned away in parts: Do waits for the worker until ctx ends. It is for handlers of
// Unpooled routes, and may be called by several goroutines of one. Its error is f's, that of ctx, or pool.ErrClosed. Outside of a
// request, f counts as normal work of a client of its own.
//
// A handler that holds a worker must not call it: with all workers waiting for each other, it would wait for ever.
func (s *Service) Do(ctx context.Context, f func(context.Context) error) error {
	if !s.pool.TryAcquire() {
		claim := pool.Claim{Patient: true}
		if e := exchange.From(ctx); e != nil {
			if rt, ok := e.Route.(*route); ok {
				claim = rt.claim(e.Request(), true)
			}
		}
		if err := s.pool.AcquireFor(ctx, claim); err != nil {
			return err
		}
	}
	defer s.pool.Release()
	return f(ctx)
}
