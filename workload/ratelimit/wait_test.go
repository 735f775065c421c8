// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package ratelimit_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"goservice.dev/operator/workload/ratelimit"
)

// queue starts n callers of Wait one after the other and returns a function that waits for them and tells when each came out.
func queue(t *testing.T, ctx context.Context, l *ratelimit.Limiter, n int) func() []time.Duration {
	t.Helper()
	start := time.Now()
	turns := make([]time.Duration, n)
	var waiting sync.WaitGroup
	for i := range n {
		waiting.Go(func() {
			if err := l.Wait(ctx); err != nil {
				t.Errorf("caller %d: %v", i, err)
			}
			turns[i] = time.Since(start)
		})
		synctest.Wait()
	}
	return func() []time.Duration {
		waiting.Wait()
		return turns
	}
}

const ms = time.Millisecond

func TestWaitServesInOrderAtTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ratelimit.New(10, 2)
		turns := queue(t, t.Context(), l, 5)
		if l.Allow() {
			t.Error("Allow overtook those who wait")
		}
		if diff := cmp.Diff([]time.Duration{0, 0, 100 * ms, 200 * ms, 300 * ms}, turns()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWaitKeepsAHighRateWithABurstOfOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const callers = 1000
		start := time.Now()
		l := ratelimit.New(100_000, 1)
		queue(t, t.Context(), l, callers)()
		if got, want := time.Since(start), (callers-1)*10*time.Microsecond; got != want {
			t.Errorf("%d callers took %v, want %v", callers, got, want)
		}
	})
}

func TestWaitRefusesAtOnceWhatComesTooLate(t *testing.T) {
	cases := map[string]struct {
		rate     float64
		waiting  int
		deadline time.Duration
		want     error
	}{
		"just in time":           {rate: 10, deadline: 100*ms + 1},
		"just too late":          {rate: 10, deadline: 100 * ms, want: ratelimit.ErrWouldMissDeadline},
		"in time behind others":  {rate: 10, waiting: 2, deadline: 300*ms + 1},
		"too late behind others": {rate: 10, waiting: 2, deadline: 300 * ms, want: ratelimit.ErrWouldMissDeadline},
		"never":                  {rate: 0, deadline: time.Hour, want: ratelimit.ErrWouldMissDeadline},
		"no limit":               {rate: ratelimit.Unlimited, deadline: 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := ratelimit.New(c.rate, 1)
				l.Allow()
				others := queue(t, t.Context(), l, c.waiting)
				before := l.Tokens()
				ctx, cancel := context.WithTimeout(t.Context(), c.deadline)
				defer cancel()
				start := time.Now()
				if err := l.Wait(ctx); !errors.Is(err, c.want) {
					t.Errorf("error %v, want %v", err, c.want)
				}
				if c.want != nil && time.Since(start) != 0 {
					t.Errorf("the refusal took %v", time.Since(start))
				}
				if c.want != nil && l.Tokens() != before {
					t.Errorf("the refused caller changed the bucket from %v to %v tokens", before, l.Tokens())
				}
				others()
			})
		})
	}
}

func TestWaitFollowsTheRate(t *testing.T) {
	cases := map[string]struct {
		rate float64
		want []time.Duration // the change comes after 500 ms of 1/s
	}{
		"raised":    {rate: 10, want: []time.Duration{550 * ms, 650 * ms, 750 * ms}},
		"lowered":   {rate: 0.5, want: []time.Duration{1500 * ms, 3500 * ms, 5500 * ms}},
		"unlimited": {rate: ratelimit.Unlimited, want: []time.Duration{500 * ms, 500 * ms, 500 * ms}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := ratelimit.New(1, 1)
				l.Allow()
				turns := queue(t, t.Context(), l, 3)
				time.Sleep(500 * ms)
				l.Set(c.rate, 1)
				if diff := cmp.Diff(c.want, turns()); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestWaitThroughAStandstill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ratelimit.New(0, 1)
		turns := queue(t, t.Context(), l, 3)
		time.Sleep(time.Hour)
		synctest.Wait()
		l.Set(10, 1)
		got := turns()
		if got[0] < time.Hour || got[2]-got[1] != 100*ms {
			t.Errorf("turns %v, want all after the hour and at the rate", got)
		}
	})
}

func TestThoseWhoLeaveCostNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ratelimit.New(1, 1)
		l.Allow()
		ctx, cancel := context.WithCancelCause(t.Context())
		left := make(chan error, 2)
		go func() { left <- l.Wait(ctx) }()
		synctest.Wait()
		turns := queue(t, t.Context(), l, 1)
		go func() { left <- l.Wait(ctx) }()
		synctest.Wait()
		last := queue(t, t.Context(), l, 1)
		cancel(errors.New("gone"))
		for range 2 {
			if err := <-left; !errors.Is(err, context.Canceled) {
				t.Errorf("error %v, want %v", err, context.Canceled)
			}
		}
		want := []time.Duration{time.Second, 2 * time.Second}
		if diff := cmp.Diff(want, append(turns(), last()...)); diff != "" {
			t.Error(diff)
		}
		if err := l.Wait(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("with an ended context: %v", err)
		}
		if got := l.RetryAfter(); got != time.Second {
			t.Errorf("RetryAfter %v, want one token's %v", got, time.Second)
		}
	})
}

func TestTheLastToLeaveReturnsTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, perSecond := range []float64{1, 0} {
			l := ratelimit.New(perSecond, 1)
			l.Allow()
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- l.Wait(ctx) }()
			synctest.Wait()
			before := l.Tokens()
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("error %v, want %v", err, context.Canceled)
			}
			if got := l.Tokens(); perSecond > 0 && got != before+1 {
				t.Errorf("%v tokens after the waiter left, %v before", got, before)
			}
		}
	})
}

// Everything at once, for the race detector and for lost wake-ups: whoever waits without a deadline must come out.
func TestWaitUnderChange(t *testing.T) {
	l := ratelimit.New(20_000, 10)
	var waiting sync.WaitGroup
	for i := range 200 {
		waiting.Go(func() {
			for j := range 20 {
				ctx, cancel := context.WithCancel(t.Context())
				if (i+j)%3 == 0 {
					time.AfterFunc(time.Duration(j)*10*time.Microsecond, cancel)
				}
				if err := l.Wait(ctx); err != nil && ctx.Err() == nil {
					t.Errorf("unexpected: %v", err)
				}
				cancel()
				if j%5 == 0 {
					l.Set(float64(10_000+i*100), 1+i%20)
				}
			}
		})
	}
	waiting.Wait()
}
