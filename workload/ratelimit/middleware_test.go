// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package ratelimit_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"goservice.dev/operator/workload/ratelimit"
)

var served = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })

// answer is what a test looks at in a response.
type answer struct {
	Status                    int
	RetryAfter, Fields, Quota string
}

func ask(h http.Handler, apiKey string) answer {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("X-Api-Key", apiKey)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return answer{w.Code, w.Header().Get("Retry-After"), w.Header().Get("RateLimit"), w.Header().Get("RateLimit-Policy")}
}

func TestMiddleware(t *testing.T) {
	teapot := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	cases := map[string]struct {
		rate    float64
		burst   int
		options []ratelimit.Option
		want    []answer
	}{
		"a wait of less than a second is told as one": {
			rate: 100, burst: 1,
			want: []answer{{Status: 204}, {Status: 429, RetryAfter: "1"}},
		},
		"a wait is rounded up": {
			rate: 0.4, burst: 1,
			want: []answer{{Status: 204}, {Status: 429, RetryAfter: "3"}},
		},
		"nothing is admitted, but perhaps in an hour": {
			rate: 0, burst: 1,
			want: []answer{{Status: 429, RetryAfter: "3600"}},
		},
		"an answer of one's own": {
			rate: 0, burst: 1, options: []ratelimit.Option{ratelimit.WithReject(teapot)},
			want: []answer{{Status: 418, RetryAfter: "3600"}},
		},
		"fields": {
			rate: 2, burst: 3, options: []ratelimit.Option{ratelimit.WithFields("default")},
			want: []answer{
				{Status: 204, Fields: `"default";r=2;t=1`, Quota: `"default";q=4;w=2`},
				{Status: 204, Fields: `"default";r=1;t=1`, Quota: `"default";q=4;w=2`},
				{Status: 204, Fields: `"default";r=0;t=2`, Quota: `"default";q=4;w=2`},
				{Status: 429, Fields: `"default";r=0;t=2`, Quota: `"default";q=4;w=2`, RetryAfter: "1"},
			},
		},
		"fields of a quick bucket": {
			rate: 1000, burst: 10, options: []ratelimit.Option{ratelimit.WithFields("default")},
			want: []answer{{Status: 204, Fields: `"default";r=9;t=1`, Quota: `"default";q=1000;w=1`}},
		},
		"no fields without a limit": {
			rate: ratelimit.Unlimited, burst: 10, options: []ratelimit.Option{ratelimit.WithFields("default")},
			want: []answer{{Status: 204}},
		},
		"fields when nothing is admitted": {
			rate: 0, burst: 10, options: []ratelimit.Option{ratelimit.WithFields("default")},
			want: []answer{{Status: 429, RetryAfter: "3600", Fields: `"default";r=0;t=1`, Quota: `"default";q=10;w=1`}},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := ratelimit.Middleware(ratelimit.New(c.rate, c.burst), c.options...)(served)
				for i, want := range c.want {
					if diff := cmp.Diff(want, ask(h, "")); diff != "" {
						t.Errorf("request %d: %s", i, diff)
					}
				}
			})
		})
	}
}

func TestMiddlewareTellsOfRejects(t *testing.T) {
	var told []time.Duration
	h := ratelimit.Middleware(ratelimit.New(0.1, 1), ratelimit.WithOnReject(func(r *http.Request, after time.Duration) {
		if r == nil {
			t.Error("the hook got no request")
		}
		told = append(told, after)
	}))(served)
	ask(h, "")
	ask(h, "")
	if diff := cmp.Diff([]time.Duration{10 * time.Second}, told); diff != "" {
		t.Error(diff)
	}
}

func TestMiddlewarePerKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keyed := ratelimit.NewKeyed(1, 2, 100)
		h := ratelimit.Middleware(ratelimit.New(10, 3), ratelimit.WithPerKey(keyed, ratelimit.Header("X-Api-Key")))(served)
		for i, step := range []struct {
			key  string
			want int
		}{
			{"a", 204},
			{"a", 204},
			{"a", 429},
			{"a", 429}, // over its own limit, and that takes nothing from the others
			{"b", 204},
			{"c", 429},
			{"c", 429},
			{"c", 429}, // over the common limit, and that takes nothing from its own
		} {
			if got := ask(h, step.key); got.Status != step.want || (got.Status == 429) != (got.RetryAfter == "1") {
				t.Errorf("request %d of %q: %+v, want status %d", i, step.key, got, step.want)
			}
		}
		time.Sleep(200 * ms)
		for range 2 {
			if got := ask(h, "c"); got.Status != 204 {
				t.Errorf("refused requests used up the key's own tokens: %+v", got)
			}
		}
	})
}

// roundTrip is an http.RoundTripper for tests.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// body knows whether it was closed.
type body struct {
	io.Reader
	closed bool
}

func (b *body) Close() error {
	b.closed = true
	return nil
}

func TestTransport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		next := roundTrip(func(*http.Request) (*http.Response, error) {
			sent++
			return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
		})
		limited := ratelimit.Transport(next, ratelimit.New(1, 1))
		send := func(timeout time.Duration) (*body, error) {
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			b := &body{Reader: strings.NewReader("content")}
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://upstream.example/", b)
			if err != nil {
				t.Fatal(err)
			}
			response, err := limited.RoundTrip(r)
			if err == nil {
				_ = response.Body.Close()
			}
			return b, err
		}
		start := time.Now()
		for range 3 {
			if _, err := send(time.Minute); err != nil {
				t.Error(err)
			}
		}
		if got := time.Since(start); got != 2*time.Second || sent != 3 {
			t.Errorf("%d requests in %v, want 3 in 2s", sent, got)
		}
		b, err := send(500 * ms)
		if !errors.Is(err, ratelimit.ErrWouldMissDeadline) || !b.closed || sent != 3 {
			t.Errorf("error %v, body closed %v, %d sent; want %v, true, 3", err, b.closed, sent, ratelimit.ErrWouldMissDeadline)
		}
	})
}

func TestTransportReachesTheServer(t *testing.T) {
	server := httptest.NewServer(served)
	defer server.Close()
	client := http.Client{Transport: ratelimit.Transport(nil, ratelimit.New(1000, 10))}
	response, err := client.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	client.CloseIdleConnections()
	if response.StatusCode != http.StatusNoContent {
		t.Errorf("status %d", response.StatusCode)
	}
}
