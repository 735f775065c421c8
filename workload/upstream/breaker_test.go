// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package upstream

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestAHungUpstreamHoldsFewCallsAndIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 20
		var waiting, peak, sent atomic.Int64
		c := faked(func(r *http.Request) (*http.Response, error) {
			sent.Add(1)
			peak.Store(max(peak.Load(), waiting.Add(1)))
			defer waiting.Add(-1)
			return hangs(r)
		}, Limits{Timeout: 5 * time.Second, MaxInFlight: most})
		var calls sync.WaitGroup
		var unavailable atomic.Int64
		for range 30 * 60 { // for a minute
			calls.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				var open *UnavailableError
				if _, err := send(ctx, c, http.MethodGet, nil); errors.As(err, &open) {
					unavailable.Add(1)
				} else if !errors.Is(err, ErrBusy) && !errors.Is(err, ErrTimeout) {
					t.Errorf("a call of a hung upstream: %v", err)
				}
			})
			<-time.After(time.Second / 30)
		}
		calls.Wait()
		// It is called until it is full, a few times more until the breaker opens, and then only by a probe at a time.
		if peak.Load() > most || sent.Load() > most+minFailures+10 {
			t.Errorf("%d calls were sent, %d at the same time; want at most %d at the same time and a few probes", sent.Load(), peak.Load(), most)
		}
		if unavailable.Load() < 1400 {
			t.Errorf("%d of 1800 calls failed fast over the breaker", unavailable.Load())
		}
		if stats := c.Stats(); stats.InFlight != 0 || !stats.Open || stats.Busy == 0 {
			t.Errorf("in the end: %+v", stats)
		}
	})
}

func TestTheBreakerClosesWithTheFirstAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		var sent atomic.Int64
		c := faked(func(*http.Request) (*http.Response, error) {
			sent.Add(1)
			if broken.Load() {
				return nil, errors.New("connection refused")
			}
			return reply(http.StatusOK, nil, strings.NewReader("")), nil
		}, Limits{})
		broken.Store(true)
		for range minFailures {
			if _, err := send(t.Context(), c, http.MethodPost, nil); err == nil {
				t.Fatal("a broken upstream answered")
			}
		}
		var open *UnavailableError
		if _, err := send(t.Context(), c, http.MethodPost, nil); !errors.As(err, &open) || open.RetryAfter <= 0 || open.RetryAfter > minOpen {
			t.Fatalf("after %d failures: %v", minFailures, err)
		}
		<-time.After(minOpen) // a probe that fails doubles the pause
		if _, err := send(t.Context(), c, http.MethodPost, nil); err == nil || errors.As(err, &open) {
			t.Fatalf("the probe: %v", err)
		}
		<-time.After(minOpen)
		if _, err := send(t.Context(), c, http.MethodPost, nil); !errors.As(err, &open) {
			t.Fatalf("after a probe that failed: %v", err)
		}
		broken.Store(false)
		<-time.After(minOpen)
		before := sent.Load()
		for range 10 {
			if _, err := send(t.Context(), c, http.MethodPost, nil); err != nil {
				t.Errorf("after the upstream came back: %v", err)
			}
		}
		if sent.Load()-before != 10 || c.Stats().Open {
			t.Errorf("%d calls were sent, %+v", sent.Load()-before, c.Stats())
		}
	})
}

func TestOnlyOneProbeGoesAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hung atomic.Bool
		c := faked(func(r *http.Request) (*http.Response, error) {
			if hung.Load() {
				return hangs(r)
			}
			return nil, errors.New("connection reset")
		}, Limits{})
		for range minFailures {
			_, _ = send(t.Context(), c, http.MethodPost, nil)
		}
		hung.Store(true)
		<-time.After(minOpen)
		ctx, leave := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { _, err := send(ctx, c, http.MethodPost, nil); done <- err }()
		synctest.Wait()
		var open *UnavailableError
		if _, err := send(t.Context(), c, http.MethodPost, nil); !errors.As(err, &open) {
			t.Errorf("beside a probe: %v", err)
		}
		leave() // a probe whose caller left says nothing, and the next one may go
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("the probe: %v", err)
		}
		hung.Store(false)
		if _, err := send(t.Context(), c, http.MethodPost, nil); err == nil || errors.As(err, &open) {
			t.Errorf("after a probe whose caller left: %v", err)
		}
	})
}

