// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package ratelimit_test

import (
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"goservice.dev/operator/workload/ratelimit"
)

// admitted counts how many of n requests at this moment are admitted.
func admitted(l *ratelimit.Limiter, n int) int {
	count := 0
	for range n {
		if l.Allow() {
			count++
		}
	}
	return count
}

func TestAllow(t *testing.T) {
	cases := map[string]struct {
		rate       float64
		burst      int
		pause      time.Duration // after a first round that empties the bucket
		first      int
		second     int
		retryAfter time.Duration // after the second round
	}{
		"a full bucket, then what a second brings": {rate: 5, burst: 10, pause: time.Second, first: 10, second: 5, retryAfter: 200 * time.Millisecond},
		"no more than the bucket holds":            {rate: 5, burst: 10, pause: time.Hour, first: 10, second: 10, retryAfter: 200 * time.Millisecond},
		"a part of a token is none":                {rate: 5, burst: 10, pause: 199 * time.Millisecond, first: 10, second: 0, retryAfter: time.Millisecond},
		"a burst below one is one":                 {rate: 1, burst: -3, pause: time.Second, first: 1, second: 1, retryAfter: time.Second},
		"less than one in a second":                {rate: 0.1, burst: 1, pause: 10 * time.Second, first: 1, second: 1, retryAfter: 10 * time.Second},
		"ten million per second":                   {rate: 1e7, burst: 100, pause: 5 * time.Microsecond, first: 100, second: 50, retryAfter: 100},
		"unlimited":                                {rate: ratelimit.Unlimited, burst: 1, first: 1000, second: 1000},
		"zero admits nothing":                      {rate: 0, burst: 10, pause: time.Hour, retryAfter: math.MaxInt64},
		"so does what is not a rate":               {rate: math.NaN(), burst: 10, pause: time.Hour, retryAfter: math.MaxInt64},
		"nor a negative one":                       {rate: -1, burst: 10, pause: time.Hour, retryAfter: math.MaxInt64},
		// Such rates end at one token in 2^54 ns (200 days) and such bursts at eight of those.
		"a rate that is next to nothing": {rate: 1e-300, burst: math.MaxInt, pause: time.Hour, first: 8, second: 0, retryAfter: 1<<54 - time.Hour},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := ratelimit.New(c.rate, c.burst)
				if got := admitted(l, 1000); got != c.first {
					t.Errorf("a new limiter admitted %d, want %d", got, c.first)
				}
				time.Sleep(c.pause)
				if got := admitted(l, 1000); got != c.second {
					t.Errorf("after %v it admitted %d, want %d", c.pause, got, c.second)
				}
				if got := l.RetryAfter(); got != c.retryAfter {
					t.Errorf("RetryAfter %v, want %v", got, c.retryAfter)
				}
			})
		})
	}
}

func TestSet(t *testing.T) {
	type setting struct {
		rate  float64
		burst int
	}
	cases := map[string]struct {
		before, after setting
		taken         int // under the old rule
		tokens        float64
		retryAfter    time.Duration
	}{
		"raised with an empty bucket: no free tokens":  {setting{1, 10}, setting{1000, 10}, 10, 0, time.Millisecond},
		"lowered with an empty bucket: no lock-out":    {setting{1000, 10}, setting{1, 10}, 10, 0, time.Second},
		"tokens stay when the rate changes":            {setting{1000, 10}, setting{1, 10}, 4, 6, 0},
		"a larger burst has to fill first":             {setting{10, 10}, setting{10, 100}, 0, 10, 0},
		"a smaller burst drops what it cannot hold":    {setting{10, 100}, setting{10, 10}, 50, 10, 0},
		"a smaller burst keeps what it can hold":       {setting{10, 100}, setting{10, 10}, 97, 3, 0},
		"from unlimited to a full bucket":              {setting{ratelimit.Unlimited, 1}, setting{10, 20}, 500, 20, 0},
		"to unlimited":                                 {setting{1, 10}, setting{ratelimit.Unlimited, 10}, 10, math.Inf(1), 0},
		"to nothing":                                   {setting{10, 10}, setting{0, 10}, 3, 0, math.MaxInt64},
		"the same again":                               {setting{10, 10}, setting{10, 10}, 7, 3, 0},
		"half of a slow token is half of a quick one":  {setting{1, 1}, setting{1000, 1}, 1, 0, time.Millisecond},
		"half of a quick token is half of a slow one ": {setting{1000, 1}, setting{1, 1}, 1, 0, time.Second},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := ratelimit.New(c.before.rate, c.before.burst)
				if got := admitted(l, c.taken); got != c.taken {
					t.Fatalf("admitted %d, want %d", got, c.taken)
				}
				l.Set(c.after.rate, c.after.burst)
				if got := l.Tokens(); math.Abs(got-c.tokens) > 1e-6 {
					t.Errorf("%v tokens, want %v", got, c.tokens)
				}
				if got := l.RetryAfter(); got != c.retryAfter {
					t.Errorf("RetryAfter %v, want %v", got, c.retryAfter)
				}
				if r, b := l.Limit(); r != c.after.rate || b != c.after.burst {
					t.Errorf("Limit %v, %d; want %v", r, b, c.after)
				}
			})
		})
	}
}

func TestSetKeepsPartsOfTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ratelimit.New(1, 1)
		l.Allow()
		time.Sleep(500 * time.Millisecond)
		for _, perSecond := range []float64{1000, 0.5, 7e6, 1} {
			l.Set(perSecond, 1)
		}
		if got, want := l.RetryAfter(), 500*time.Millisecond; (got - want).Abs() > time.Microsecond {
			t.Errorf("RetryAfter %v after four changes at one moment, want %v", got, want)
		}
	})
}

// FuzzAgainstXTime has golang.org/x/time/rate as the oracle: fed with exact times by one goroutine, both must agree about every
// request through any changes of the rule.
func FuzzAgainstXTime(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed, uint16(300))
	}
	f.Fuzz(func(t *testing.T, seed uint64, steps uint16) {
		synctest.Test(t, func(t *testing.T) { compareWithXTime(t, rand.New(rand.NewPCG(seed, 0)), int(steps)%2000) })
	})
}

func compareWithXTime(t *testing.T, random *rand.Rand, steps int) {
	perSecond, burst := randomRule(random)
	ours, oracle := ratelimit.New(perSecond, burst), rate.NewLimiter(rate.Limit(perSecond), burst)
	for step := range steps {
		time.Sleep(time.Duration(random.ExpFloat64() * float64(time.Second) / perSecond))
		now := time.Now()
		if random.IntN(20) == 0 {
			perSecond, burst = randomRule(random)
			ours.Set(perSecond, burst)
			oracle.SetLimitAt(now, rate.Limit(perSecond))
			oracle.SetBurstAt(now, burst)
		}
		tokens := min(oracle.TokensAt(now), float64(burst)) // the oracle caps only when it is asked for one
		// One rounds the price of a token to a sixteenth of a nanosecond, at these rates to 3e-8 of it, the other sums floating-point
		// numbers up.
		const rounding = 1e-4
		if math.Abs(tokens-ours.Tokens()) > rounding {
			t.Fatalf("step %d, %v/s burst %d: %v tokens, the oracle has %v", step, perSecond, burst, ours.Tokens(), tokens)
		}
		if math.Abs(tokens-1) < rounding {
			continue
		}
		if got, want := ours.Allow(), oracle.AllowN(now, 1); got != want {
			t.Fatalf("step %d, %v/s burst %d with %v tokens: Allow %v, the oracle says %v", step, perSecond, burst, tokens, got, want)
		}
	}
}

func randomRule(random *rand.Rand) (perSecond float64, burst int) {
	return math.Pow(10, 4*random.Float64()-1), 1 + random.IntN(50)
}

// However many ask at once while the rule changes, no more may pass than the largest bucket holds and the highest rate brings.
func TestConcurrentUse(t *testing.T) {
	const (
		goroutines, asks = 8, 50_000
		rateA, rateB     = 50_000.0, 100_000.0
		burst            = 100
	)
	start := time.Now()
	l := ratelimit.New(rateA, burst)
	var passed atomic.Int64
	var asking, setting sync.WaitGroup
	for range goroutines {
		asking.Go(func() { passed.Add(int64(admitted(l, asks))) })
	}
	done := make(chan struct{})
	setting.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
			l.Set([]float64{rateA, rateB}[i%2], burst+i%2)
			l.RetryAfter()
			l.Tokens()
		}
	})
	asking.Wait()
	close(done)
	setting.Wait()
	// Each of the changes keeps the tokens, so all of them together add nothing.
	if bound := int64(burst + 1 + rateB*time.Since(start).Seconds() + 1); passed.Load() > bound {
		t.Errorf("%d passed, at most %d may", passed.Load(), bound)
	}
	if passed.Load() < burst {
		t.Errorf("only %d passed, the bucket alone held %d", passed.Load(), burst)
	}
}

func TestAllowDoesNotAllocate(t *testing.T) {
	l := ratelimit.New(10, 5)
	if n := testing.AllocsPerRun(100, func() { l.Allow() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
