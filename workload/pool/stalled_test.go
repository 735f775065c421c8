// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"testing"
	"testing/synctest"
	"time"
)

// Threads are counted as the mean over the time between two readings, which are not repeated more often than they may cost.
func TestStalledThreadsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var total, takes time.Duration
		readings := 0
		s := stalls{waited: func() time.Duration {
			readings++
			time.Sleep(takes)
			return total
		}}
		want := func(when string, stalled float64, read int) {
			t.Helper()
			if got := s.read(); got != stalled || readings != read {
				t.Errorf("%s: %g threads after %d readings, want %g after %d", when, got, readings, stalled, read)
			}
		}
		total = time.Hour
		want("at first", 0, 1)
		time.Sleep(10 * ms)
		total += 30 * ms
		want("three for 10 ms", 3, 2)
		time.Sleep(10 * ms)
		total -= time.Minute
		want("after a thread has ended", 0, 3)
		time.Sleep(10 * ms)
		total += 5 * ms
		want("one for half of the time", 0.5, 4)
		time.Sleep(time.Minute)
		total += time.Hour
		want("after a rest", 0, 5)

		takes = ms / 5
		time.Sleep(10*ms - takes)
		total += 20 * ms
		want("where reading takes long", 2, 6)
		time.Sleep(19 * ms)
		want("too soon for another one", 2, 6)
		time.Sleep(ms)
		want("a hundred times later", 0, 7)
		takes = time.Second
		time.Sleep(20 * ms)
		s.read()
		takes = 0
		time.Sleep(stalledRest)
		want("after a reading that was interrupted", 0, 9)
	})
}
