// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package ratelimit

import (
	"bytes"
	"context"
	"errors"
	"math"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A caller that waits for Set to finish does not take more stack with every look.
func TestWaitingForSetTakesNoStack(t *testing.T) {
	l := New(1e6, 1)
	b := l.bucket.Load()
	tat := b.tat.Swap(frozen)
	done := make(chan bool)
	go func() { done <- l.Allow() }()
	for range 1000 {
		runtime.Gosched()
	}
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	b.tat.Store(tat)
	if !<-done {
		t.Error("the token was not given")
	}
	if calls := bytes.Count(stacks, []byte("(*Limiter).Allow(")); calls > 1 {
		t.Errorf("%d calls of Allow are on the stack", calls)
	}
}

// At the lowest rate, the turn of those far behind in line is beyond all time, and not in the past.
func TestALongLineAtTheLowestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(1e-9, 1)
		l.Allow()
		ctx, cancel := context.WithCancel(t.Context())
		for range 100 {
			go func() { _ = l.Wait(ctx) }()
		}
		synctest.Wait()
		short, end := context.WithTimeout(t.Context(), time.Minute)
		defer end()
		if err := l.Wait(short); !errors.Is(err, ErrWouldMissDeadline) {
			t.Errorf("error %v", err)
		}
		cancel()
		synctest.Wait()
	})
}

// Whoever is let go and gives up in the same moment has had the token.
func TestWhoIsLetGoDoesNotLeave(t *testing.T) {
	l := New(1, 1)
	place := l.line.PushBack(&waiter{ready: make(chan struct{})})
	l.count.Store(1)
	close(place.Value.(*waiter).ready)
	if l.leave(place) || l.line.Len() != 1 || l.count.Load() != 1 {
		t.Error("it left, and gave a token back that was spent")
	}
}

func TestDurationsAreRoundedUp(t *testing.T) {
	for ticks, want := range map[int64]time.Duration{0: 0, 1: 1, 15: 1, 16: 1, 17: 2, 32: 2} {
		if got := duration(ticks); got != want {
			t.Errorf("%d ticks are %s, want %s", ticks, got, want)
		}
	}
}

// Whoever waited is counted no more, whichever way it ended.
func TestNobodyIsLeftInLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(1, 1)
		l.Allow()
		leaving, leave := context.WithCancel(t.Context())
		done := make(chan error)
		for _, ctx := range []context.Context{t.Context(), leaving, t.Context(), t.Context()} {
			go func() { done <- l.Wait(ctx) }()
			synctest.Wait()
		}
		if l.count.Load() != 4 || l.line.Len() != 4 {
			t.Errorf("%d are counted, %d in line; want 4", l.count.Load(), l.line.Len())
		}
		leave()
		over(done)
		over(done) // the first turn
		if l.count.Load() != 2 || l.line.Len() != 2 {
			t.Errorf("%d are counted, %d in line; want 2", l.count.Load(), l.line.Len())
		}
		l.Set(Unlimited, 1)
		over(done)
		over(done)
		if l.count.Load() != 0 || l.line.Len() != 0 {
			t.Errorf("%d are counted, %d in line; want none", l.count.Load(), l.line.Len())
		}
		if !l.mu.TryLock() {
			t.Fatal("the line is locked")
		}
		l.mu.Unlock()
	})
}

// A timer that fires late lets those through whose turn has come meanwhile, and nobody before it could have been there.
func TestALateTimerMakesNoBurst(t *testing.T) {
	second := ticks(time.Second)
	cases := map[string]struct {
		since []int64 // seconds at which the others came
		now   int64
		want  int // who get their turn by now, the head included
	}{
		"on time":                     {[]int64{0, 0, 0}, 1, 1},
		"late for those who waited":   {[]int64{0, 0, 0}, 3, 3},
		"late for who came meanwhile": {[]int64{9, 9, 9}, 10, 3},
		"just come":                   {[]int64{10, 10, 10}, 10, 2},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := New(1, 1)
				l.Allow()
				b := l.bucket.Load()
				l.mu.Lock()
				defer l.mu.Unlock()
				for _, since := range append([]int64{0}, c.since...) {
					l.line.PushBack(&waiter{since: since * second, ready: make(chan struct{})})
					l.count.Add(1)
				}
				l.turn = b.claim(0)
				l.advance(b, c.now*second)
				if got := len(c.since) + 1 - l.line.Len(); got != c.want {
					t.Errorf("%d got their turn, want %d", got, c.want)
				}
				if int(l.count.Load()) != l.line.Len() {
					t.Errorf("%d are counted, %d in line", l.count.Load(), l.line.Len())
				}
			})
		})
	}
}

func TestWholeSeconds(t *testing.T) {
	for d, want := range map[time.Duration]time.Duration{
		0: time.Second, 1: time.Second, time.Second: time.Second, time.Second + 1: 2 * time.Second,
		time.Hour - 1: time.Hour, time.Hour: time.Hour, time.Hour + 1: time.Hour, math.MaxInt64: time.Hour,
	} {
		if got := wholeSeconds(d); got != want {
			t.Errorf("%s is told as %s, want %s", d, got, want)
		}
	}
}

