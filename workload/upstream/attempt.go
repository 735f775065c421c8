// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"

	"goservice.dev/operator/workload/ratelimit"
)

// ErrTimeout is returned, wrapped, for an attempt in which the upstream made no progress for as long as its timeout. It is a
// context.DeadlineExceeded.
var ErrTimeout = fmt.Errorf("upstream: no progress within its timeout: %w", context.DeadlineExceeded)

// ErrHeadTooLarge is returned for a call whose header fields are more than an upstream of HTTP/2 says that it takes. It is no fault of
// the upstream.
var ErrHeadTooLarge = errors.New("upstream: the request's header fields are larger than it accepts")

// headTooLarge is how the standard library's error ends, which has no name outside of it.
const headTooLarge = "request header list larger than peer's advertised limit"

// RequestBodyError is returned for a call that failed because the request's own body could not be read, or did not come in time. It
// is no fault of the upstream.
type RequestBodyError struct{ Err error }

func (e *RequestBodyError) Error() string { return "upstream: the request's body: " + e.Err.Error() }

func (e *RequestBodyError) Unwrap() error { return e.Err }

// guarded lets an attempt through the breaker, the bound on calls in flight and the rate limit, and watches over its time.
type guarded struct {
	client *Client
	next   http.RoundTripper
}

func (g *guarded) RoundTrip(r *http.Request) (*http.Response, error) {
	c := g.client
	p, err := c.enter(r.Context())
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, err
	}
	ctx, cancel := context.WithCancel(r.Context())
	a := &attempt{client: c, pass: p, cancel: cancel, timeout: time.Duration(c.timeout.Load()), began: time.Now(), counted: true}
	sent := r.WithContext(ctx)
	if r.Body != nil && r.Body != http.NoBody {
		sent.Body = &requestBody{ReadCloser: r.Body, attempt: a}
	}
	a.wait(roundTrip, true)
	response, err := g.next.RoundTrip(sent)
	if err != nil {
		err = a.fail(r.Context(), err)
		a.end()
		return nil, err
	}
	c.breaker.done(p, answered)
	c.learn(a.began, sent.Body == nil || sent.Body == http.NoBody)
	a.answer(response)
	return response, nil
}

// enter waits until the attempt may be sent.
func (c *Client) enter(ctx context.Context) (pass, error) {
	p, err := c.breaker.admit(time.Duration(c.timeout.Load()))
	if err != nil {
		return p, err
	}
	if err := c.gate.enter(ctx); err != nil {
		c.breaker.done(p, unknown)
		if errors.Is(err, ErrBusy) {
			c.refuse(&c.busy, err)
		}
		return p, err
	}
	if rate, _ := c.limiter.Limit(); rate == ratelimit.Unlimited {
		return p, nil
	}
	waiting, cancel := context.WithTimeout(ctx, time.Duration(c.timeout.Load()))
	defer cancel()
	if err := c.limiter.Wait(waiting); err != nil {
		c.breaker.done(p, unknown)
		c.gate.leave(true) // the limit holds it up, not the upstream
		if errors.Is(err, ratelimit.ErrWouldMissDeadline) {
			c.refuse(&c.limited, err)
		}
		return p, err
	}
	return p, nil
}

// What an attempt can wait for, as bits.
const (
	roundTrip  = 1 << iota
	nextPart   // of the response's body
	upload     // of the request's body: the time of whoever sends it, whatever else is waited for
	everything = roundTrip | nextPart | upload
)

// attempt is one call on its way. Its clock runs, and it is in flight, only while it is the upstream that is waited for.
type attempt struct {
	client  *Client
	pass    pass
	cancel  context.CancelFunc
	timeout time.Duration
	began   time.Time

	mu       sync.Mutex
	waits    int
	counted  bool // by the gate
	free     bool // a stream, or over: it is not watched anymore
	timer    *time.Timer
	until    time.Time // when the timer means it
	timedOut bool
	broken   bool // it ended without what it waited for
	bodyErr  error
}

// wait begins or ends to wait for what.
func (a *attempt) wait(what int, begins bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if begins {
		a.waits |= what
	} else {
		a.waits &^= what
	}
	a.watch()
}

