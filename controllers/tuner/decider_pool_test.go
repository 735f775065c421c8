// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"testing"
	"time"
)

func TestPoolFollowsTheCostOfARequest(t *testing.T) {
	for name, c := range map[string]struct {
		service        time.Duration
		workers, queue int32
	}{
		// 2 cores ÷ 5 ms = 400 per second, and thus 40 in the threshold of 100 ms. On cores that are busy for two thirds, about 4 ms are
		// a wait for one.
		"handlers only compute":       {5 * time.Millisecond, 6, 16},
		"they wait for the processor": {9 * time.Millisecond, 6, 16},
		"handlers wait for others":    {14 * time.Millisecond, 8, 16},
		// 35 ms of 100 are a wait for others: 14 workers, and 15% of the 65 that are left.
		"handlers wait for others for longer":     {44 * time.Millisecond, 18, 11},
		"they wait for nearly all that they have": {104 * time.Millisecond, 42, 2},
	} {
		t.Run(name, func(t *testing.T) {
			got := steps(&Decider{}, 0, time.Minute, func(time.Duration) Situation {
				s := constant(800, 3)(0)
				s.Estimates.ServiceTime = c.service
				return s
			})
			if got.Workers == nil || got.Workers.Value != c.workers || got.QueueDepth.Value != c.queue {
				t.Errorf("workers %+v, queue %+v, want %d and %d", got.Workers, got.QueueDepth, c.workers, c.queue)
			}
		})
	}
	fixed := steps(&Decider{}, 0, time.Minute, func(time.Duration) Situation {
		s := constant(800, 3)(0)
		s.Bounds.PoolIsFixed = true
		return s
	})
	if fixed.Workers != nil || fixed.QueueDepth != nil {
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

// Handlers may hold the same number of workers whatever the promise is; the queue is then too long for a shorter one all the same.
func TestTheQueueFollowsTheThresholdWhereTheWorkersStay(t *testing.T) {
	d := &Decider{}
	with := func(threshold time.Duration) func(time.Duration) Situation {
		return func(time.Duration) Situation {
			s := constant(800, 3)(0)
			s.Estimates.ServiceTime, s.Bounds.Threshold = 84*time.Millisecond, threshold
			return s
		}
	}
	before := steps(d, 0, time.Minute, with(140*time.Millisecond))
	after := steps(d, time.Minute+tick, 2*settle, with(100*time.Millisecond))
	if before.Workers.Value != 34 || before.QueueDepth.Value != 11 || after.Workers.Value != 34 || after.QueueDepth.Value != 5 {
		t.Errorf("workers %d, queue %d; with a shorter threshold %d and %d",
			before.Workers.Value, before.QueueDepth.Value, after.Workers.Value, after.QueueDepth.Value)
	}
	history := d.History()
	if last := history[len(history)-1]; last.What != "queue" || last.From != "11" || last.To != "5" {
		t.Errorf("told %+v", last)
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
