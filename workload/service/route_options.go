// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"fmt"
	"math"
	"time"

	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/pool"
	"goservice.dev/operator/workload/ratelimit"
)

// DefaultMaxBodyBytes bounds the body of a request to a route that says nothing else.
const DefaultMaxBodyBytes = 32 << 20

// maxRememberedClients bounds the memory of a limit by client: about 3 MB.
const maxRememberedClients = 65_536

// RouteOption changes how one route is served. The live settings may say otherwise for a route, by its pattern.
type RouteOption func(*route)

// routeSettings are what can change while a route is served.
type routeSettings struct {
	timeout           time.Duration // 0: none
	maxBodyBytes      int64         // 0: unbounded
	requestsPerSecond float64
	burst             int
	priority          pool.Priority
	unpooled, exempt  bool
	unboundedCalls    bool
	stays             bool // never moves to another pod
}

func (s routeSettings) limited() bool { return !math.IsInf(s.requestsPerSecond, 1) }

func (s *Service) routeDefaults() routeSettings {
	return routeSettings{
		timeout: s.config.RequestTimeout, maxBodyBytes: DefaultMaxBodyBytes, requestsPerSecond: ratelimit.Unlimited, burst: 1,
	}
}

// Priorities of routes, those of package pool.
const (
	// Sheddable requests are turned away first: prefetching, crawlers, whatever its caller repeats later.
	Sheddable = pool.Sheddable
	// Normal is the priority of routes that say nothing else.
	Normal = pool.Normal
	// Critical requests are turned away last: what users wait for, and what keeps other services alive.
	Critical = pool.Critical
)

// priorityOf reads the live settings' word, which their validation has checked.
func priorityOf(word string) pool.Priority {
	priority, _ := pool.ParsePriority(word)
	return priority
}

// Unpooled admits the route's requests without a worker of the pool: for handlers that take workers themselves (Do), which would
// wait for each other for ever, and for ones that only wait. The limiters still apply. The time that such a request takes is
// not counted as service time, which says how long workers are held.
func Unpooled() RouteOption { return func(rt *route) { rt.own.unpooled = true } }

// Exempt serves the route whatever the load: without limiter and pool. It is for the health checks of load balancers and
// for what must be answered while the service is overloaded; its handler must cost next to nothing.
func Exempt() RouteOption { return func(rt *route) { rt.own.exempt = true } }

// NoHandOff keeps the route's requests in the pod where they come in, where pods share their queue: for handlers that need something of this
// very pod, such as a session or a file that an earlier request has left in it, or that answer faster than a request moves.
func NoHandOff() RouteOption { return func(rt *route) { rt.own.stays = true } }

// Timeout is the time from a request's head to the end of its response, instead of GOSERVICE_REQUEST_TIMEOUT; 0 means none.
// The request's context ends with it.
func Timeout(timeout time.Duration) RouteOption {
	return func(rt *route) {
		if timeout < 0 {
			rt.invalid("timeout", timeout, "must not be negative; 0 means none")
			return
		}
		rt.own.timeout = timeout
	}
}

// MaxBody bounds the body of a request in bytes, instead of DefaultMaxBodyBytes; 0 means unbounded. A larger one that says so
// is answered with 413 before anything of it is read; else reading it fails with *http.MaxBytesError.
func MaxBody(bytes int64) RouteOption {
	return func(rt *route) {
		if bytes < 0 {
			rt.invalid("maxBodyBytes", bytes, "must not be negative; 0 means unbounded")
			return
		}
		rt.own.maxBodyBytes = bytes
	}
}

// UnboundedCalls leaves calls of gRPC (a Content-Type of application/grpc or one that begins with it) out of the bound of MaxBody and
// of the live settings: a stream of messages has no total size. It is for handlers that pass on what they read, such as a proxy, and keep
// none of it: anybody can send the type.
func UnboundedCalls() RouteOption { return func(rt *route) { rt.own.unboundedCalls = true } }

// RateLimit admits so many requests per second to the route, and burst of them at once, besides the limit of the service.
// requestsPerSecond must be above 0 and at most livesettings.MaxRequestsPerSecond, burst 1 to livesettings.MaxBurst.
func RateLimit(requestsPerSecond float64, burst int) RouteOption {
	return func(rt *route) {
		if rt.validRate("rateLimit", requestsPerSecond, burst) {
			rt.own.requestsPerSecond, rt.own.burst = requestsPerSecond, burst
		}
	}
}

// PerClient also limits each client of the route by itself, within the ranges of RateLimit. key tells clients apart; nil: by
// WithClientKey, or by the client's address. 65,536 clients are remembered.
func PerClient(requestsPerSecond float64, burst int, key ratelimit.KeyFunc) RouteOption {
	return func(rt *route) {
		if !rt.validRate("perClient", requestsPerSecond, burst) {
			return
		}
		if key == nil {
			key = rt.service.clientKey
		}
		rt.clients = &clientLimit{ratelimit.NewKeyed(requestsPerSecond, burst, maxRememberedClients), key}
	}
}

// Priority says which routes' requests are turned away first in an overload: those of a lower priority. It must be Critical, Normal
// or Sheddable; Normal by default.
func Priority(priority pool.Priority) RouteOption {
	return func(rt *route) {
		if priority < Sheddable || priority > Critical {
			rt.invalid("priority", int(priority), "must be Critical, Normal or Sheddable")
			return
		}
		rt.own.priority = priority
	}
}

func (rt *route) validRate(field string, requestsPerSecond float64, burst int) bool {
	bucket := livesettings.Bucket{RequestsPerSecond: requestsPerSecond, Burst: burst}
	if !(requestsPerSecond > 0 && requestsPerSecond <= livesettings.MaxRequestsPerSecond) || burst < 1 || burst > livesettings.MaxBurst {
		rt.invalid(field, fmt.Sprintf("%g/s, %d at once", bucket.RequestsPerSecond, bucket.Burst), fmt.Sprintf(
			"must be above 0/s and at most %g/s, with a burst of 1 to %d", float64(livesettings.MaxRequestsPerSecond), livesettings.MaxBurst))
		return false
	}
	return true
}

// invalid is reported by Serve, with the route's pattern.
func (rt *route) invalid(field string, value any, rule string) {
	if rt.err == nil {
		rt.err = fmt.Errorf("%s: %v: %s", field, value, rule)
	}
}
