// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"testing"
	"time"
)

func TestPoolFollowsTheCostOfARequest(t *testing.T) {
	for name, c := range map[string]struct {
		service time.Duration
		workers int32
	}{
		// 2 cores ÷ 5 ms = 400 per second, and thus 40 in the threshold of 100 ms. On cores that are busy for two thirds, about 4 ms are
		// a wait for one.
		"handlers only compute":       {5 * time.Millisecond, 6},
		"they wait for the processor": {9 * time.Millisecond, 6},
		"handlers wait for others":    {14 * time.Millisecond, 8},
		// 35 ms of 100 are a wait for others: 14 workers, and 15% of the 65 that are left.
		"handlers wait for others for longer":     {44 * time.Millisecond, 18},
		"they wait for nearly all that they have": {104 * time.Millisecond, 42},
	} {
		t.Run(name, func(t *testing.T) {
			got := steps(&Decider{}, 0, time.Minute, func(time.Duration) Situation {
				s := constant(800, 3)(0)
				s.Estimates.ServiceTime = c.service
				return s
			})
			if got.Workers == nil || got.Workers.Value != c.workers {
				t.Errorf("workers %+v, want %d", got.Workers, c.workers)
			}
		})
	}
	fixed := steps(&Decider{}, 0, time.Minute, func(time.Duration) Situation {
		s := constant(800, 3)(0)
		s.Bounds.PoolIsFixed = true
		return s
	})
	if fixed.Workers != nil {
		t.Error("a pool that the user has set was changed")
	}
}

// A dependency that becomes slower within the promise gets the workers that its callers hold now, without waiting for a calm time.
func TestWorkersFollowASlowerDependencyAtOnce(t *testing.T) {
	d := &Decider{}
	with := func(service time.Duration, cores float64) func(time.Duration) Situation {
		return func(time.Duration) Situation {
			s := constant(800, 3)(0)
			s.Estimates.ServiceTime, s.Estimates.CPU = service, cores
			return s
		}
	}
	if got := steps(d, 0, time.Minute, with(14*time.Millisecond, 4)); got.Workers.Value != 8 {
		t.Fatalf("%d workers at first", got.Workers.Value)
	}
	if got := steps(d, time.Minute+tick, time.Minute+2*tick, with(19*time.Millisecond, 4)); got.Workers.Value != 8 {
		t.Errorf("%d workers while 8 are enough, before the pool may change again", got.Workers.Value)
	}
	if got := steps(d, time.Minute+3*tick, time.Minute+4*tick, with(45*time.Millisecond, 12)); got.Workers.Value != 8 {
		t.Errorf("%d workers where handlers take longer because the processors are overloaded", got.Workers.Value)
	}
	if got := steps(d, time.Minute+5*tick, time.Minute+6*tick, with(44*time.Millisecond, 4)); got.Workers.Value != 18 {
		t.Errorf("%d workers after the dependency became slower, want more than the 16 that are held", got.Workers.Value)
	}
}

func TestCollectorFollowsTheLiveHeap(t *testing.T) {
	for name, c := range map[string]struct {
		liveMiB float64
		fixed   bool
		want    int32 // 0: the plan's
	}{
		"much room":       {20, false, 400},
		"some room":       {60, false, 0},
		"little room":     {120, false, 50},
		"hardly any heap": {1, false, 0},
		"set by the user": {20, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got := steps(&Decider{}, 0, time.Minute, func(time.Duration) Situation {
				s := constant(800, 3)(0)
				s.Estimates.HeapLiveBytes = c.liveMiB * (1 << 20)
				s.Bounds.GOGCIsFixed = c.fixed
				return s
			})
			if (got.GOGC == nil) != (c.want == 0) || got.GOGC != nil && got.GOGC.Value != c.want {
				t.Errorf("GOGC %+v, want %d", got.GOGC, c.want)
			}
		})
	}
}
