// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package upstream calls other services. Each target has connections of its own, a rate limit, a timeout and a bound on calls in
// flight that change while calls run, a breaker that fails fast while it does not answer, and retries where they are safe and do not
// add to an overload.
package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"goservice.dev/operator/workload/ratelimit"
)

const (
	// DefaultTimeout of one attempt, where Limits names none.
	DefaultTimeout = 5 * time.Second
	// DefaultMaxInFlight calls, where Limits names no bound.
	DefaultMaxInFlight = 1024
)

// Limits of the calls to one target; all of them may change at any time.
type Limits struct {
	// Timeout is the longest time for which an attempt may make no progress while the upstream is waited for: from the connection
	// to the response's head, and then for each part of its body. The time that the caller takes to send or to read does not count,
	// and streams may be silent for as long as they like. 0 means DefaultTimeout.
	Timeout time.Duration
	// RequestsPerSecond, attempts counted; 0 means unlimited. Calls wait for their turn as long as Timeout at most.
	RequestsPerSecond float64
	// Burst in requests; at least 1 where RequestsPerSecond is set.
	Burst int
	// MaxInFlight is how many calls may wait for the upstream at the same time; 0 means DefaultMaxInFlight. One more fails with
	// ErrBusy, at once if the upstream is stuck, and else if no other has finished within 100 ms.
	MaxInFlight int
}

// Client calls one target.
type Client struct {
	target  Target
	base    *url.URL
	limiter *ratelimit.Limiter
	gate    gate
	breaker breaker
	busy    refusals
	limited refusals
	refused func(error)
	budget  retryBudget
	timeout atomic.Int64
	usual   atomic.Int64 // latency of answers in nanoseconds, a moving mean; 0 before the first
	latest  atomic.Int64 // answer, as Unix time in nanoseconds

	transport http.RoundTripper
	wires     *wires
}

// Option changes what New does.
type Option func(*options)

type options struct {
	instrument func(name string, next http.RoundTripper) http.RoundTripper
	report     func(error)
	changed    func(available bool)
	refused    func(error)
}

// WithReport is told when a target's files have changed and cannot be used, once for the same files; the last good ones stay.
func WithReport(report func(error)) Option { return func(o *options) { o.report = report } }

// WithAvailability is told when the breaker opens, after which calls fail at once, and when the target answers again.
func WithAvailability(changed func(available bool)) Option {
	return func(o *options) { o.changed = changed }
}

// WithRefusals is told when calls are not sent because as many as may be wait for the target (ErrBusy), or because their turn by its rate
// limit would come too late (ratelimit.ErrWouldMissDeadline). Each of the two is told once a minute at most; Stats counts all.
func WithRefusals(refused func(error)) Option { return func(o *options) { o.refused = refused } }

// New makes a client. instrument, if not nil, wraps the transport of single attempts, for metrics and traces. A target that cannot be
// used, or whose files cannot be, is an error.
func New(target Target, instrument func(name string, next http.RoundTripper) http.RoundTripper, given ...Option) (*Client, error) {
	o := options{instrument: instrument, report: func(error) {}}
	for _, option := range given {
		option(&o)
	}
	if err := target.check(); err != nil {
		return nil, err
	}
	base, err := target.parse()
	if err != nil {
		return nil, err
	}
	wires, err := newWires(target, base.Scheme, o.report)
	if err != nil {
		return nil, err
	}
	c := newClient(target, base, wires, o)
	c.wires = wires
	return c, nil
}

func newClient(target Target, base *url.URL, attempt http.RoundTripper, o options) *Client {
	if base.Path == "" {
		base.Path = "/"
	}
	if base.Scheme == schemeH2C {
		base.Scheme = "http"
	}
	c := &Client{target: target, base: base, limiter: ratelimit.New(ratelimit.Unlimited, 1), refused: o.refused}
	if o.changed != nil {
		c.breaker.changed = func(open bool) { o.changed(!open) }
	}
	c.SetLimits(Limits{})
	if o.instrument != nil {
		attempt = o.instrument(target.Name, attempt)
	}
	c.transport = &retrying{client: c, next: &guarded{client: c, next: attempt}}
	return c
}

// Name of the target.
func (c *Client) Name() string { return c.target.Name }

// URL of the target; a copy. Its scheme is http or https.
func (c *Client) URL() *url.URL {
	u := *c.base
	return &u
}

// SetLimits puts limits in force. Calls that run keep the timeout that they began with.
func (c *Client) SetLimits(limits Limits) {
	if limits.Timeout <= 0 {
		limits.Timeout = DefaultTimeout
	}
	if limits.MaxInFlight <= 0 {
		limits.MaxInFlight = DefaultMaxInFlight
	}
	c.timeout.Store(int64(limits.Timeout))
	c.gate.set(limits.MaxInFlight)
	if limits.RequestsPerSecond > 0 {
		c.limiter.Set(limits.RequestsPerSecond, max(1, limits.Burst))
	} else {
		c.limiter.Set(ratelimit.Unlimited, 1)
	}
}

