// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestABudgetIsBroughtIntoItsRange(t *testing.T) {
	const most = 1<<30 - 1
	for name, c := range map[string]struct{ config, want Config }{
		"nothing":                      {Config{}, Config{Workers: 1}},
		"less than nothing":            {Config{-1, -1, -1, -1, -1}, Config{Workers: 1}},
		"a fixed one":                  {Config{3, 0, 0, 5, time.Second}, Config{Workers: 3, QueueDepth: 5, QueueTimeout: time.Second}},
		"a least without a most":       {Config{Workers: 3, MinWorkers: 2}, Config{Workers: 3}},
		"a least below nothing":        {Config{Workers: 7, MinWorkers: -5, MaxWorkers: 9}, Config{Workers: 7, MaxWorkers: 9}},
		"bounds beside the start":      {Config{Workers: 7, MinWorkers: 5, MaxWorkers: 9}, Config{Workers: 7, MinWorkers: 5, MaxWorkers: 9}},
		"a start below the least":      {Config{Workers: 3, MinWorkers: 5, MaxWorkers: 9}, Config{Workers: 5, MinWorkers: 5, MaxWorkers: 9}},
		"a start above the most":       {Config{Workers: 30, MinWorkers: 5, MaxWorkers: 9}, Config{Workers: 9, MinWorkers: 5, MaxWorkers: 9}},
		"a least above the most":       {Config{Workers: 7, MinWorkers: 50, MaxWorkers: 9}, Config{Workers: 9}},
		"one at most":                  {Config{Workers: 7, MaxWorkers: 1}, Config{Workers: 1, MaxWorkers: 1}},
		"as much as there can be":      {Config{Workers: math.MaxInt, QueueTimeout: math.MaxInt64}, Config{Workers: most, QueueTimeout: 876_000 * time.Hour}},
		"as much, and it sizes itself": {Config{Workers: math.MaxInt, MaxWorkers: math.MaxInt}, Config{Workers: most, MaxWorkers: most}},
	} {
		if diff := cmp.Diff(c.want, c.config.inRange()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Neighbors ask for these two at any time.
func TestWhatAPoolTellsItsNeighborsOfItsBudget(t *testing.T) {
	p := New(Config{Workers: 3, QueueDepth: 5, QueueTimeout: 70 * ms})
	if p.Workers() != 3 || p.Patience() != 70*ms {
		t.Errorf("%d workers, a wait of %s", p.Workers(), p.Patience())
	}
	p.Set(Config{Workers: 2, QueueDepth: 5})
	if p.Workers() != 2 || p.Patience() != 0 {
		t.Errorf("%d workers, a wait of %s", p.Workers(), p.Patience())
	}
}

// The bounds of a pool that sizes itself are those that are set; without a least one, it is a worker for each processor.
func TestTheBoundsOfAPoolThatSizesItself(t *testing.T) {
	for name, c := range map[string]struct {
		config Config
		want   [3]int
	}{
		"as set":               {Config{Workers: 16, MinWorkers: 3, MaxWorkers: 100}, [3]int{16, 3, 100}},
		"one at least":         {Config{Workers: 16, MinWorkers: 1, MaxWorkers: 100}, [3]int{16, 1, 100}},
		"no least one":         {Config{Workers: 16, MaxWorkers: 100}, [3]int{16, 4, 100}},
		"a start below others": {Config{Workers: 2, MaxWorkers: 100}, [3]int{2, 2, 100}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := sizedPool(&process{reading: reading{processors: 4}, busy: 4}, c.config)
				bounds := func(when string) {
					t.Helper()
					s := p.Stats()
					if diff := cmp.Diff(c.want, [3]int{s.Workers, s.MinWorkers, s.MaxWorkers}); diff != "" {
						t.Errorf("%s (-want +got):\n%s", when, diff)
					}
				}
				bounds("at first")
				p.mu.Lock()
				p.watchSize()
				p.mu.Unlock()
				time.Sleep(50 * ms)
				bounds("after some looks")
				time.Sleep(time.Minute) // until it no longer looks
			})
		})
	}
}

// The least number of workers is one for each processor that can be had, where the smallest part of one counts for nothing.
func TestTheLeastNumberOfWorkers(t *testing.T) {
	for name, c := range map[string]struct{ processors, available, start, want float64 }{
		"one for each":              {8, 1, 64, 8},
		"a quarter more":            {1.25, 1, 64, 1},
		"a little more than that":   {1.26, 1, 64, 2},
		"half of them can be had":   {8, 0.5, 64, 4},
		"one at least":              {0.1, 1, 64, 1},
		"no more than at the start": {8, 1, 5, 5},
	} {
		s := sizing{sizer: sizer{start: c.start, available: c.available}}
		if got := s.least(reading{processors: c.processors}); got != c.want {
			t.Errorf("%s: %g, want %g", name, got, c.want)
		}
	}
}

// What a pool has found is brought within new bounds while it looks, also where it could find nothing but one worker.
func TestSetBringsWhatAPoolHasFoundWithinNewBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sizedPool(&process{reading: reading{processors: 1, runnable: 9}, busy: 1}, Config{Workers: 1, MaxWorkers: 1, QueueDepth: 9})
		press(p, 3, 20*ms)
		for _, c := range []struct {
			config Config
			want   int
		}{
			{Config{Workers: 8, MinWorkers: 1, MaxWorkers: 1000}, 1},
			{Config{Workers: 8, MinWorkers: 5, MaxWorkers: 1000}, 5},
			{Config{Workers: 4, MinWorkers: 2, MaxWorkers: 4}, 4},
		} {
			p.Set(c.config)
			if got := p.Workers(); got != c.want {
				t.Errorf("%d workers with %+v, want %d", got, c.config, c.want)
			}
		}
		time.Sleep(time.Minute) // until it no longer looks
	})
}