func TestRulesAtTheirBounds(t *testing.T) {
	cases := map[string]struct {
		perSecond float64
		burst     int
		want      rule
	}{
		"one a second":     {1, 1, rule{interval: 16e9, depth: 16e9, requestsPerSecond: 1, burst: 1}},
		"a burst below 1":  {1, -5, rule{interval: 16e9, depth: 16e9, requestsPerSecond: 1, burst: 1}},
		"the largest":      {1, math.MaxInt, rule{interval: 16e9, depth: 1 << 61, requestsPerSecond: 1, burst: math.MaxInt32}},
		"the quickest":     {16e9, 1, rule{interval: 1, depth: 1, requestsPerSecond: 16e9, burst: 1}},
		"quicker":          {16.1e9, 3, rule{interval: 16e9, depth: 48e9, free: true, requestsPerSecond: Unlimited, burst: 3}},
		"unlimited":        {Unlimited, 1, rule{interval: 16e9, depth: 16e9, free: true, requestsPerSecond: Unlimited, burst: 1}},
		"the slowest":      {5e-324, 1, rule{interval: 1 << 58, depth: 1 << 58, requestsPerSecond: 5e-324, burst: 1}},
		"slow and patient": {5e-324, 9, rule{interval: 1 << 58, depth: 1 << 61, requestsPerSecond: 5e-324, burst: 9}},
		"nothing":          {0, 2, rule{interval: 1 << 58, depth: 1 << 59, shut: true, burst: 2}},
		"less than that":   {-1, 1, rule{interval: 1 << 58, depth: 1 << 58, shut: true, burst: 1}},
		"no number":        {math.NaN(), 1, rule{interval: 1 << 58, depth: 1 << 58, shut: true, burst: 1}},
		"never and much":   {0, math.MaxInt32, rule{interval: 1 << 29, depth: math.MaxInt32 << 29, shut: true, burst: math.MaxInt32}},
		"rounded":          {3, 1, rule{interval: 5_333_333_333, depth: 5_333_333_333, requestsPerSecond: 3, burst: 1}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, newRule(c.perSecond, c.burst), cmp.AllowUnexported(rule{})); diff != "" {
				t.Errorf("rule (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNumbersInFieldsAreBounded(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 7.9: "7", 999_999_999_999_999: "999999999999999", 1e15: "999999999999999", math.MaxFloat64: "999999999999999",
	} {
		if got := integer(v); got != want {
			t.Errorf("%v is written %s, want %s", v, got, want)
		}
	}
}

// over waits for an end, whatever it brings.
func over[T any](end <-chan T) { <-end }

// A token that was given back can be taken again, and a bucket never holds more than its burst.
func TestATokenThatIsGivenBackCanBeTakenAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(1, 2)
		for range 3 {
			if !l.Allow() {
				t.Fatal("no token, although each was given back")
			}
			l.GiveBack()
		}
		for range 5 {
			l.GiveBack() // of a full bucket: nothing
		}
		for i, want := range []bool{true, true, false} {
			if got := l.Allow(); got != want {
				t.Errorf("request %d after the bucket was full: %t, want %t", i+1, got, want)
			}
		}
		for _, l := range []*Limiter{New(Unlimited, 1), New(0, 1)} {
			l.GiveBack()
		}
	})
}

// A rate of zero gives no tokens, also none for later.
func TestABucketThatIsShutDoesNotFill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, burst := range []int{1, 10, 1000} {
			l := New(1, burst)
			for range burst - burst/5 {
				l.Allow()
			}
			l.Set(0, burst)
			time.Sleep(time.Hour)
			l.Set(1, burst)
			for range burst / 5 {
				if !l.Allow() {
					t.Errorf("burst %d: a token that was left is gone", burst)
				}
			}
			if l.Allow() {
				t.Errorf("burst %d: a token came in while the rate was zero", burst)
			}
		}
	})
}

// Who waits while the rate is zero waits for the new rate's time, and the token that was promised is given once.
func TestWhoWaitsAtARateOfZeroWaitsForAToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(0, 10)
		l.Set(1, 10)
		for l.Allow() {
		}
		l.Set(0, 10)
		served := make(chan error, 1)
		go func() { served <- l.Wait(t.Context()) }()
		synctest.Wait()
		time.Sleep(time.Minute)
		before := time.Now()
		l.Set(1, 10)
		if err := <-served; err != nil || time.Since(before) < 900*time.Millisecond || time.Since(before) > 1100*time.Millisecond {
			t.Errorf("%v after %s, want a second", err, time.Since(before))
		}
		if l.Allow() {
			t.Error("a token was given twice")
		}
	})
}

// Who is overdue when the rate becomes zero, as after a pause of the process, is served as soon as there is a rate again.
func TestWhoIsOverdueIsServedWithTheNextRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(1000, 1)
		for l.Allow() {
		}
		served := make(chan error, 1)
		go func() { served <- l.Wait(t.Context()) }()
		synctest.Wait()
		l.mu.Lock()
		l.turn -= int64(time.Second)
		l.mu.Unlock()
		l.Set(0, 1)
		time.Sleep(time.Minute)
		before := time.Now()
		l.Set(1, 1)
		if err := <-served; err != nil || time.Since(before) > time.Second {
			t.Errorf("%v after %s, want at once", err, time.Since(before))
		}
	})
}
