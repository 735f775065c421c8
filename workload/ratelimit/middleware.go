// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package ratelimit

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

const (
	// minRetryAfter is one second because the header field has no finer unit and zero invites a retry at once.
	minRetryAfter = time.Second
	// maxRetryAfter bounds what a client is told while the limit is zero or tiny: it may be raised at any time.
	maxRetryAfter = time.Hour
)

// Option changes what Middleware does.
type Option func(*middleware)

// WithOnReject calls hook for every refused request before it is answered. retryAfter is what the client is told.
func WithOnReject(hook func(r *http.Request, retryAfter time.Duration)) Option {
	return func(m *middleware) { m.onReject = hook }
}

// WithReject answers refused requests by handler instead of with status 429 and a line of text. The Retry-After field is set
// already.
func WithReject(handler http.Handler) Option {
	return func(m *middleware) { m.reject = handler }
}

// WithPerKey also limits each key by itself, before the common limit: a client over its own limit takes nothing from others.
func WithPerKey(limits *Keyed, key KeyFunc) Option {
	return func(m *middleware) { m.keyed, m.key = limits, key }
}

// WithFields adds the RateLimit and RateLimit-Policy fields (draft-ietf-httpapi-ratelimit-headers-10) with the state of the
// common limit to every response. name is the policy's name; it may hold letters, digits, '-' and '_'.
func WithFields(name string) Option {
	return func(m *middleware) { m.policy = name }
}

type middleware struct {
	limiter  *Limiter
	keyed    *Keyed
	key      KeyFunc
	policy   string
	onReject func(*http.Request, time.Duration)
	reject   http.Handler
}

// Middleware admits requests by the limiter and answers the others with 429 and a Retry-After of whole seconds, at least 1.
func Middleware(l *Limiter, options ...Option) func(http.Handler) http.Handler {
	m := &middleware{limiter: l, reject: http.HandlerFunc(tooManyRequests)}
	for _, option := range options {
		option(m)
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			retryAfter, ok := m.admit(r)
			if m.policy != "" {
				m.writeFields(w.Header())
			}
			if ok {
				next.ServeHTTP(w, r)
				return
			}
			retryAfter = wholeSeconds(retryAfter)
			w.Header().Set("Retry-After", strconv.Itoa(int(retryAfter/time.Second)))
			if m.onReject != nil {
				m.onReject(r, retryAfter)
			}
			m.reject.ServeHTTP(w, r)
		})
	}
}

func (m *middleware) admit(r *http.Request) (retryAfter time.Duration, ok bool) {
	if m.keyed == nil {
		if m.limiter.Allow() {
			return 0, true
		}
		return m.limiter.RetryAfter(), false
	}
	key := m.key(r)
	if ok, retryAfter := m.keyed.take(key); !ok {
		return retryAfter, false
	}
	if m.limiter.Allow() {
		return 0, true
	}
	m.keyed.GiveBack(key)
	return m.limiter.RetryAfter(), false
}

// writeFields describes the bucket as a quota per window: the draft knows no buckets. The window is the shortest of whole
// seconds in which a full bucket can be spent and come back.
func (m *middleware) writeFields(header http.Header) {
	rate, burst := m.limiter.Limit()
	if math.IsInf(rate, 1) {
		return
	}
	window, reset := 1.0, 1.0
	remaining := max(math.Floor(m.limiter.Tokens()), 0)
	if rate > 0 {
		window = max(math.Ceil(float64(burst)/rate), 1)
		reset = math.Ceil((float64(burst) - remaining) / rate)
	}
	quota := max(math.Round(rate*window), float64(burst))
	header.Set("RateLimit-Policy", strconv.Quote(m.policy)+";q="+integer(quota)+";w="+integer(window))
	header.Set("RateLimit", strconv.Quote(m.policy)+";r="+integer(remaining)+";t="+integer(reset))
}

func integer(v float64) string {
	const maxStructuredInteger = 999_999_999_999_999 // RFC 9651, section 3.3.1
	return strconv.FormatInt(int64(min(v, maxStructuredInteger)), 10)
}

func wholeSeconds(d time.Duration) time.Duration {
	d = min(max(d, minRetryAfter), maxRetryAfter)
	return (d + time.Second - 1).Truncate(time.Second)
}

func tooManyRequests(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "too many requests: the rate limit is reached", http.StatusTooManyRequests)
}
