// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"context"
	"io"
	"sync"
	"time"

	"goservice.dev/operator/workload/internal/exchange"
)

// lendAfter is how long a read of the body may wait for the client before the request's worker goes to others.
const lendAfter = 10 * time.Millisecond

// lease is the worker of a request whose body its handler reads. While the handler waits for the client, the worker serves
// others: however many clients send slowly, or nothing, they keep nobody from being served.
type lease struct {
	io.ReadCloser // the body

	exchange *exchange.Exchange
	acquire  func(context.Context) error
	release  func()
	timer    *time.Timer

	mu      sync.Mutex
	state   leaseState
	reading bool
	since   time.Time          // it was lent
	stop    context.CancelFunc // ends the wait for it to come back; nil if nobody waits
}

type leaseState int

const (
	held leaseState = iota
	lent
	over // it does not come back
)

// end gives the worker back for good.
func (l *lease) end() {
	l.mu.Lock()
	before := l.state
	l.back()
	l.state = over
	if l.timer != nil {
		l.timer.Stop()
	}
	if l.stop != nil {
		l.stop()
	}
	l.mu.Unlock()
	if before == held {
		l.release()
	}
}

// back ends the time that the worker was lent. The lock is held.
func (l *lease) back() {
	if l.state == lent {
		l.exchange.Lent(time.Since(l.since))
	}
}

// Read returns when there is something to read and the request has its worker again.
func (l *lease) Read(p []byte) (int, error) {
	l.begin()
	n, err := l.ReadCloser.Read(p)
	if failed := l.retake(); failed != nil && err == nil {
		err = failed
	}
	return n, err
}

func (l *lease) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state != held {
		return
	}
	l.reading = true
	if l.timer == nil {
		l.timer = time.AfterFunc(lendAfter, l.lend)
	} else {
		l.timer.Reset(lendAfter)
	}
}

func (l *lease) lend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reading && l.state == held {
		l.state, l.since = lent, time.Now()
		l.release()
	}
}

func (l *lease) retake() error {
	ctx := l.waits()
	if ctx == nil {
		return nil
	}
	err := l.acquire(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stop()
	l.stop = nil
	switch {
	case l.state != lent: // it became a stream meanwhile, which needs none, or the handler has returned
		if err == nil {
			l.release()
		}
		return nil
	case err != nil:
		return err
	}
	l.back()
	l.state = held
	return nil
}

// waits ends a step of reading. If the worker was lent meanwhile, it returns the context of the wait for it, else nil.
func (l *lease) waits() (ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reading = false
	if l.timer != nil {
		l.timer.Stop()
	}
	if l.state == lent {
		ctx, l.stop = context.WithCancel(l.exchange)
	}
	return ctx
}