// watch runs the clock, from its start, if it is the upstream's turn. The lock is held.
func (a *attempt) watch() {
	turn := !a.free && a.waits != 0 && a.waits&upload == 0
	switch running := !a.until.IsZero(); {
	case turn && !running:
		a.until = time.Now().Add(a.timeout)
		if a.timer == nil {
			a.timer = time.AfterFunc(a.timeout, a.expire)
		} else {
			a.timer.Reset(a.timeout)
		}
		if !a.counted {
			a.client.gate.again()
			a.counted = true
		}
	case !turn && running:
		a.until = time.Time{}
		a.timer.Stop()
		fallthrough
	case !turn:
		if a.counted {
			a.client.gate.leave(!a.broken)
			a.counted = false
		}
	}
}

func (a *attempt) expire() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.until.IsZero() || time.Now().Before(a.until) { // stopped or begun anew at the same moment
		return
	}
	a.timedOut = true
	a.cancel()
}

// fail says what an attempt failed over, and tells the breaker.
func (a *attempt) fail(ctx context.Context, err error) error {
	a.mu.Lock()
	a.broken = true
	timedOut, bodyErr, uploading := a.timedOut, a.bodyErr, a.waits&upload != 0
	a.mu.Unlock()
	how := failed
	switch {
	case timedOut:
		err = fmt.Errorf("%w (%s)", ErrTimeout, a.timeout)
	case strings.HasSuffix(err.Error(), headTooLarge):
		how, err = unknown, ErrHeadTooLarge
	case bodyErr != nil:
		how, err = unknown, &RequestBodyError{bodyErr}
	case errors.Is(ctx.Err(), context.DeadlineExceeded) && uploading:
		how, err = unknown, &RequestBodyError{ctx.Err()}
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		if time.Since(a.began) < a.client.patience(a.timeout) {
			how = unknown
		}
	case ctx.Err() != nil:
		how = unknown
	}
	a.client.breaker.done(a.pass, how)
	return err
}

// end is the end of the attempt, however it came.
func (a *attempt) end() {
	a.unwatch()
	a.cancel()
}

// unwatch stops watching.
func (a *attempt) unwatch() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.free = true
	a.waits &^= everything
	a.watch()
}

// answer goes on with the response's body: the client reads it at its own pace, and each part may take as long as the timeout.
func (a *attempt) answer(response *http.Response) {
	if both, ok := response.Body.(io.ReadWriteCloser); ok && response.StatusCode == http.StatusSwitchingProtocols {
		a.unwatch() // the connection belongs to both ends, for as long as they like
		response.Body = &tunnel{both, a.cancel}
		return
	}
	if isStream(response.Header) {
		a.unwatch() // silence says nothing: events come when there are some
	} else {
		a.wait(roundTrip, false)
	}
	response.Body = &responseBody{body: response.Body, attempt: a}
}

// isStream reports whether the parts of a response come when something happens.
func isStream(header http.Header) bool {
	kind, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		return false
	}
	return kind == "text/event-stream" || kind == "application/x-ndjson" || strings.HasPrefix(kind, "application/grpc")
}

// tunnel is the connection after a change of protocols.
type tunnel struct {
	io.ReadWriteCloser
	cancel func()
}

func (t *tunnel) Close() error {
	defer t.cancel()
	return t.ReadWriteCloser.Close()
}

type responseBody struct {
	body    io.ReadCloser
	attempt *attempt
}

func (b *responseBody) Read(p []byte) (int, error) {
	b.attempt.wait(nextPart, true)
	n, err := b.body.Read(p)
	if err == nil {
		b.attempt.wait(nextPart, false)
		return n, nil
	}
	b.attempt.mu.Lock()
	b.attempt.broken = !errors.Is(err, io.EOF)
	if b.attempt.timedOut {
		err = fmt.Errorf("%w (%s)", ErrTimeout, b.attempt.timeout)
	}
	b.attempt.mu.Unlock()
	if errors.Is(err, ErrTimeout) {
		b.attempt.client.breaker.done(b.attempt.pass, failed)
	}
	b.attempt.end()
	return n, err
}

func (b *responseBody) Close() error {
	defer b.attempt.end()
	return b.body.Close()
}

// requestBody stops the attempt's clock while it waits for whoever sends the body.
type requestBody struct {
	io.ReadCloser
	attempt *attempt
}

func (b *requestBody) Read(p []byte) (int, error) {
	b.attempt.wait(upload, true)
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.attempt.mu.Lock()
		b.attempt.bodyErr = err
		b.attempt.mu.Unlock()
	}
	b.attempt.wait(upload, false)
	return n, err
}
