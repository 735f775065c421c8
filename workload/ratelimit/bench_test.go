// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package ratelimit_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"goservice.dev/operator/workload/ratelimit"
)

// The clock is most of what a limiter costs, so it stands beside it.
func BenchmarkClock(b *testing.B) {
	start := time.Now()
	for b.Loop() {
		_ = time.Since(start)
	}
}

func BenchmarkAllow(b *testing.B) {
	const fast, slow = 1e8, 1.0
	for name, perSecond := range map[string]float64{"admitted": fast, "refused": slow} {
		b.Run("goservice/"+name, func(b *testing.B) {
			l := ratelimit.New(perSecond, 1)
			b.ReportAllocs()
			for b.Loop() {
				l.Allow()
			}
		})
		b.Run("xtime/"+name, func(b *testing.B) {
			l := rate.NewLimiter(rate.Limit(perSecond), 1)
			b.ReportAllocs()
			for b.Loop() {
				l.Allow()
			}
		})
	}
}

func BenchmarkAllowParallel(b *testing.B) {
	b.Run("goservice", func(b *testing.B) {
		l := ratelimit.New(1e8, 1e6)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				l.Allow()
			}
		})
	})
	b.Run("xtime", func(b *testing.B) {
		l := rate.NewLimiter(1e8, 1e6)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				l.Allow()
			}
		})
	})
}

func BenchmarkKeyed(b *testing.B) {
	const keys = 10_000
	names := make([]string, keys)
	for i := range names {
		names[i] = "198.51.100." + strconv.Itoa(i)
	}
	for name, places := range map[string]int{"fits": 2 * keys, "evicts": keys / 2} {
		b.Run(name, func(b *testing.B) {
			k := ratelimit.NewKeyed(1000, 100, places)
			for _, key := range names {
				k.Allow(key)
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				k.Allow(names[i%keys])
				i += 7
			}
		})
	}
}

func BenchmarkWait(b *testing.B) {
	l := ratelimit.New(1e9, 1e6)
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if err := l.Wait(ctx); err != nil {
			b.Fatal(err)
		}
	}
}
