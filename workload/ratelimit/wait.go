// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package ratelimit

import (
	"container/list"
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// waiters is the line of those who wait for a token, first come first served. Only the head holds a claim on the bucket: its
// token is already taken, and turn is when the bucket has it. When the head leaves early, the next inherits the claim; so a
// token is neither lost nor given twice, and one timer serves any number of waiters.
type waiters struct {
	mu    sync.Mutex
	line  list.List // of *waiter
	count atomic.Int32
	turn  int64 // ticks of the limiter's clock
	timer *time.Timer
}

type waiter struct {
	since int64
	ready chan struct{} // closed when the turn has come
}

// Wait takes a token, waiting in line for it until the context ends. It returns nil, the context's error, or at once
// ErrWouldMissDeadline if by the rate in force the turn does not come before the context's deadline. A rate that Set raises while
// callers wait takes effect on them as well.
func (l *Limiter) Wait(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if l.count.Load() == 0 && l.Allow() {
		return nil
	}
	w, err := l.enqueue(ctx)
	if w == nil {
		return err
	}
	select {
	case <-w.Value.(*waiter).ready:
		return nil
	case <-ctx.Done():
		if l.leave(w) {
			return ctx.Err()
		}
		return nil // the turn came in the same moment, and its token is spent
	}
}

// enqueue returns the caller's place in line, or nil with the answer if there is no need or no use to wait.
func (l *Limiter) enqueue(ctx context.Context) (*list.Element, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, now := l.bucket.Load(), l.now()
	if b.free {
		return nil, nil
	}
	turn := l.turn + min(int64(l.line.Len()), maxDepth/b.interval)*b.interval // centuries are as good as never
	if l.line.Len() == 0 {
		turn = b.claim(now)
		if turn <= now && !b.shut {
			return nil, nil
		}
	}
	if deadline, ok := ctx.Deadline(); ok && (b.shut || time.Until(deadline) <= duration(turn-now)) {
		if l.line.Len() == 0 {
			b.unclaim()
		}
		return nil, ErrWouldMissDeadline
	}
	place := l.line.PushBack(&waiter{since: now, ready: make(chan struct{})})
	l.count.Add(1)
	if l.line.Len() == 1 {
		l.turn = turn
		l.advance(b, now)
	}
	return place, nil
}

// leave takes a waiter out of line; false says that its turn has come already.
func (l *Limiter) leave(place *list.Element) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-place.Value.(*waiter).ready:
		return false
	default:
	}
	l.line.Remove(place)
	l.count.Add(-1)
	if l.line.Len() == 0 {
		l.bucket.Load().unclaim()
		if l.timer != nil {
			l.timer.Stop()
		}
	}
	return true
}

// advance serves all whose turn has come and sets the timer for the next. The lock is held.
func (l *Limiter) advance(b *bucket, now int64) {
	for head := l.line.Front(); head != nil; head = l.line.Front() {
		if b.shut {
			return
		}
		if !b.free && l.turn > now {
			l.wakeIn(duration(l.turn - now))
			return
		}
		close(l.line.Remove(head).(*waiter).ready)
		l.count.Add(-1)
		if next := l.line.Front(); next != nil && !b.free {
			// The claim dates from when the next could have made it, not from now: a timer that fires late costs no tokens.
			l.turn = b.claim(max(l.turn, next.Value.(*waiter).since))
		}
	}
}

// reschedule moves the head's turn from the old rule to the one of b. The lock is held.
func (l *Limiter) reschedule(old *rule, b *bucket, now int64) {
	if l.line.Len() == 0 {
		return
	}
	share := float64(max(l.turn-now, 0)) / float64(old.interval) // who is overdue need not wait again
	l.turn = now + int64(share*float64(b.interval))
	l.advance(b, now)
}

func (l *Limiter) wakeIn(d time.Duration) {
	if l.timer != nil {
		l.timer.Reset(d)
		return
	}
	l.timer = time.AfterFunc(d, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.advance(l.bucket.Load(), l.now())
	})
}

// claim takes a token whether it is there yet or not, and returns when it is.
func (b *bucket) claim(now int64) (turn int64) {
	return b.move(func(tat int64) int64 { return max(tat, now) + b.interval }) - b.depth
}

// unclaim returns a token that was claimed and not used.
func (b *bucket) unclaim() { b.move(func(tat int64) int64 { return tat - b.interval }) }

// move changes the TAT beside Allow. Set is locked out by the caller, so the bucket is not frozen.
func (b *bucket) move(by func(tat int64) int64) int64 {
	for {
		tat := b.tat.Load()
		if next := by(tat); b.tat.CompareAndSwap(tat, next) {
			return next
		}
	}
}
