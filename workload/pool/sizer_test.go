// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"testing"
	"testing/synctest"
	"time"
)

// One window of an overload, in which hardly any worker becomes free, and all processors are busy, or some of them.
func TestOneStepOfASizer(t *testing.T) {
	for name, c := range map[string]struct {
		busy, runnable int
		cpu            float64 // processors in use
		stalled        float64
		want           float64 // from 32 workers on 4 processors
	}{
		"as many wait as there are processors":            {busy: 32, runnable: 4, cpu: 4, want: 32},
		"half of those that are too many go":              {busy: 32, runnable: 24, cpu: 4, want: 22},
		"of those that wait beyond an earlier cut none":   {busy: 48, runnable: 20, cpu: 4, want: 32},
		"no more wait than there are workers in use":      {busy: 32, runnable: 900, cpu: 4, want: 18},
		"threads that wait count as those of workers":     {busy: 32, runnable: 0, cpu: 1, stalled: 15, want: 32 - (15*15.0/16-1)/2},
		"the more grow, the more processors are idle":     {busy: 32, runnable: 0, cpu: 3, want: 40},
		"none while those beyond an earlier cut have one": {busy: 33, runnable: 0, cpu: 3, want: 32},
		"but where processors are mostly idle":            {busy: 33, runnable: 0, cpu: 0.1, want: 256}, // with each of three looks
		"threads that wait have processors of their own":  {busy: 32, runnable: 0, cpu: 3, stalled: 1, want: 32},
	} {
		t.Run(name, func(t *testing.T) {
			s := sizer{limit: 32, start: 32, min: 1, max: 1000, available: 1}
			r := reading{processors: 4}
			s.begin(0, r)
			for look := time.Duration(1); look <= 3; look++ {
				r.cpu, r.runnable, r.stalled = time.Duration(c.cpu*float64(look)*float64(tickEvery)), c.runnable, c.stalled
				s.look(look*tickEvery, r, traffic{busy: c.busy, waited: true, patience: 60 * ms})
			}
			if s.limit != c.want {
				t.Errorf("%g workers, want %g", s.limit, c.want)
			}
		})
	}
}

// Where everything is late, so are looks: a pool then does not wait for three of them.
func TestAPoolShrinksFastWhereLooksComeLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &process{reading: reading{processors: 1, runnable: 300}, busy: 1}
		p := sizedPool(x, Config{Workers: 64, MaxWorkers: 1000, QueueDepth: 2000, QueueTimeout: 100 * ms})
		p.sizing.stalls = func() float64 {
			time.Sleep(longWindow)
			return 0
		}
		press(p, 500, 250*ms)
		if s := p.Stats(); s.Workers > 50 {
			t.Errorf("%d workers after two looks", s.Workers)
		}
		time.Sleep(time.Minute) // until it no longer looks
	})
}

// The first look comes 5 ms after somebody had to wait. If processors looked idle then, the pool would double.
func TestTheFirstLookKnowsHowManyThreadsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &process{reading: reading{processors: 16}, busy: 1}
		p := sizedPool(x, Config{Workers: 64, MaxWorkers: 1000, QueueDepth: 2000, QueueTimeout: 100 * ms})
		start := time.Now()
		p.sizing.stalls = (&stalls{waited: func() (time.Duration, int) { return 15 * time.Since(start), 40 }}).read
		time.Sleep(time.Minute)
		press(p, 500, 6*ms)
		if s := p.Stats(); s.Workers > 64 {
			t.Errorf("%d workers after the first look", s.Workers)
		}
	})
}

// A pool that was set to fewer workers than are in use, by work that only waits, grows again when somebody else comes.
func TestAPoolThatWasSetBelowWhatIsInUseGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sizedPool(&process{reading: reading{processors: 4}}, Config{Workers: 64, MaxWorkers: 1000, QueueDepth: 100, QueueTimeout: time.Second})
		for range 5 {
			if err := p.Acquire(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		p.Set(Config{Workers: 3, MaxWorkers: 1000, QueueDepth: 100, QueueTimeout: time.Second})
		if err := p.Acquire(t.Context()); err != nil {
			t.Errorf("beside five that wait for something else, on idle processors: %v", err)
		}
		for range 6 {
			p.Release()
		}
		time.Sleep(time.Minute) // until it no longer looks
	})
}
