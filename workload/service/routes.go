// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"goservice.dev/operator/workload/livesettings"
)

// routes are those of a service by their pattern.
type routes struct {
	mu sync.Mutex
	by map[string]*route
}

func (r *routes) served(pattern string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.by[pattern]
	return ok
}

// addRoute makes the route of a pattern, by what is in force already.
func (s *Service) addRoute(pattern string, handler http.Handler, options []RouteOption) *route {
	rt := s.newRoute(pattern, handler, options)
	if rt.err != nil {
		s.fail(fmt.Errorf("route %q: %w", pattern, rt.err))
	}
	s.routes.mu.Lock()
	if s.routes.by == nil {
		s.routes.by = map[string]*route{}
	}
	s.routes.by[pattern] = rt
	s.routes.mu.Unlock()
	// Outside of the lock, because the registry holds its own while it asks for patterns.
	if live, ok := s.live.Report().Document.Routes[pattern]; ok {
		rt.apply(rt.own.with(live))
	}
	return rt
}

// tuneRoutes passes over patterns that this service does not serve: a document may be ahead of a rollout, and the report
// names them.
func (s *Service) tuneRoutes(document livesettings.Document) {
	s.routes.mu.Lock()
	defer s.routes.mu.Unlock()
	for pattern, rt := range s.routes.by {
		rt.apply(rt.own.with(document.Routes[pattern]))
	}
}

// with is the code's settings with those of a document, which win.
func (s routeSettings) with(live livesettings.Route) routeSettings {
	if live.Timeout != nil {
		s.timeout = time.Duration(*live.Timeout)
	}
	if live.MaxBodyBytes > 0 {
		s.maxBodyBytes = live.MaxBodyBytes
	}
	if limit := live.RateLimit; limit != nil {
		s.requestsPerSecond, s.burst = limit.RequestsPerSecond, limit.Burst
	}
	if live.Pool != nil {
		s.unpooled = !*live.Pool
	}
	if live.Priority != "" {
		s.priority = priorityOf(live.Priority)
	}
	if live.Exempt != nil {
		s.exempt = *live.Exempt
	}
	if live.HandOff != nil {
		s.stays = !*live.HandOff
	}
	return s
}
