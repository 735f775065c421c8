// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"log/slog"
	"maps"
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

// ways by others, each with its defaults besides what it has to be told.
var ways = map[string]func(wait time.Duration, places int) acquire{
	"failsafe-adaptive": failsafeAdaptive,
	"failsafe-priority": failsafePriority,
	"codel":             controlledDelay,
	"kratos-bbr":        kratosBBR,
}

func names() string { return strings.Join(slices.Sorted(maps.Keys(ways)), ", ") }

func failsafeAdaptive(wait time.Duration, _ int) acquire {
	limiter := adaptivelimiter.NewBuilder[any]().WithQueueing(2, 3).WithMaxWaitTime(wait).Build()
	return func(ctx context.Context, _ bool) (func(), error) {
		permit, err := limiter.AcquirePermitWithMaxWait(ctx, wait)
		if err != nil {
			return nil, err
		}
		return permit.Record, nil
	}
}

func failsafePriority(wait time.Duration, _ int) acquire {
	prioritizer := adaptivelimiter.NewPrioritizer()
	prioritizer.ScheduleCalibrations(context.Background(), 500*time.Millisecond)
	limiter := adaptivelimiter.NewBuilder[any]().WithQueueing(2, 3).WithMaxWaitTime(wait).WithLogger(slog.New(slog.DiscardHandler)).BuildPrioritized(prioritizer)
	return func(ctx context.Context, critical bool) (func(), error) {
		level := priority.Medium
		if critical {
			level = priority.VeryHigh
		}
		permit, err := limiter.AcquirePermitWithPriority(ctx, level)
		if err != nil {
			return nil, err
		}
		return permit.Record, nil
	}
}

func controlledDelay(wait time.Duration, places int) acquire {
	lock := codel.NewPriority(codel.Options{MaxPending: 4096, MaxOutstanding: places, TargetLatency: wait})
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

func kratosBBR(time.Duration, int) acquire {
	limiter := bbr.NewLimiter()
	return func(context.Context, bool) (func(), error) {
		done, err := limiter.Allow()
		if err != nil {
			return nil, err
		}
		return func() { done(ratelimit.DoneInfo{}) }, nil
	}
}
