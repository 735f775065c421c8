// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"goservice.dev/operator/workload/pool"
	"goservice.dev/operator/workload/problem"
	"goservice.dev/operator/workload/server"
	"goservice.dev/operator/workload/telemetry"
)

// statusClientLeft is what the metrics show for a client that left before it was served; nobody reads the response.
const statusClientLeft = 499

// RouteOption changes how one route is served.
type RouteOption func(*route)

type route struct{ unpooled bool }

// Unpooled admits the route's requests without a worker of the pool: for handlers that take workers themselves, which would
// wait for each other for ever, and for ones that only wait. The limiter still applies.
func Unpooled() RouteOption { return func(r *route) { r.unpooled = true } }

// chain is what every request passes: measured → deadline → limiter → the route, which adds the pool.
func (s *Service) chain(next http.Handler) http.Handler {
	return s.telemetry.Middleware(server.Deadline(s.config.RequestTimeout, s.limited(next)))
}

func (s *Service) limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.limiter.Allow() {
			rateLimited.answer(w, r, s.limiter.RetryAfter())
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Service) admitted(handler http.Handler, options []RouteOption) http.Handler {
	var served route
	for _, option := range options {
		option(&served)
	}
	if served.unpooled {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			telemetry.Admitted(r)
			handler.ServeHTTP(w, r)
		})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.pool.Acquire(r.Context()); err != nil {
			turnAway(w, r, err)
			return
		}
		defer s.pool.Release()
		telemetry.Admitted(r)
		handler.ServeHTTP(w, r)
	})
}

func turnAway(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, pool.ErrQueueFull):
		queueFull.answer(w, r, 0)
	case errors.Is(err, pool.ErrClosed):
		draining.answer(w, r, 0)
	case errors.Is(err, pool.ErrWouldMissDeadline):
		shed.answer(w, r, 0)
	case errors.Is(err, context.Canceled):
		w.WriteHeader(statusClientLeft)
	default: // the queue's bound or the request's deadline passed in the queue
		queueTimeout.answer(w, r, 0)
	}
}

// rejection is a response that costs little, because it is sent most often when the service has the least to spare.
type rejection struct {
	reason string
	status int
	body   []byte
}

var (
	rateLimited  = newRejection(telemetry.RejectedRateLimit, http.StatusTooManyRequests, "the rate limit of this instance is reached")
	queueFull    = newRejection(telemetry.RejectedQueueFull, http.StatusServiceUnavailable, "all workers are busy and the queue is full")
	queueTimeout = newRejection(telemetry.RejectedQueueTimeout, http.StatusServiceUnavailable, "no worker became free in time")
	shed         = newRejection(telemetry.RejectedShed, http.StatusServiceUnavailable, "no worker would become free before the deadline")
	draining     = newRejection(telemetry.RejectedDraining, http.StatusServiceUnavailable, "this instance is stopping")
)

func newRejection(reason string, status int, detail string) *rejection {
	body, err := json.Marshal(problem.Details{Status: status, Title: http.StatusText(status), Reason: reason, Detail: detail})
	if err != nil {
		panic(err) // constants that always encode
	}
	return &rejection{reason: reason, status: status, body: append(body, '\n')}
}

func (x *rejection) answer(w http.ResponseWriter, r *http.Request, retryAfter time.Duration) {
	telemetry.Rejected(r, x.reason)
	header := w.Header()
	header.Set("Content-Type", "application/problem+json")
	header.Set("Cache-Control", "no-store")
	problem.RetryAfter(header, retryAfter)
	w.WriteHeader(x.status)
	_, _ = w.Write(x.body)
}
