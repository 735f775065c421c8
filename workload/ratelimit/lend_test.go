// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package ratelimit_test

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"goservice.dev/operator/workload/ratelimit"
)

// What a rate brings is in the bucket, was admitted or was discarded; nothing else becomes of it, whatever is set in between.
func TestWhatIsNotAdmittedIsDiscarded(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0xd))
			perSecond, burst := 50.0, 10
			l := ratelimit.New(perSecond, burst)
			brought, passed, told := float64(burst), 0, 0.0
			for range 500 {
				pause := time.Duration(random.ExpFloat64() * float64(40*time.Millisecond))
				<-time.After(pause)
				brought += perSecond * pause.Seconds()
				if random.IntN(20) > 0 && l.Allow() {
					passed++
				}
				if random.IntN(30) == 0 {
					if before := l.Tokens(); burst > 20 { // a smaller bucket drops what it cannot hold: that is neither
						burst = 5
						brought -= max(before-float64(burst), 0)
					} else {
						burst = 40
					}
					perSecond = 20 + 100*random.Float64()
					l.Set(perSecond, burst)
				}
				discarded := l.Discarded()
				if discarded < told {
					t.Fatalf("discarded %v, then %v", told, discarded)
				}
				told = discarded
			}
			if got := float64(passed) + l.Tokens() + told; math.Abs(got-brought) > 0.01 {
				t.Errorf("seed %d: %d admitted, %v left and %v discarded of %v", seed, passed, l.Tokens(), told, brought)
			}
		})
	}
}

func TestOnlyALimitDiscards(t *testing.T) {
	for name, c := range map[string]struct{ rate, want float64 }{
		"unlimited": {ratelimit.Unlimited, 0}, "nothing": {0, 0}, "a limit": {10, 600},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := ratelimit.New(c.rate, 5)
				<-time.After(time.Minute)
				if got := l.Discarded(); math.Abs(got-c.want) > 1e-6 {
					t.Errorf("%v discarded in a minute, want %v", got, c.want)
				}
			})
		})
	}
}

func TestLend(t *testing.T) {
	for name, c := range map[string]struct {
		rate  float64
		burst int
		lent  []int64
		pause time.Duration
		want  int // of a thousand at one moment, when the bucket was full
	}{
		"after the bucket":                  {1, 10, []int64{7}, 0, 17},
		"twice":                             {1, 10, []int64{3, 4}, 0, 17},
		"a second's worth at most":          {50, 10, []int64{30, 40}, 0, 60},
		"a bucket's at most":                {1, 10, []int64{math.MaxInt64, 1}, 0, 20},
		"nothing is taken back":             {1, 10, []int64{7, -5, 0}, 0, 17},
		"it can be used for a while":        {1, 10, []int64{7}, 1900 * time.Millisecond, 17},
		"and not for longer":                {1, 10, []int64{7}, 2 * time.Second, 10},
		"a limit of zero stays one":         {0, 10, []int64{7}, 0, 0},
		"where there is none nothing lacks": {ratelimit.Unlimited, 10, []int64{7}, 0, 1000},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := ratelimit.New(c.rate, c.burst)
				for _, requests := range c.lent {
					l.Lend(requests)
				}
				<-time.After(c.pause)
				if got := admitted(l, 1000); got != c.want {
					t.Errorf("%d admitted, want %d", got, c.want)
				}
			})
		})
	}
}

// What was not used in time is not there when something is lent again.
func TestWhatWasLentEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ratelimit.New(1, 10)
		l.Lend(8)
		<-time.After(time.Minute)
		l.Lend(2)
		if got := admitted(l, 1000); got != 12 {
			t.Errorf("%d admitted, want a bucket of 10 and the 2 that were lent last", got)
		}
	})
}

func TestNothingIsLentTwiceAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ratelimit.New(1000, 1)
		var mu sync.Mutex
		var asking sync.WaitGroup
		passed := 0
		for range 8 {
			asking.Go(func() {
				for range 100 {
					l.Lend(1)
					got := admitted(l, 3)
					mu.Lock()
					passed += got
					mu.Unlock()
				}
			})
		}
		asking.Wait()
		passed += admitted(l, 1000)
		if passed != 801 {
			t.Errorf("%d passed, want 800 that were lent and a bucket of 1", passed)
		}
	})
}
