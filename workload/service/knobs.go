// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"cmp"
	"runtime"
	"time"

	"goservice.dev/operator/workload/forwarded"
	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/pool"
	"goservice.dev/operator/workload/ratelimit"
	"goservice.dev/operator/workload/runtimeinfo"
	"goservice.dev/operator/workload/upstream"
)

const (
	defaultLogLevel = "info"

	// A pool begins with few workers for each processor: it grows within milliseconds while processors are idle. The upper bound is one
	// of memory, like the depth of the queue.
	startPerProcessor   = 16
	defaultMaxWorkers   = 4096
	defaultQueueDepth   = 4096
	defaultQueueTimeout = time.Second
)

// DefaultPool is the pool of a service without live settings: it sizes itself, from 16 workers for each processor. 4,096 requests may
// wait, for up to a second each.
func DefaultPool() pool.Config {
	return pool.Config{
		Workers: startPerProcessor * runtime.GOMAXPROCS(0), MaxWorkers: defaultMaxWorkers,
		QueueDepth: defaultQueueDepth, QueueTimeout: defaultQueueTimeout,
	}
}

// PoolFor is the pool of a service with the document in force.
func PoolFor(document livesettings.Document) pool.Config {
	p := document.Pool
	if p == nil {
		return DefaultPool()
	}
	config := pool.Config{
		Workers: p.Workers, MinWorkers: p.MinWorkers, MaxWorkers: p.MaxWorkers, QueueDepth: p.QueueDepth, QueueTimeout: time.Duration(p.QueueTimeout),
	}
	if config.MaxWorkers == 0 {
		config.MaxWorkers = max(defaultMaxWorkers, p.Workers, p.MinWorkers)
	}
	return config
}

// registerKnobs binds every live setting. What a document leaves out goes back to the service's own.
func (s *Service) registerKnobs() {
	s.live.Register(s.tuneLimiter)
	s.live.Register(s.tunePool)
	s.live.Register(s.tuneTelemetry)
	s.live.Register(tuneRuntime(runtimeinfo.Baseline()))
	s.live.Register(s.tuneBodies)
	s.live.Register(s.tuneUpstreams)
	s.live.Register(s.tuneRoutes)
	s.live.Serves(s.routes.served)
	s.live.Register(s.tuneProxies)
}

// tuneLimiter lets the broker borrow and lend only while what is in the bucket is a part of a shared limit, and lend only where it is surely this pod's.
func (s *Service) tuneLimiter(document livesettings.Document) {
	limit := document.RateLimit
	borrows := limit != nil && limit.Shared
	lends := borrows && !limit.Unnamed
	if !lends {
		s.broker.ShareLimit(borrows, false) // before the bucket is this pod's alone, or another's
	}
	if limit != nil {
		s.limiter.Set(limit.RequestsPerSecond, limit.Burst)
	} else {
		s.limiter.Set(ratelimit.Unlimited, 1)
	}
	s.broker.ShareLimit(borrows, lends)
}

func (s *Service) tunePool(document livesettings.Document) {
	s.pool.Set(PoolFor(document))
	share := 1.0
	if p := document.Pool; p != nil && p.TakeShare != nil {
		share = *p.TakeShare
	}
	s.broker.TakeShare(share)
}

func (s *Service) tuneTelemetry(document livesettings.Document) {
	level := document.LogLevel
	if level == "" {
		level = defaultLogLevel
	}
	if err := s.telemetry.Level().Set(level); err != nil { // the document's validation knows the same levels
		s.logger.Error("log level stays", "error", err)
	}
	ratio := s.sampleRatio
	if document.Tracing != nil {
		ratio = document.Tracing.SampleRatio
	}
	s.telemetry.Sampler().Set(ratio)
}

func tuneRuntime(own runtimeinfo.Settings) livesettings.Knob {
	return func(document livesettings.Document) {
		settings := own
		if r := document.Runtime; r != nil {
			if r.GOGC != 0 {
				settings.GOGC = r.GOGC
			}
			if r.MemoryLimitBytes != 0 {
				settings.MemoryLimitBytes = r.MemoryLimitBytes
			}
		}
		settings.Apply()
	}
}

// tuneUpstreams passes over names that this service does not know: a document may be ahead of a rollout.
func (s *Service) tuneUpstreams(document livesettings.Document) {
	for name, client := range s.upstreams {
		u := document.Upstreams[name]
		client.SetLimits(upstream.Limits{
			Timeout: time.Duration(u.Timeout), RequestsPerSecond: u.RequestsPerSecond, Burst: u.Burst,
			MaxInFlight: cmp.Or(u.MaxInFlight, maxInFlight(document)),
		})
	}
}

// maxInFlight of an upstream that says nothing about it leaves a quarter of the workers that there can be to those who do not call
// it: each call holds one while it waits.
func maxInFlight(document livesettings.Document) int {
	workers := PoolFor(document).MaxWorkers
	return min(upstream.DefaultMaxInFlight, max(1, workers-max(1, workers/4)))
}

func (s *Service) tuneProxies(document livesettings.Document) {
	trusted := s.config.TrustedProxies
	if len(document.TrustedProxies) > 0 {
		ranges, err := forwarded.Parse(document.TrustedProxies)
		if err != nil { // the document's validation has the same rule
			s.logger.Error("trusted proxies stay", "error", err)
			return
		}
		trusted = ranges
	}
	s.proxies.Set(trusted)
}
