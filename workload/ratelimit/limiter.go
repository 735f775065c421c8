// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package ratelimit

import (
	"errors"
	"math"
	"runtime"
	"sync/atomic"
	"time"
)

// Unlimited is the rate that admits everything.
var Unlimited = math.Inf(1)

// ErrWouldMissDeadline is the answer of Wait when the context would end before the caller's turn.
var ErrWouldMissDeadline = errors.New("ratelimit: the turn comes after the context's deadline")

// frozen in place of a TAT says that Set has taken the bucket away and a new one is about to be published.
const frozen = math.MinInt64

// Limiter is a token bucket that any number of goroutines share. Make one with New.
type Limiter struct {
	bucket atomic.Pointer[bucket]
	start  time.Time // of the limiter's clock; carries the monotonic reading

	waiters
}

// bucket holds a rule and the one word that Allow changes. A change of the rule replaces the bucket as a whole, so that no
// request ever reads a TAT of one rule by the interval of another.
type bucket struct {
	tat atomic.Int64
	rule
}

// New returns a limiter with a full bucket. requestsPerSecond is the rate at which tokens come back: Unlimited admits
// everything, zero or less nothing. burst is the size of the bucket, at least 1: smaller values count as 1.
//
// A bucket that is smaller than what comes in during one pause of the caller loses tokens: where callers wait, or where
// requests arrive in batches, give it at least what 10 ms bring.
func New(requestsPerSecond float64, burst int) *Limiter {
	l := &Limiter{start: time.Now()}
	l.bucket.Store(&bucket{rule: newRule(requestsPerSecond, burst)})
	return l
}

// now reads the monotonic clock only, at half of the price of time.Now.
func (l *Limiter) now() int64 { return ticks(time.Since(l.start)) }

// Allow takes a token if there is one and never waits.
func (l *Limiter) Allow() bool {
	b := l.bucket.Load()
	if b.free || b.shut {
		return b.free
	}
	now := l.now()
	for {
		tat := b.tat.Load()
		if tat == frozen {
			runtime.Gosched() // Set is between two instructions
			if b = l.bucket.Load(); b.free || b.shut {
				return b.free
			}
			continue
		}
		// A clock that has gone stale since it was read makes the test stricter, never laxer: the TAT only moves forward.
		next, ok := b.spend(tat, now)
		if !ok {
			return false
		}
		if b.tat.CompareAndSwap(tat, next) {
			return true
		}
	}
}

// GiveBack returns a token that Allow took for a request that was then refused for another reason.
func (l *Limiter) GiveBack() {
	for {
		b, tat := l.read()
		// A TAT that falls behind the clock is as good as the clock: the bucket never holds more than its burst.
		if b.free || b.shut || b.tat.CompareAndSwap(tat, tat-b.interval) {
			return
		}
	}
}

// Set puts another rate and burst in force, with the meaning that they have for New. The bucket keeps the tokens that it
// holds, up to the new burst: neither does a backlog of the old rate lock requests out, nor are tokens given away. Whoever
// waits is woken by the new rate. Set may run at any time beside all other methods; with the values in force it does nothing.
func (l *Limiter) Set(requestsPerSecond float64, burst int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.bucket.Load()
	rule := newRule(requestsPerSecond, burst)
	if rule == old.rule {
		return
	}
	b := &bucket{rule: rule}
	now := l.now()
	// From here until the store, Allow spins: nothing can be taken from a bucket that has been read already.
	tat := old.tat.Swap(frozen)
	b.tat.Store(rule.adopt(&old.rule, tat, now))
	l.bucket.Store(b)
	l.reschedule(&old.rule, b, now)
}

// Limit returns the rate and the burst in force.
func (l *Limiter) Limit() (requestsPerSecond float64, burst int) {
	b := l.bucket.Load()
	return b.requestsPerSecond, b.burst
}

// RetryAfter is the time until the bucket has a token for somebody who asks then and does not wait in line: zero when there is
// one now, the largest Duration when the rate is zero.
func (l *Limiter) RetryAfter() time.Duration {
	b, tat := l.read()
	return b.wait(tat, l.now())
}

// Tokens returns how many requests would be admitted at this moment. It is negative by what is promised to waiters, and
// infinite without a limit.
func (l *Limiter) Tokens() float64 {
	b, tat := l.read()
	switch {
	case b.free:
		return Unlimited
	case b.shut:
		return 0
	}
	return b.tokens(tat, l.now())
}

// read returns the bucket in force together with its TAT.
func (l *Limiter) read() (*bucket, int64) {
	for {
		b := l.bucket.Load()
		if tat := b.tat.Load(); tat != frozen {
			return b, tat
		}
		runtime.Gosched()
	}
}
