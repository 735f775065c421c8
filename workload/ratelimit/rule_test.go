// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package ratelimit

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// A goroutine may lose the processor between reading the clock and taking the token. Whatever the order and the age of the
// readings, a bucket must not pass more than it held and what came in by the latest of them.
func TestStaleClocksNeverAdmitMore(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 1360))
	for range 200 {
		perSecond := math.Pow(10, 6*random.Float64())
		r := newRule(perSecond, 1+random.IntN(100))
		var tat, now int64
		passed := 0
		for range 2000 {
			now += int64(random.ExpFloat64() * float64(r.interval) / 3)
			stale := max(now-int64(random.ExpFloat64()*float64(r.depth)), 0)
			if next, ok := r.spend(tat, stale); ok {
				tat = next
				passed++
			}
		}
		if bound := float64(r.burst) + float64(now)/float64(r.interval); float64(passed) > bound {
			t.Fatalf("%v/s, burst %d: %d passed, at most %v may", perSecond, r.burst, passed, bound)
		}
	}
}

func TestRateIsExactEnough(t *testing.T) {
	for _, perSecond := range []float64{0.001, 1, 3, 625, 999_983, 7_000_000, 10_000_000} {
		r := newRule(perSecond, 1)
		if got := ticksPerSecond / float64(r.interval); math.Abs(got/perSecond-1) > 0.0005 {
			t.Errorf("%v/s is kept as %v/s", perSecond, got)
		}
	}
}

// No rule, however odd, may overflow the clock: years of uptime included.
func FuzzRuleDoesNotOverflow(f *testing.F) {
	f.Add(1e-9, math.MaxInt, int64(10*365*24)*int64(time.Hour))
	f.Add(1e7, 10_000_000, int64(0))
	f.Fuzz(func(t *testing.T, perSecond float64, burst int, uptime int64) {
		now := ticks(time.Duration(uptime & math.MaxInt64 % int64(15*365*24*time.Hour)))
		r, other := newRule(perSecond, burst), newRule(1, 1)
		if r.interval < 1 || r.depth < r.interval {
			t.Fatalf("interval %d, depth %d", r.interval, r.depth)
		}
		tat, ok := r.spend(now, now)
		if !ok || tat < now {
			t.Fatalf("a full bucket refuses: TAT %d at %d", tat, now)
		}
		if wait := r.wait(now+r.depth, now); wait < 0 || (wait == 0) != r.free {
			t.Fatalf("an empty bucket makes wait for %v", wait)
		}
		for _, adopted := range []int64{other.adopt(&r, now+r.depth, now), r.adopt(&other, now+other.depth, now), r.adopt(&r, tat, now)} {
			if adopted < now {
				t.Fatalf("adopted TAT %d lies before %d", adopted, now)
			}
		}
	})
}
