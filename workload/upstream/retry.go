// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package upstream

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"goservice.dev/operator/workload/ratelimit"
)

const (
	// maxAttempts of one call.
	maxAttempts = 3
	// retryBackoff before the first retry, doubled for the next, each between half and all of it.
	retryBackoff = 20 * time.Millisecond
	// A call earns a tenth of a retry and at most this many are saved up: retries add at most 10 % to an upstream that is in
	// trouble, however many calls fail.
	retryCost    = 10
	retryReserve = 10 * retryCost
	drainBytes   = 4 << 10
)

// retryBudget counts in tenths of a retry what has been spent of the reserve.
type retryBudget struct{ spent atomic.Int64 }

func (b *retryBudget) earn() {
	for {
		spent := b.spent.Load()
		if spent <= 0 || b.spent.CompareAndSwap(spent, spent-1) {
			return
		}
	}
}

func (b *retryBudget) spend() bool {
	for {
		spent := b.spent.Load()
		if spent+retryCost > retryReserve {
			return false
		}
		if b.spent.CompareAndSwap(spent, spent+retryCost) {
			return true
		}
	}
}

// retrying repeats a call only where a second one cannot do harm: methods that change nothing, without a body, whose first
// try failed in a way that time mends, and within the request's deadline and the budget of retries.
type retrying struct {
	client *Client
	next   http.RoundTripper
}

func (t *retrying) RoundTrip(r *http.Request) (*http.Response, error) {
	t.client.budget.earn()
	for attempt := 1; ; attempt++ {
		response, err := t.next.RoundTrip(r)
		if attempt == maxAttempts || !repeatable(r) || !worthRepeating(r.Context(), response, err) || !t.client.budget.spend() {
			return response, err
		}
		pause := retryBackoff << (attempt - 1)
		pause = pause/2 + rand.N(pause/2)
		if deadline, ok := r.Context().Deadline(); ok && time.Until(deadline) <= pause {
			return response, err
		}
		if response != nil {
			_, _ = io.CopyN(io.Discard, response.Body, drainBytes) // so that the connection can be used again
			_ = response.Body.Close()
		}
		timer := time.NewTimer(pause)
		select {
		case <-r.Context().Done():
			timer.Stop()
			return nil, r.Context().Err()
		case <-timer.C:
		}
	}
}

func repeatable(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return (r.Body == nil || r.Body == http.NoBody) && r.Header.Get("Upgrade") == ""
	}
	return false
}

func worthRepeating(ctx context.Context, response *http.Response, err error) bool {
	if err != nil {
		// Its own limit and its own end are no fault of the upstream.
		return ctx.Err() == nil && !errors.Is(err, ratelimit.ErrWouldMissDeadline)
	}
	switch response.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}
