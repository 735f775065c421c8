// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"encoding/json"
	"net/http"
	"runtime"
	"slices"
	"time"

	"goservice.dev/operator/workload/pool"
	"goservice.dev/operator/workload/problem"
	"goservice.dev/operator/workload/server"
	"goservice.dev/operator/workload/telemetry"
)

// statusClientLeft is what the metrics show for a client that left before it was served; nobody reads the response.
const statusClientLeft = 499

// maxRetryAfter keeps clients from staying away long after a peak: the pool's estimate is of this moment.
const maxRetryAfter = 30 * time.Second

// RouteOption changes how one route is served.
type RouteOption func(*route)

type route struct {
	unpooled bool
	protocol Protocol
}

// Unpooled admits the route's requests without a worker of the pool: for handlers that take workers themselves, which would
// wait for each other for ever, and for ones that only wait. The limiter still applies. The time that such a request takes is
// not counted as service time, which says how long workers are held.
func Unpooled() RouteOption { return func(r *route) { r.unpooled = true } }

// chain is what every request passes: measured → deadline → limiter → the route, which adds the pool.
func (s *Service) chain(next http.Handler) http.Handler {
	return s.telemetry.Middleware(server.Deadline(s.config.RequestTimeout, s.limited(next)))
}

func (s *Service) limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.limiter.Allow() {
			if _, pattern := s.mux.Handler(r); s.protocols[pattern] != nil {
				w, r = begin(s.protocols[pattern], w, r)
			}
			rateLimited.answer(w, r, min(s.limiter.RetryAfter(), maxRetryAfter))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Service) admitted(pattern string, handler http.Handler, options []RouteOption) http.Handler {
	var served route
	for _, option := range options {
		option(&served)
	}
	for _, wrapper := range slices.Backward(s.wrappers) {
		handler = wrapper(handler)
	}
	if !served.unpooled {
		handler = s.pooled(handler)
	}
	if served.protocol == nil {
		return handler
	}
	s.protocols[pattern] = served.protocol
	return speaking(served.protocol, handler)
}

func (s *Service) pooled(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.pool.Acquire(r.Context()); err != nil {
			s.turnAway(w, r, err)
			return
		}
		defer s.pool.Release()
		// A handler that computes keeps its processor for up to 10 ms. What comes meanwhile would wait in the scheduler's queue,
		// which no limit sees, and find a free worker when its turn comes, long after its client has left. Letting the others
		// go first brings all of them before the limiter and the pool, where waiting is bounded.
		runtime.Gosched()
		telemetry.Admitted(r)
		handler.ServeHTTP(w, r)
	})
}

// rejections of the pool by its reasons.
var rejections = map[string]*rejection{
	pool.ReasonQueueFull:    newRejection(telemetry.RejectedQueueFull, http.StatusServiceUnavailable, "all workers are busy and the queue is full"),
	pool.ReasonQueueTimeout: newRejection(telemetry.RejectedQueueTimeout, http.StatusServiceUnavailable, "no worker became free in time"),
	pool.ReasonShed:         newRejection(telemetry.RejectedShed, http.StatusServiceUnavailable, "no worker would become free before the deadline"),
	pool.ReasonDraining:     newRejection(telemetry.RejectedDraining, http.StatusServiceUnavailable, "this instance is stopping"),
}

var rateLimited = newRejection(telemetry.RejectedRateLimit, http.StatusTooManyRequests, "the rate limit of this instance is reached")

func (s *Service) turnAway(w http.ResponseWriter, r *http.Request, err error) {
	rejected, ok := rejections[pool.Reason(err)]
	if !ok { // the client left while it waited
		w.WriteHeader(statusClientLeft)
		return
	}
	rejected.answer(w, r, min(s.pool.RetryAfter(), maxRetryAfter))
}

// rejection is a response that costs little, because it is sent most often when the service has the least to spare.
type rejection struct {
	reason  string
	status  int
	details problem.Details
	body    []byte
}

func newRejection(reason string, status int, detail string) *rejection {
	details := problem.Details{Status: status, Title: http.StatusText(status), Reason: reason, Detail: detail}
	body, err := json.Marshal(details)
	if err != nil {
		panic(err) // constants that always encode
	}
	return &rejection{reason: reason, status: status, details: details, body: append(body, '\n')}
}

func (x *rejection) answer(w http.ResponseWriter, r *http.Request, retryAfter time.Duration) {
	telemetry.Rejected(r, x.reason)
	header := w.Header()
	problem.RetryAfter(header, retryAfter)
	if problem.Answered(w, x.details) {
		return
	}
	header.Set("Content-Type", "application/problem+json")
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(x.status)
	_, _ = w.Write(x.body)
}