// The time that a client takes to send its body is not the upstream's, so no clock ends such a probe.
func TestAProbeWhoseClientSendsSlowlyDoesNotKeepTheBreakerOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var back atomic.Bool
		c := faked(func(r *http.Request) (*http.Response, error) {
			if !back.Load() {
				return nil, errors.New("connection refused")
			}
			if r.Body != nil {
				_, _ = io.Copy(io.Discard, r.Body)
			}
			return reply(http.StatusOK, nil, strings.NewReader("")), nil
		}, Limits{Timeout: time.Second})
		for range minFailures {
			_, _ = send(t.Context(), c, http.MethodPost, nil)
		}
		back.Store(true)
		<-time.After(minOpen)
		done := make(chan error, 1)
		go func() {
			_, err := send(t.Context(), c, http.MethodPost, &slowly{parts: 60, pause: time.Minute})
			done <- err
		}()
		synctest.Wait()
		var open *UnavailableError
		if _, err := send(t.Context(), c, http.MethodPost, nil); !errors.As(err, &open) || open.RetryAfter <= 0 || open.RetryAfter > time.Second {
			t.Errorf("beside a probe: %v", err)
		}
		<-time.After(time.Second)
		if _, err := send(t.Context(), c, http.MethodPost, nil); err != nil || c.Stats().Open {
			t.Errorf("when the probe had its time: %v, %+v", err, c.Stats())
		}
		if err := <-done; err != nil {
			t.Errorf("the slow upload: %v", err)
		}
	})
}

func TestWhatIsNotTheUpstreamsFaultOpensNoBreaker(t *testing.T) {
	cases := map[string]func(t *testing.T, c *Client, how *fake){
		"answers of any status": func(t *testing.T, c *Client, how *fake) {
			*how = func(*http.Request) (*http.Response, error) {
				return reply(http.StatusServiceUnavailable, nil, strings.NewReader("")), nil
			}
			_, _ = send(t.Context(), c, http.MethodPost, nil)
		},
		"callers that leave": func(t *testing.T, c *Client, how *fake) {
			*how = hangs
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(4*time.Second, cancel)
			_, _ = send(ctx, c, http.MethodPost, nil)
		},
		"callers in a hurry": func(t *testing.T, c *Client, how *fake) {
			*how = hangs
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
			defer cancel()
			_, _ = send(ctx, c, http.MethodPost, nil)
		},
		"bodies that break off": func(t *testing.T, c *Client, how *fake) {
			*how = func(r *http.Request) (*http.Response, error) {
				_, err := io.Copy(io.Discard, r.Body)
				return nil, err
			}
			_, err := send(t.Context(), c, http.MethodPost, io.MultiReader(strings.NewReader("x"), broken{}))
			var body *RequestBodyError
			if !errors.As(err, &body) || !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("a body that breaks off: %v", err)
			}
		},
		"bodies that never come": func(t *testing.T, c *Client, how *fake) {
			*how = func(r *http.Request) (*http.Response, error) {
				go func() { _, _ = r.Body.Read(make([]byte, 1)) }()
				return hangs(r)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			_, err := send(ctx, c, http.MethodPost, &slowly{1, 11 * time.Second})
			var body *RequestBodyError
			if !errors.As(err, &body) {
				t.Errorf("a body that does not come: %v", err)
			}
			<-time.After(2 * time.Second)
		},
	}
	for name, try := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var how fake
				c := faked(func(r *http.Request) (*http.Response, error) { return how(r) }, Limits{Timeout: 5 * time.Second})
				for range 2 * minFailures {
					try(t, c, &how)
				}
				if stats := c.Stats(); stats.Open || stats.InFlight != 0 {
					t.Errorf("%+v", stats)
				}
			})
		})
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
