// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package app

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

const (
	// relayInterval is how long an event of another process, which stopped before it published it, waits at most.
	relayInterval = time.Second
	relayBatch    = 100
	// passTimeout bounds one batch. The events stay locked until it is over.
	passTimeout     = 10 * time.Second
	minRelayBackoff = 100 * time.Millisecond
	maxRelayBackoff = 10 * time.Second
)

// Relay publishes what is in the outbox, at least once and in the order of each order's events.
type Relay struct {
	outbox    Outbox
	publisher EventPublisher
	failed    func(error)
	wake      chan struct{}
	published atomic.Int64
}

// NewRelay calls failed with each error; the relay itself goes on.
func NewRelay(outbox Outbox, publisher EventPublisher, failed func(error)) *Relay {
	return &Relay{outbox: outbox, publisher: publisher, failed: failed, wake: make(chan struct{}, 1)}
}

// Wake says that there is an event in the outbox. It never waits.
func (r *Relay) Wake() {
	select {
	case r.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// Published is how many events have been published.
func (r *Relay) Published() int64 { return r.published.Load() }

// Run relays until ctx ends. What is in the outbox then stays there: Flush publishes it, or another process.
func (r *Relay) Run(ctx context.Context) {
	backoff := minRelayBackoff
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		case <-timer.C:
		}
		wait := relayInterval
		if err := r.Flush(ctx); err != nil {
			if ctx.Err() != nil {
				return
			}
			r.failed(err)
			// With jitter, so that processes whose broker comes back do not all ask it at the same moment.
			wait = backoff/2 + rand.N(backoff/2)
			backoff = min(2*backoff, maxRelayBackoff)
			timer.Reset(wait)
			select { // new events are no reason to ask sooner
			case <-ctx.Done():
				return
			case <-timer.C:
				wait = 0
			}
		} else {
			backoff = minRelayBackoff
		}
		timer.Reset(wait)
	}
}

// Flush publishes until nothing is left that this process can take, or until ctx ends.
func (r *Relay) Flush(ctx context.Context) error {
	for {
		taken, err := r.pass(ctx)
		r.published.Add(int64(taken))
		if err != nil || taken == 0 {
			return err
		}
	}
}

func (r *Relay) pass(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, passTimeout)
	defer cancel()
	return r.outbox.Relay(ctx, relayBatch, r.publisher.Publish)
}
