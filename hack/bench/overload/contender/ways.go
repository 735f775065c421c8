// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/bohde/codel"
	"github.com/failsafe-go/failsafe-go/adaptivelimiter"
	"github.com/failsafe-go/failsafe-go/priority"
	"github.com/go-kratos/aegis/ratelimit"
	"github.com/go-kratos/aegis/ratelimit/bbr"
)

// acquire a place, or not.
type acquire func(ctx context.Context, critical bool) (release func(), err error)

// told is what a way is told that has to be.
type told struct {
	// wait is the longest one, places is how much runs at once, and processors are those of the machine, of which the server gets one.
	wait               time.Duration
	places, processors int
}

// ways by others, each with its defaults besides what it has to be told.
var ways = map[string]func(told) acquire{
	"failsafe-adaptive": failsafeAdaptive,
	"failsafe-priority": failsafePriority,
	"codel":             controlledDelay,
	"kratos-bbr":        kratosBBR,
}

func names() string { return strings.Join(slices.Sorted(maps.Keys(ways)), ", ") }

// failsafeLimiter begins with the best number (WithLimits), and queues as a limiter with priorities does by default (BuildPrioritized). What the
// options do is from the documentation of the package adaptivelimiter.
func failsafeLimiter(to told) adaptivelimiter.Builder[any] {
	const mostPlaces = 200
	return adaptivelimiter.NewBuilder[any]().WithLimits(1, mostPlaces, uint(to.places)).WithQueueing(2, 3)
}

func failsafeAdaptive(to told) acquire {
	limiter := failsafeLimiter(to).Build()
	return func(ctx context.Context, _ bool) (func(), error) {
		permit, err := limiter.AcquirePermitWithMaxWait(ctx, to.wait)
		if err != nil {
			return nil, err
		}
		return permit.Record, nil
	}
}

// failsafePriority passes the longest wait with each call: what the builder is told holds for policies of an executor only.
func failsafePriority(to told) acquire {
	prioritizer := adaptivelimiter.NewPrioritizer()
	prioritizer.ScheduleCalibrations(context.Background(), 500*time.Millisecond)
	limiter := failsafeLimiter(to).WithLogger(slog.New(slog.DiscardHandler)).BuildPrioritized(prioritizer)
	return func(ctx context.Context, critical bool) (func(), error) {
		level := priority.Medium
		if critical {
			level = priority.VeryHigh
		}
		permit, err := limiter.AcquirePermitWithMaxWait(priority.ContextWithPriority(ctx, level), to.wait)
		if err != nil {
			return nil, err
		}
		return permit.Record, nil
	}
}

func controlledDelay(to told) acquire {
	lock := codel.NewPriority(codel.Options{MaxPending: 4096, MaxOutstanding: to.places, TargetLatency: to.wait})
	return func(ctx context.Context, critical bool) (func(), error) {
		level := 1
		if critical {
			level = 10
		}
		if err := lock.Acquire(ctx, level); err != nil {
			return nil, err
		}
		return lock.Release, nil
	}
}

// kratosBBR drops only where 80 % of the processors are busy, which it takes for those of the whole machine. WithCPUQuota is "real cpu
// quota (if it can not collect from process correct)", by which it divides what it has multiplied with runtime.NumCPU: with the
// server's part of the machine, it sees the one processor.
func kratosBBR(to told) acquire {
	limiter := bbr.NewLimiter(bbr.WithCPUQuota(float64(runtime.NumCPU()) / float64(to.processors)))
	return func(context.Context, bool) (func(), error) {
		done, err := limiter.Allow()
		if err != nil {
			return nil, err
		}
		return func() { done(ratelimit.DoneInfo{}) }, nil
	}
}
