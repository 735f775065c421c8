// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"strconv"
	"time"
)

// Reasons for which a pool turns work away, as Reason gives them and as labels of metrics.
const (
	ReasonQueueFull    = "queue_full"
	ReasonQueueTimeout = "queue_timeout"
	ReasonShed         = "shed"
	ReasonDraining     = "draining"
	ReasonCanceled     = "canceled"
)

// Reason names the reason behind an error of Acquire, Do or Submit in one word; empty if it is none of the pool's.
func Reason(err error) string {
	switch {
	case errors.Is(err, ErrQueueFull):
		return ReasonQueueFull
	case errors.Is(err, ErrQueueTimeout), errors.Is(err, context.DeadlineExceeded):
		return ReasonQueueTimeout
	case errors.Is(err, ErrWouldMissDeadline):
		return ReasonShed
	case errors.Is(err, ErrClosed):
		return ReasonDraining
	case errors.Is(err, context.Canceled):
		return ReasonCanceled
	}
	return ""
}

const (
	// A Retry-After of zero would invite a retry at once, a long one would keep clients away after the peak is over.
	minRetryAfter = time.Second
	maxRetryAfter = 30 * time.Second

	// statusClientClosedRequest goes into logs and metrics only: nobody is left to read it.
	statusClientClosedRequest = 499
)

// Option changes what Middleware does.
type Option func(*middleware)

// WithOnReject calls hook for every request that is turned away, before it is answered. Requests whose client left while they
// waited are not among them.
func WithOnReject(hook func(r *http.Request, reason string)) Option {
	return func(m *middleware) { m.onReject = hook }
}

// WithOnAdmit calls hook for every request that gets a worker, before the handler: queueWait is 0 if one was free.
func WithOnAdmit(hook func(r *http.Request, queueWait time.Duration)) Option {
	return func(m *middleware) { m.onAdmit = hook }
}

// WithReject answers refused requests by handler instead of with status 503 and a line of text. The Retry-After field is set
// already.
func WithReject(handler http.Handler) Option {
	return func(m *middleware) { m.reject = handler }
}

// WithClaim has requests wait by the claim that claim makes of them: their priority, and the client that they come from. It is called
// only for requests that find no worker free.
func WithClaim(claim func(r *http.Request) Claim) Option {
	return func(m *middleware) { m.claim = claim }
}

type middleware struct {
	pool     *Pool
	claim    func(*http.Request) Claim
	onReject func(*http.Request, string)
	onAdmit  func(*http.Request, time.Duration)
	reject   http.Handler
}

// Middleware runs the handler as work of the pool. Requests that get no worker in time are answered with 503 and a Retry-After of
// whole seconds, at least 1.
func Middleware(p *Pool, options ...Option) func(http.Handler) http.Handler {
	m := &middleware{pool: p, reject: http.HandlerFunc(unavailable), claim: func(*http.Request) Claim { return Claim{} }}
	for _, option := range options {
		option(m)
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { m.serve(w, r, next) })
	}
}

func (m *middleware) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	var waited time.Duration
	if !m.pool.take(queued | closed) {
		var err error
		if waited, err = m.pool.wait(r.Context(), m.claim(r)); err != nil {
			m.refuse(w, r, err)
			return
		}
	}
	defer m.pool.Release()
	// Requests that wait for the processor come before the pool first: in the scheduler's queue no bound would apply to them.
	runtime.Gosched()
	if m.onAdmit != nil {
		m.onAdmit(r, waited)
	}
	next.ServeHTTP(w, r)
}

func (m *middleware) refuse(w http.ResponseWriter, r *http.Request, err error) {
	reason := Reason(err)
	if reason == ReasonCanceled {
		w.WriteHeader(statusClientClosedRequest)
		return
	}
	wait := min(max(m.pool.RetryAfter(), minRetryAfter), maxRetryAfter)
	w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	if m.onReject != nil {
		m.onReject(r, reason)
	}
	m.reject.ServeHTTP(w, r)
}

func unavailable(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "overloaded: no worker is free in time", http.StatusServiceUnavailable)
}
