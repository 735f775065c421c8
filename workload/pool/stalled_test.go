// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"testing"
	"testing/synctest"
	"time"
)

// kernel is what stalls reads, and how often it has.
type kernel struct {
	sum      time.Duration
	threads  int
	takes    time.Duration
	readings int
}

func (k *kernel) waited() (time.Duration, int) {
	k.readings++
	time.Sleep(k.takes)
	return k.sum, k.threads
}

// Threads are counted as the mean over the time between two readings.
func TestStalledThreadsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &kernel{threads: 4, sum: time.Hour}
		s := stalls{waited: k.waited}
		want := func(when string, stalled float64) {
			t.Helper()
			if got := s.read(); got != stalled {
				t.Errorf("%s: %g threads, want %g", when, got, stalled)
			}
		}
		want("at first", 0)
		time.Sleep(10 * ms)
		k.sum += 30 * ms
		want("three for 10 ms", 3)
		time.Sleep(10 * ms)
		k.sum -= time.Minute
		want("after a thread has ended", 0)
		time.Sleep(10 * ms)
		k.sum += 5 * ms
		want("one for half of the time", 0.5)
		time.Sleep(time.Minute)
		k.sum += time.Hour
		want("after a rest", 0)
		time.Sleep(ms)
		k.sum += 2 * ms
		want("two for the 1 ms after that", 2)
		k.threads, k.sum = 0, 0
		time.Sleep(10 * ms)
		want("where nothing is known", 0)
		k.threads, k.sum = 4, time.Hour
		time.Sleep(stalledRest)
		want("at first again", 0)
		time.Sleep(10 * ms)
		k.sum += 10 * ms
		want("one again", 1)
	})
}

// How often threads are read depends on how many there are, not on how long it took: who is interrupted while reading needs to know why.
func TestManyThreadsAreReadLessOften(t *testing.T) {
	for name, c := range map[string]struct {
		kernel kernel
		most   int // readings in 10 s with a look every 10 ms
		least  int
	}{
		"few":            {kernel{threads: 8}, 1001, 990},
		"interrupted":    {kernel{threads: 8, takes: 20 * ms}, 400, 300},
		"hundreds":       {kernel{threads: 400}, 102, 90},
		"ten thousand":   {kernel{threads: 10_000}, 12, 9},
		"none are known": {kernel{}, 12, 9},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := stalls{waited: c.kernel.waited}
				for start := time.Now(); time.Since(start) < 10*time.Second; time.Sleep(10 * ms) {
					s.read()
				}
				if c.kernel.readings > c.most || c.kernel.readings < c.least {
					t.Errorf("%d readings, want %d to %d", c.kernel.readings, c.least, c.most)
				}
			})
		})
	}
}

// How soon threads are read again, to the moment, and how long two readings may be apart.
func TestWhenThreadsAreReadAgain(t *testing.T) {
	for name, c := range map[string]struct {
		threads int
		pause   time.Duration
	}{
		"none are known": {0, time.Second},
		"one":            {1, 250 * time.Microsecond},
		"hundreds":       {400, 100 * ms},
		"thousands":      {4000, time.Second},
		"ten thousand":   {10_000, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := &kernel{threads: c.threads}
				s := stalls{waited: k.waited}
				s.read() // where the first reading begins
				if c.threads > 0 {
					time.Sleep(ms)
					s.read()
				}
				before := k.readings
				time.Sleep(c.pause - 1)
				if s.read(); k.readings != before {
					t.Errorf("read again within %s", c.pause)
				}
				time.Sleep(time.Nanosecond)
				if s.read(); k.readings != before+1 {
					t.Errorf("not read again after %s", c.pause)
				}
			})
		})
	}
	for apart, want := range map[time.Duration]float64{0: 0, 2: 0.5, 1: 1, 2 * time.Second: 0.5, 2*time.Second + 1: 0} {
		synctest.Test(t, func(t *testing.T) {
			k := &kernel{threads: 1, sum: time.Hour}
			s := stalls{waited: k.waited}
			s.read()
			time.Sleep(apart)
			k.sum += max(apart/2, 1)
			if got := s.read(); got != want {
				t.Errorf("%g threads waited by readings that are %s apart, want %g", got, apart, want)
			}
		})
	}
}