// Limits in force; RequestsPerSecond is 0 when unlimited.
func (c *Client) Limits() Limits {
	_, maxInFlight := c.gate.stats()
	limits := Limits{Timeout: time.Duration(c.timeout.Load()), MaxInFlight: maxInFlight}
	if rate, burst := c.limiter.Limit(); rate != ratelimit.Unlimited {
		limits.RequestsPerSecond, limits.Burst = rate, burst
	}
	return limits
}

// Transport sends requests whose URL names the target's host already, within the limits.
func (c *Client) Transport() http.RoundTripper { return c.transport }

// HTTP is a standard client within the limits. It follows no redirect: an upstream must not send the service elsewhere.
func (c *Client) HTTP() *http.Client {
	return &http.Client{
		Transport:     c.transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Stats of a client.
type Stats struct {
	// InFlight is how many calls wait for the upstream now.
	InFlight int
	// Busy counts the calls that failed with ErrBusy, RateLimited those whose turn would have come too late, and Unavailable those
	// with an *UnavailableError.
	Busy, RateLimited, Unavailable int64
	// Open says that the breaker is open: the upstream did not answer when it was called last.
	Open bool
}

// Stats of the client since it was made.
func (c *Client) Stats() (s Stats) {
	s.InFlight, _ = c.gate.stats()
	s.Busy, s.RateLimited = c.busy.total(), c.limited.total()
	s.Open, s.Unavailable = c.breaker.stats()
	return s
}

// learn notes an answer.
func (c *Client) learn(began time.Time, alone bool) {
	now := time.Now()
	c.latest.Store(now.UnixNano())
	if !alone { // the time to send the body is not the upstream's
		return
	}
	took := max(int64(now.Sub(began)), 1)
	if usual := c.usual.Load(); usual != 0 {
		took = usual + (took-usual)/8
	}
	c.usual.Store(max(took, 1)) // that of two at once, one is lost, is no matter
}

// patience is how long an upstream must have been waited for before the end of the caller's own deadline counts as its failure: a
// caller in a hurry says nothing about it.
func (c *Client) patience(timeout time.Duration) time.Duration {
	return min(timeout, max(time.Second, 8*time.Duration(c.usual.Load())))
}

var errOutside = errors.New("path: must not contain the segments dot and dot-dot")

// Resolve adds a path, which may carry a query, to the target's URL. Segments that would lead out of it are an error.
func (c *Client) Resolve(path string) (*url.URL, error) {
	relative, err := url.Parse(path)
	if err != nil {
		return nil, fmt.Errorf("path: %w", err)
	}
	if leads(relative.Path) {
		return nil, errOutside
	}
	target, err := c.join(relative.EscapedPath())
	if err != nil {
		return nil, err
	}
	target.RawQuery, target.ForceQuery = oneWord(relative.RawQuery), relative.ForceQuery
	return target, nil
}

// ResolveRaw is Resolve for a path and a query as they stand in a request line: they are sent as they are, byte for byte, but for blanks,
// which HTTP/2 allows and HTTP/1.1 does not. The URL is for Transport only.
func (c *Client) ResolveRaw(path, query string) (*url.URL, error) {
	decoded, err := url.PathUnescape(path)
	if err != nil {
		return nil, fmt.Errorf("path: %w", err)
	}
	if leads(decoded) {
		return nil, errOutside
	}
	target, err := c.join(path)
	if err != nil {
		return nil, err
	}
	target.RawQuery = oneWord(query)
	if full := target.RawPath; target.EscapedPath() != full && c.target.Proxy == "" && printable(full) && !strings.HasPrefix(full, "//") {
		target.Opaque = full // the standard library would escape more of it
	}
	return target, nil
}

// oneWord keeps the query from ending the request line: what follows a blank would stand for the version of HTTP.
func oneWord(query string) string { return strings.ReplaceAll(query, " ", "%20") }

// printable is what may stand in a request line without ending the path.
func printable(path string) bool {
	return !strings.ContainsFunc(path, func(c rune) bool { return c <= ' ' || c == 0x7f || c == '#' || c == '?' || c == '\\' })
}

// leads reports whether a decoded path has a segment that leads to another directory for anybody: with parameters behind it, as
// servlets read it, or between backslashes, as Windows does.
func leads(path string) bool {
	for segment := range strings.FieldsFuncSeq(path, func(c rune) bool { return c == '/' || c == '\\' }) {
		segment, _, _ = strings.Cut(segment, ";")
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// join adds an encoded path to the target's, and leaves both as they are.
func (c *Client) join(path string) (*url.URL, error) {
	target := c.URL()
	full := target.EscapedPath()
	if path != "" {
		full = strings.TrimSuffix(full, "/") + "/" + strings.TrimPrefix(path, "/")
	}
	decoded, err := url.PathUnescape(full)
	if err != nil {
		return nil, fmt.Errorf("path: %w", err)
	}
	target.Path, target.RawPath = decoded, full
	return target, nil
}

// Get asks the target for a path as Resolve takes it. The caller closes the response's body.
func (c *Client) Get(ctx context.Context, path string) (*http.Response, error) {
	target, err := c.Resolve(path)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, err
	}
	return c.HTTP().Do(request)
}

// CloseIdle closes the connections that no call uses.
func (c *Client) CloseIdle() { c.wires.closeIdle() }
