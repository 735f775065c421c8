// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package ratelimit

import (
	"fmt"
	"net/http"
)

// Transport sends requests through next (http.DefaultTransport if nil) no faster than the limiter allows. A request waits for
// its turn as long as its context lives; one that cannot be sent before the context's deadline fails at once with
// ErrWouldMissDeadline.
func Transport(next http.RoundTripper, l *Limiter) http.RoundTripper {
	if next == nil {
		next = http.DefaultTransport
	}
	return &transport{next: next, limiter: l}
}

type transport struct {
	next    http.RoundTripper
	limiter *Limiter
}

// RoundTrip waits for the request's turn and sends it.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := t.limiter.Wait(r.Context()); err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // a RoundTripper closes the body in every case
		}
		return nil, fmt.Errorf("rate limit of outbound calls: %w", err)
	}
	return t.next.RoundTrip(r)
}

// CloseIdleConnections lets http.Client.CloseIdleConnections reach the transport underneath.
func (t *transport) CloseIdleConnections() {
	if next, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		next.CloseIdleConnections()
	}
}
