// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package upstream calls other services: each named target has a rate limit and a timeout that change while calls run,
// and retries where they are safe and do not add to an overload.
package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"goservice.dev/operator/workload/ratelimit"
)

const (
	// DefaultTimeout of one attempt, where Limits names none.
	DefaultTimeout = 5 * time.Second
	// maxIdlePerHost is far above the 2 of http.DefaultTransport, with which a busy client opens connections all the time.
	maxIdlePerHost = 64
	idleTimeout    = 60 * time.Second
)

// Limits of the calls to one target; all of them may change at any time.
type Limits struct {
	// Timeout of one attempt, from the connection to the end of the body; 0 means DefaultTimeout.
	Timeout time.Duration
	// RequestsPerSecond, attempts counted; 0 means unlimited.
	RequestsPerSecond float64
	// Burst in requests; at least 1 where RequestsPerSecond is set.
	Burst int
}

// Client calls one target.
type Client struct {
	target    Target
	base      *url.URL
	limiter   *ratelimit.Limiter
	timeout   atomic.Int64
	budget    retryBudget
	transport http.RoundTripper
	idle      *http.Transport
}

// New makes a client. instrument, if not nil, wraps the transport of single attempts, for metrics and traces.
func New(target Target, instrument func(name string, next http.RoundTripper) http.RoundTripper) (*Client, error) {
	base, err := target.parse()
	if err != nil {
		return nil, err
	}
	if base.Path == "" {
		base.Path = "/" // JoinPath would make a relative path of it
	}
	wire := http.DefaultTransport.(*http.Transport).Clone()
	wire.MaxIdleConnsPerHost = maxIdlePerHost
	wire.IdleConnTimeout = idleTimeout
	wire.Proxy = nil // an upstream is a named neighbour
	c := &Client{target: target, base: base, limiter: ratelimit.New(ratelimit.Unlimited, 1), idle: wire}
	c.SetLimits(Limits{})
	var attempt http.RoundTripper = wire
	if instrument != nil {
		attempt = instrument(target.Name, attempt)
	}
	c.transport = &retrying{client: c, next: &limited{client: c, next: ratelimit.Transport(attempt, c.limiter)}}
	return c, nil
}

// Name of the target.
func (c *Client) Name() string { return c.target.Name }

// URL of the target; a copy.
func (c *Client) URL() *url.URL {
	u := *c.base
	return &u
}

// SetLimits puts limits in force. Calls that run keep the timeout that they began with.
func (c *Client) SetLimits(limits Limits) {
	if limits.Timeout <= 0 {
		limits.Timeout = DefaultTimeout
	}
	c.timeout.Store(int64(limits.Timeout))
	if limits.RequestsPerSecond > 0 {
		c.limiter.Set(limits.RequestsPerSecond, max(1, limits.Burst))
	} else {
		c.limiter.Set(ratelimit.Unlimited, 1)
	}
}

// Limits in force; RequestsPerSecond is 0 when unlimited.
func (c *Client) Limits() Limits {
	limits := Limits{Timeout: time.Duration(c.timeout.Load())}
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

var errOutside = errors.New("path: must not contain the segments dot and dot-dot")

// Resolve adds a path, which may carry a query, to the target's URL. Segments that would lead out of it are an error.
func (c *Client) Resolve(path string) (*url.URL, error) {
	relative, err := url.Parse(path)
	if err != nil {
		return nil, fmt.Errorf("path: %w", err)
	}
	for segment := range strings.SplitSeq(relative.Path, "/") {
		if segment == "." || segment == ".." {
			return nil, errOutside
		}
	}
	target := c.base.JoinPath(relative.EscapedPath())
	target.RawQuery = relative.RawQuery
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
func (c *Client) CloseIdle() { c.idle.CloseIdleConnections() }

// limited bounds an attempt's time, the wait for the limiter and the reading of the body included.
type limited struct {
	client *Client
	next   http.RoundTripper
}

func (l *limited) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), time.Duration(l.client.timeout.Load()))
	response, err := l.next.RoundTrip(r.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	if response.StatusCode == http.StatusSwitchingProtocols {
		// The connection now belongs to both ends and lives for as long as they like; it must stay an io.ReadWriter.
		context.AfterFunc(r.Context(), cancel)
		return response, nil
	}
	response.Body = &timedBody{ReadCloser: response.Body, cancel: sync.OnceFunc(cancel)}
	return response, nil
}

type timedBody struct {
	io.ReadCloser
	cancel func()
}

func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.cancel()
	}
	return n, err
}

func (b *timedBody) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}
