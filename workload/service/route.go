// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"slices"
	"sync/atomic"

	"goservice.dev/operator/workload/internal/exchange"
	"goservice.dev/operator/workload/internal/handoff"
	"goservice.dev/operator/workload/ratelimit"
	"goservice.dev/operator/workload/telemetry"
)

// route serves one pattern of the mux. A request's way through it: the deadline, the caller's identity, the limiters, the body if it is small, a
// worker of the pool, the handler.
type route struct {
	service *Service
	pattern string
	handler http.Handler
	own     routeSettings                 // as the code has them
	inForce atomic.Pointer[routeSettings] // with what the live settings say
	limiter *ratelimit.Limiter
	clients *clientLimit // nil without one
	err     error        // of the first option that cannot be used

	protocol Protocol // nil: plain HTTP
	public   bool
	demanded [][]*authenticator // one of each
}

// clientLimit is the limit of each client by itself.
type clientLimit struct {
	keyed *ratelimit.Keyed
	key   ratelimit.KeyFunc
}

func (s *Service) newRoute(pattern string, handler http.Handler, options []RouteOption) *route {
	rt := &route{service: s, pattern: pattern, own: s.routeDefaults(), limiter: ratelimit.New(ratelimit.Unlimited, 1)}
	for _, option := range options {
		option(rt)
	}
	for _, wrapper := range slices.Backward(s.wrappers) {
		handler = wrapper(handler)
	}
	rt.handler = handler
	if !rt.public {
		for _, one := range [][]*authenticator{s.clients, slices.Clone(s.authenticators)} {
			if len(one) > 0 {
				rt.demanded = append(rt.demanded, one)
			}
		}
	}
	rt.apply(rt.own)
	return rt
}

// apply puts settings in force.
func (rt *route) apply(settings routeSettings) {
	rt.limiter.Set(settings.requestsPerSecond, settings.burst)
	rt.inForce.Store(&settings)
}

func (rt *route) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e, settings := exchange.From(r.Context()), rt.inForce.Load()
	e.Route = rt
	if rt.protocol != nil {
		begin(rt.protocol, e, r)
	}
	e.Limit(settings.timeout)
	if !rt.identified(e, r) {
		return
	}
	if !settings.exempt && !e.Visits() && !rt.allow(e, r, settings) {
		return
	}
	hasBody := r.ContentLength != 0 // HTTP/2 has a body also where there is none
	if hasBody && !bounded(e, r, settings) {
		return
	}
	if settings.exempt || settings.unpooled {
		e.LetGo() // of the worker that a visit came with: the other pod has the route otherwise
		rt.handler.ServeHTTP(e, r)
		return
	}
	if hasBody && r.ContentLength > 0 && r.ContentLength <= SmallBodyBytes {
		body, ok := rt.service.early(e, r)
		if !ok {
			return
		}
		defer body.leave()
		hasBody = false
	}
	rt.work(e, r, hasBody)
}

// allow asks the limiters, that of the fewest requests first. Whoever is refused by one takes nothing from the others.
func (rt *route) allow(e *exchange.Exchange, r *http.Request, settings *routeSettings) bool {
	s, key := rt.service, ""
	if rt.clients != nil {
		if key = rt.clients.key(r); !rt.clients.keyed.Allow(key) {
			clientLimited.answer(e, r, min(rt.clients.keyed.RetryAfter(key), maxRetryAfter))
			return false
		}
	}
	if settings.limited() && !rt.limiter.Allow() {
		rt.giveBack(key)
		routeLimited.answer(e, r, min(rt.limiter.RetryAfter(), maxRetryAfter))
		return false
	}
	if !s.allow() {
		rt.giveBack(key)
		if settings.limited() {
			rt.limiter.GiveBack()
		}
		rateLimited.answer(e, r, min(s.limiter.RetryAfter(), maxRetryAfter))
		return false
	}
	return true
}

// allow takes a token of the service's limit: this pod's, or where pods share the limit, one that another pod does not need.
func (s *Service) allow() bool { return s.limiter.Allow() || s.broker.Borrow() }

func (rt *route) giveBack(key string) {
	if rt.clients != nil {
		rt.clients.keyed.GiveBack(key)
	}
}

// work runs the handler on a worker of the pool, which others have while the handler waits for its client's body.
func (rt *route) work(e *exchange.Exchange, r *http.Request, hasBody bool) {
	if !e.Visits() && !rt.admit(e, r) {
		return
	}
	release := rt.service.release
	if hasBody {
		body := &lease{
			ReadCloser: r.Body, exchange: e, release: release,
			acquire: func(ctx context.Context) error {
				if err := rt.acquire(ctx, rt.claim(r, true)); err != nil {
					return rt.service.noWorker(err)
				}
				return nil
			},
		}
		r.Body, release = body, body.end
	}
	e.Hold(release)
	// A handler that computes keeps its processor for up to 10 ms. What comes meanwhile would wait in the scheduler's queue,
	// which no limit sees, and find a free worker when its turn comes, long after its client has left. Letting the others
	// go first brings all of them before the limiter and the pool, where waiting is bounded. It pays for itself: net/http's watch
	// of the connection reads once more, but what is ready is read and answered in batches, so that clients are woken less often.
	runtime.Gosched()
	telemetry.Admitted(r)
	panics := true
	defer func() { rt.worked(e, panics) }()
	rt.handler.ServeHTTP(e, r)
	panics = false
}

// worked gives the worker back, and tells the broker how long the handler held it. One that panics has failed, whatever it has answered
// before; one that its client broke off has not.
func (rt *route) worked(e *exchange.Exchange, panics bool) {
	e.LetGo()
	if !rt.service.shares() {
		return
	}
	if held, ok := e.Held(); ok {
		rt.service.broker.Worked(held - e.Waited)
		if failed := panics || e.Status() >= http.StatusInternalServerError; !failed || !e.ByClient(rt.service.broker.Patience()) {
			rt.service.broker.Ended(failed)
		}
	}
}

// mostTries is how often a request that waits may go to a pod without a worker that was kept for it.
const mostTries = 2

// admit waits for a worker. It answers the request itself, and reports false, if there is none in time or another pod has run it.
func (rt *route) admit(e *exchange.Exchange, r *http.Request) bool {
	if rt.tryAcquire() {
		return true
	}
	claim := rt.claim(r, false) // which costs those who do not wait nothing
	tries := 0
	for claim.Movable = rt.movable(e, r); ; {
		err := rt.acquire(e, claim)
		if err == nil {
			return true
		}
		grant, moves := errors.AsType[*handoff.Grant](err)
		if !moves {
			rt.service.turnAway(e, r, err)
			return false
		}
		if rt.handOver(e, r, grant) {
			return false
		}
		tries++
		claim.Movable, claim.Patient = grant.Again() && tries < mostTries, grant.InLine // who has been in line has its place
	}
}
