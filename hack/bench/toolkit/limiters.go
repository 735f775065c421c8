// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"testing"
	"time"

	uber "go.uber.org/ratelimit"
	"golang.org/x/time/rate"

	"goservice.dev/operator/workload/ratelimit"
)

// Names that rows of several groups, or the last line, share.
const (
	goservice    = "goservice"
	xtime        = "golang.org/x/time/rate"
	uberName     = "go.uber.org/ratelimit"
	errgroupName = "golang.org/x/sync/errgroup"
)

// plenty is a rate that admits every request of a benchmark, and yet is a limit that has to be computed.
const (
	plenty      = 100_000_000
	plentyBurst = 1_000_000
)

func limiterGroup() group {
	return group{"limiter: one request, admitted", []contender{
		{name: goservice, ours: true, run: func(b *testing.B) {
			l := ratelimit.New(plenty, plentyBurst)
			b.ReportAllocs()
			for b.Loop() {
				l.Allow()
			}
		}},
		{name: "goservice, refused", ours: true, run: func(b *testing.B) {
			l := ratelimit.New(0.001, 1)
			b.ReportAllocs()
			for b.Loop() {
				l.Allow()
			}
		}},
		{name: "goservice, 10,000 keys", ours: true, run: func(b *testing.B) {
			keys := makeKeys(10_000)
			l := ratelimit.NewKeyed(plenty, plentyBurst, 2*len(keys))
			for _, key := range keys {
				l.Allow(key)
			}
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				l.Allow(keys[i])
				i = (i + 1) % len(keys)
			}
		}},
		{name: xtime, run: func(b *testing.B) {
			l := rate.NewLimiter(plenty, plentyBurst)
			b.ReportAllocs()
			for b.Loop() {
				l.Allow()
			}
		}},
		{name: xtime + ", refused", run: func(b *testing.B) {
			l := rate.NewLimiter(0.001, 1)
			b.ReportAllocs()
			for b.Loop() {
				l.Allow()
			}
		}},
		{name: uberName + " (Take)", run: func(b *testing.B) {
			l := uber.New(plenty)
			b.ReportAllocs()
			for b.Loop() {
				l.Take()
			}
		}},
		{name: "reading the clock, for comparison", run: func(b *testing.B) {
			start := time.Now()
			for b.Loop() {
				_ = time.Since(start)
			}
		}},
	}}
}

func limiterParallelGroup() group {
	return group{"limiter: one request, all processors at once", []contender{
		{name: goservice, ours: true, run: func(b *testing.B) {
			l := ratelimit.New(plenty, plentyBurst)
			parallel(b, func() { l.Allow() })
		}},
		{name: xtime, run: func(b *testing.B) {
			l := rate.NewLimiter(plenty, plentyBurst)
			parallel(b, func() { l.Allow() })
		}},
		{name: uberName + " (Take)", run: func(b *testing.B) {
			l := uber.New(plenty)
			parallel(b, func() { l.Take() })
		}},
	}}
}

func parallel(b *testing.B, operation func()) {
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			operation()
		}
	})
}

func makeKeys(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = "customer-" + time.Duration(i).String()
	}
	return keys
}
