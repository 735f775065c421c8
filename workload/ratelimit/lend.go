// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package ratelimit

import (
	"sync/atomic"
	"time"
)

const (
	// lentFor is how long what was lent can be used: it makes up for what others did not use just before.
	lentFor = 2 * time.Second
	// lentAtMost is how much can be lent at once, in seconds' worth of the limit, or a bucket where that is more.
	lentAtMost = time.Second
)

// account is what limiters that share a rate settle among themselves: what one did not use, others may.
type account struct {
	discarded float64 // by former buckets
	told      float64
	lent      atomic.Int64
	lentUntil atomic.Int64 // ticks of the limiter's clock
}

// Discarded returns how many requests the rate would have allowed and nobody made, since the start: the tokens that came back
// while the bucket was full. It never falls. Limits of zero and Unlimited discard nothing.
func (l *Limiter) Discarded() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket.Load()
	idle := b.idle.Load() // before the TAT: a request in between then counts later instead of twice
	l.told = max(l.told, l.discarded+b.discarded(idle, b.tat.Load(), l.now()))
	return l.told
}

// Lend lets Allow admit so many requests more than the bucket holds, once it is empty and within 2 s: what another limiter
// discarded. Not more than a second's worth can be lent at once, or than the bucket holds where that is more.
func (l *Limiter) Lend(requests int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket.Load()
	if b.free || b.shut || requests <= 0 {
		return
	}
	now, most := l.now(), max(int64(b.burst), int64(b.requestsPerSecond*lentAtMost.Seconds()))
	for {
		before := l.lent.Load()
		left := before
		if now >= l.lentUntil.Load() {
			left = 0
		}
		if l.lent.CompareAndSwap(before, min(left+min(requests, most), most)) {
			break
		}
	}
	l.lentUntil.Store(now + ticks(lentFor))
}

// borrow takes a request of what was lent.
func (l *Limiter) borrow(now int64) bool {
	for now < l.lentUntil.Load() {
		lent := l.lent.Load()
		if lent <= 0 {
			return false
		}
		if l.lent.CompareAndSwap(lent, lent-1) {
			return true
		}
	}
	return false
}

// discarded is what a bucket threw away that was full for idle ticks, and is since its TAT.
func (b *bucket) discarded(idle, tat, now int64) float64 {
	if b.free || b.shut {
		return 0
	}
	return float64(idle+max(now-tat, 0)) / float64(b.interval)
}
