// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package handoff

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"goservice.dev/operator/workload/pool"
)

const (
	// leastOfferWait and mostOfferWait bound how long an offer waits. The period of CPU quotas, which stop pods for a part of it, is 100 ms.
	leastOfferWait = 5 * time.Millisecond
	mostOfferWait  = 100 * time.Millisecond
	// mostOffers wait at the same time; as long as the last one was in vain, one.
	mostOffers = 64
	// After an offer in vain the next one is made after firstPause, then after twice as long, up to longestPause: where all pods are full,
	// requests are refused at once.
	firstPause   = 5 * time.Millisecond
	longestPause = 200 * time.Millisecond
)

// offers are requests that would be refused, because the queue is full or moves too slowly. They have no place in it: when the first in
// line moves to another pod, or a worker becomes free here, one of them may ask for a place again; a worker of another pod for which nobody is
// in line is theirs.
type offers struct {
	next  atomic.Int64 // from when it is of use to offer, on the broker's clock
	count atomic.Int64 // of those who wait; written with the lock held

	// Guarded by the broker's lock.
	pause   time.Duration // after the last one in vain; 0 if it was not
	waiting []*unplaced
}

// unplaced is a request without a place in line.
type unplaced struct {
	priority pool.Priority
	answer   chan *Grant // nil: there may be room
}

// AcquireFor is the pool's, for a request that is offered to other pods before it is refused. Where one has a worker for it, the error is
// a *Grant.
func (b *Broker) AcquireFor(ctx context.Context, claim pool.Claim) error {
	began := time.Now()
	err := b.pool.AcquireFor(ctx, claim)
	if err == nil || !claim.Movable {
		return err
	}
	until := b.offerUntil(ctx, began)
	for errors.Is(err, pool.ErrQueueFull) || errors.Is(err, pool.ErrWouldMissDeadline) {
		grant, room := b.offer(ctx, claim.Priority, until)
		if grant != nil {
			return grant
		}
		if !room {
			break
		}
		err = b.pool.AcquireFor(ctx, claim)
	}
	return err
}

// offerUntil is when a request for which there is no room gives up on another pod, and on room: after as long as work takes here, within
// bounds, not later than whoever began to wait with it, and early enough for the work.
func (b *Broker) offerUntil(ctx context.Context, began time.Time) time.Time {
	now, work := time.Now(), time.Duration(b.work.Load())
	wait := min(work, mostOfferWait)
	if patience := b.pool.Patience(); patience > 0 {
		wait = min(wait, began.Add(patience).Sub(now))
	}
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, deadline.Sub(now)-work)
	}
	return now.Add(max(wait, leastOfferWait))
}

// offer waits for a worker of another pod, or for room in the queue.
func (b *Broker) offer(ctx context.Context, priority pool.Priority, until time.Time) (grant *Grant, room bool) {
	o := &b.offers
	now := time.Since(b.start)
	if int64(now) < o.next.Load() {
		return nil, false
	}
	waiting, _, oldest := b.pool.Movable()
	b.mu.Lock()
	if now > time.Duration(o.next.Load())+longestPause { // that was in another time
		o.mayOffer()
	}
	if len(b.peers) == 0 || len(o.waiting) >= mostOffers || o.pause > 0 && len(o.waiting) > 0 {
		b.mu.Unlock()
		return nil, false
	}
	one := &unplaced{priority, make(chan *Grant, 1)}
	o.set(append(o.waiting, one))
	b.ask(askedBeforeRefusal, waiting, b.waitAfter(oldest), priority)
	b.mu.Unlock()
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case grant = <-one.answer:
		return grant, true
	case <-timer.C:
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.Index(o.waiting, one); i >= 0 {
		o.set(slices.Delete(o.waiting, i, i+1))
		if ctx.Err() == nil {
			b.counters.Declined++
			o.pause = min(max(2*o.pause, firstPause), longestPause)
			o.next.Store(int64(time.Since(b.start) + o.pause))
		}
		return nil, false
	}
	return <-one.answer, true // in the same moment
}

// mayOffer again at once: a pod has taken one, or has become ready. The lock is held.
func (o *offers) mayOffer() {
	o.pause = 0
	o.next.Store(0)
}

// takeOffer gives the most important offer the worker of another pod, or where it is nil, word of room in the queue. It reports false if
// there is none. The lock is held.
func (b *Broker) takeOffer(grant *Grant) bool {
	b.offers.mayOffer()
	return b.offers.take(grant)
}

// takeRoom tells the most important offer that a worker has become free here. Those who wait for nobody else pay one look for it.
func (b *Broker) takeRoom() {
	if b.offers.count.Load() == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.offers.take(nil)
}

// take gives it to the most important one, if any. The lock is held.
func (o *offers) take(grant *Grant) bool {
	if len(o.waiting) == 0 {
		return false
	}
	best := 0
	for i, one := range o.waiting {
		if one.priority > o.waiting[best].priority {
			best = i
		}
	}
	o.waiting[best].answer <- grant
	o.set(slices.Delete(o.waiting, best, best+1))
	return true
}

// set who waits. The lock is held.
func (o *offers) set(waiting []*unplaced) {
	o.waiting = waiting
	o.count.Store(int64(len(waiting)))
}
