// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package upstream

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// The breaker opens when, within the last window, at least minFailures attempts failed, and half of all.
	windowBuckets = 10
	bucketSpan    = time.Second
	minFailures   = 10
	// It stays open for minOpen, after each probe that fails twice as long, and at most for maxOpen.
	minOpen = time.Second
	maxOpen = 30 * time.Second
)

// UnavailableError is returned for calls that are not sent, because the upstream could not be reached or did not answer when it was
// called last.
type UnavailableError struct {
	// RetryAfter is when the next call may be sent.
	RetryAfter time.Duration
}

func (e *UnavailableError) Error() string {
	return fmt.Sprintf("upstream: unavailable, the next call is tried in %s", e.RetryAfter)
}

// breaker stops calls to an upstream that does not answer. Only that counts as a failure: connections that cannot be opened or break,
// and attempts that time out. A response of any status is an answer: it holds no worker for long, and an upstream that turns
// a part of its calls away must not lose the rest. When its time is over, one call at a time is let through; the first answer closes
// the breaker.
type breaker struct {
	changed func(open bool) // told when it opens and when it closes

	mu         sync.Mutex
	open       bool
	until      time.Time     // when the next probe may go
	openFor    time.Duration // doubled by each probe that fails
	generation int           // of the window: what began before the breaker opened says nothing afterward
	buckets    [windowBuckets]bucket
	refused    int64
}

type bucket struct {
	second           int64
	answered, failed int
}

// pass of one call through the breaker.
type pass struct {
	generation int
	probe      bool
}

// outcome of one call.
type outcome int

const (
	answered outcome = iota
	failed
	unknown // the caller went away, or was itself what was waited for
)

// admit lets a call through, or returns an *UnavailableError. A probe that says nothing within patience is joined by another: its
// client may take any time to send its body.
func (b *breaker) admit(patience time.Duration) (pass, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.open {
		return pass{generation: b.generation}, nil
	}
	now := time.Now()
	if now.Before(b.until) {
		b.refused++
		return pass{}, &UnavailableError{RetryAfter: b.until.Sub(now)}
	}
	b.until = now.Add(patience)
	return pass{generation: b.generation, probe: true}, nil
}

// done notes how a call that was let through ended. It may be called again with failed for a call whose answer broke off.
func (b *breaker) done(p pass, how outcome) {
	b.mu.Lock()
	before := b.open
	b.note(p, how)
	open := b.open
	b.mu.Unlock()
	if open != before && b.changed != nil {
		b.changed(open)
	}
}

// note is done under the lock.
func (b *breaker) note(p pass, how outcome) {
	switch {
	case p.generation != b.generation:
	case p.probe:
		switch how {
		case unknown:
			b.until = time.Time{}
		case answered:
			b.reset()
		case failed:
			b.openFor = min(2*b.openFor, maxOpen)
			b.trip()
		}
	case how != unknown && !b.open:
		b.count(how)
	}
}

// reset closes the breaker. The lock is held.
func (b *breaker) reset() {
	b.open, b.openFor, b.buckets = false, 0, [windowBuckets]bucket{}
	b.generation++
}

// trip opens the breaker for openFor, spread by a tenth so that pods do not probe in step. The lock is held.
func (b *breaker) trip() {
	b.open, b.generation = true, b.generation+1
	b.until = time.Now().Add(b.openFor - rand.N(b.openFor/10))
}

// count adds to the window and opens the breaker if it has seen enough. The lock is held.
func (b *breaker) count(how outcome) {
	second := time.Now().UnixNano() / int64(bucketSpan)
	current := &b.buckets[second%windowBuckets]
	if current.second != second {
		*current = bucket{second: second}
	}
	if how == answered {
		current.answered++
		return
	}
	current.failed++
	var all, bad int
	for _, one := range b.buckets {
		if second-one.second < windowBuckets {
			all += one.answered + one.failed
			bad += one.failed
		}
	}
	if bad >= minFailures && 2*bad >= all {
		b.openFor = minOpen
		b.trip()
	}
}

func (b *breaker) stats() (open bool, refused int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open, b.refused
}
