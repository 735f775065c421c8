// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package upstream

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
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
	// maxRetryAfter is the longest Retry-After that is waited for; a caller that is told of a longer one decides for itself.
	maxRetryAfter = time.Second
	drainBytes    = 4 << 10
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

// refund takes back what was spent on a retry that was not made.
func (b *retryBudget) refund() { b.spent.Add(-retryCost) }

// retrying repeats a call only where a second one cannot do harm: methods that change nothing, without a body, whose first
// try failed in a way that time mends, and within the request's deadline and the budget of retries.
type retrying struct {
	client *Client
	next   http.RoundTripper
}

func (t *retrying) RoundTrip(r *http.Request) (*http.Response, error) {
	t.client.budget.earn()
	for attempt := 1; ; attempt++ {
		began := time.Now()
		response, err := t.next.RoundTrip(r)
		if attempt == maxAttempts || !repeatable(r) || !t.worthRepeating(r.Context(), began, response, err) {
			return response, err
		}
		pause, ok := t.pause(r.Context(), attempt, response)
		if !ok || !t.client.budget.spend() {
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
			t.client.budget.refund()
			return nil, r.Context().Err()
		case <-timer.C:
		}
	}
}

// pause before the next attempt: at least as long as the upstream asks for. It reports false if the caller would be gone before an
// answer that comes as fast as usual.
func (t *retrying) pause(ctx context.Context, attempt int, response *http.Response) (time.Duration, bool) {
	pause := retryBackoff << (attempt - 1)
	pause = pause/2 + rand.N(pause/2)
	if response != nil {
		pause = max(pause, retryAfter(response.Header))
	}
	if pause > maxRetryAfter {
		return 0, false
	}
	deadline, ok := ctx.Deadline()
	return pause, !ok || time.Until(deadline) > pause+time.Duration(t.client.usual.Load())
}

// retryAfter reads the header in both of its forms; 0 if there is none that can be read.
func retryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return time.Until(at)
	}
	return 0
}

func repeatable(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return (r.Body == nil || r.Body == http.NoBody) && r.Header.Get("Upgrade") == ""
	}
	return false
}

// worthRepeating says whether time may mend the failure. Whatever this side decided by itself is none, and of an upstream that answered
// nobody since the attempt began another try would only take longer.
func (t *retrying) worthRepeating(ctx context.Context, began time.Time, response *http.Response, err error) bool {
	if err != nil {
		var unavailable *UnavailableError
		var body *RequestBodyError
		switch {
		case ctx.Err() != nil, errors.Is(err, ratelimit.ErrWouldMissDeadline), errors.Is(err, ErrBusy),
			errors.Is(err, ErrHeadTooLarge), errors.As(err, &unavailable), errors.As(err, &body):
			return false
		case errors.Is(err, ErrTimeout):
			return t.client.latest.Load() > began.UnixNano()
		}
		return true
	}
	switch response.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}
