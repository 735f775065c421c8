// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"goservice.dev/operator/workload/pool"
)

// answer is what a test looks at in a response.
type answer struct {
	Status     int
	RetryAfter string
	Reason     string        // that one hook was told
	Waited     time.Duration // that the other was told
}

// slow answers after a second.
var slow = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
	time.Sleep(time.Second)
	w.WriteHeader(http.StatusNoContent)
})

// testServer writes what the hooks are told into the answer that travels in the request's context.
type testServer struct{ http.Handler }

type answerKey struct{}

func newTestServer(p *pool.Pool, next http.Handler, options ...pool.Option) testServer {
	told := func(r *http.Request) *answer { return r.Context().Value(answerKey{}).(*answer) }
	return testServer{pool.Middleware(p, append(options,
		pool.WithOnReject(func(r *http.Request, reason string) { told(r).Reason = reason }),
		pool.WithOnAdmit(func(r *http.Request, wait time.Duration) { told(r).Waited = wait }))...)(next)}
}

// ask sends one request and returns a function that waits for its answer.
func (s testServer) ask(ctx context.Context) func() answer {
	done := make(chan answer, 1)
	go func() {
		var got answer
		ctx := context.WithValue(ctx, answerKey{}, &got)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil).WithContext(ctx))
		got.Status, got.RetryAfter = w.Code, w.Header().Get("Retry-After")
		done <- got
	}()
	synctest.Wait()
	return func() answer { return <-done }
}

func TestMiddleware(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool.New(pool.Config{Workers: 1, QueueDepth: 2, QueueTimeout: 1500 * ms})
		s := newTestServer(p, slow)
		runs, waits, late := s.ask(t.Context()), s.ask(t.Context()), s.ask(t.Context())
		full := s.ask(t.Context())
		for i, step := range []struct {
			got  func() answer
			want answer
		}{
			{full, answer{Status: 503, RetryAfter: "1", Reason: pool.ReasonQueueFull}},
			{runs, answer{Status: 204}},
			{late, answer{Status: 503, RetryAfter: "1", Reason: pool.ReasonQueueTimeout}},
			{waits, answer{Status: 204, Waited: time.Second}},
		} {
			if diff := cmp.Diff(step.want, step.got()); diff != "" {
				t.Errorf("answer %d: %s", i, diff)
			}
		}
	})
}

func TestMiddlewareWhenTheClientLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(pool.New(pool.Config{Workers: 1, QueueDepth: 2}), slow)
		runs := s.ask(t.Context())
		ctx, cancel := context.WithCancel(t.Context())
		leaves := s.ask(ctx)
		cancel()
		if diff := cmp.Diff(answer{Status: 499}, leaves()); diff != "" {
			t.Error(diff)
		}
		ctx, cancel = context.WithTimeout(t.Context(), 10*ms)
		defer cancel()
		if diff := cmp.Diff(answer{Status: 503, RetryAfter: "1", Reason: pool.ReasonQueueTimeout}, s.ask(ctx)()); diff != "" {
			t.Error(diff)
		}
		runs()
	})
}

func TestMiddlewareWhileDraining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool.New(pool.Config{Workers: 1, QueueDepth: 2})
		s := newTestServer(p, slow)
		runs := s.ask(t.Context())
		closed := make(chan error)
		go func() { closed <- p.Close(t.Context()) }()
		synctest.Wait()
		if diff := cmp.Diff(answer{Status: 503, RetryAfter: "1", Reason: pool.ReasonDraining}, s.ask(t.Context())()); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(answer{Status: 204}, runs()); diff != "" {
			t.Error(diff)
		}
		if err := <-closed; err != nil {
			t.Error(err)
		}
	})
}

func TestMiddlewareTellsWhenToComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := busyPool(t, 1, 1500*ms, pool.Config{QueueDepth: 5})
		teapot := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
		s := newTestServer(p, slow, pool.WithReject(teapot))
		for range 5 {
			come(t.Context(), p)
		}
		if diff := cmp.Diff(answer{Status: 418, RetryAfter: "8", Reason: pool.ReasonQueueFull}, s.ask(t.Context())()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestMiddlewareSurvivesPanics(t *testing.T) {
	p := pool.New(pool.Config{Workers: 1})
	h := pool.Middleware(p)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	func() {
		defer func() { _ = recover() }()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
		t.Error("the panic did not pass through")
	}()
	if busy := p.Stats().Busy; busy != 0 {
		t.Errorf("%d workers are still busy", busy)
	}
}

func TestMiddlewareAnswersByItself(t *testing.T) {
	p := pool.New(pool.Config{Workers: 1})
	if err := p.Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	pool.Middleware(p)(slow).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusServiceUnavailable || w.Body.Len() == 0 {
		t.Errorf("status %d, body %q", w.Code, w.Body)
	}
}

func TestReason(t *testing.T) {
	cases := map[string]struct {
		err  error
		want string
	}{
		"full":         {pool.ErrQueueFull, "queue_full"},
		"timeout":      {fmt.Errorf("wrapped: %w", pool.ErrQueueTimeout), "queue_timeout"},
		"own deadline": {context.DeadlineExceeded, "queue_timeout"},
		"shed":         {pool.ErrWouldMissDeadline, "shed"},
		"closed":       {pool.ErrClosed, "draining"},
		"canceled":     {context.Canceled, "canceled"},
		"another":      {errors.New("another"), ""},
		"none":         {nil, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := pool.Reason(c.err); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// Nobody has to be told of those who are admitted or turned away.
func TestMiddlewareWithoutHooks(t *testing.T) {
	p := pool.New(pool.Config{Workers: 1})
	handler := pool.Middleware(p)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	status := func() int {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
		return recorder.Code
	}
	if got := status(); got != http.StatusNoContent {
		t.Errorf("with a free worker: %d", got)
	}
	if err := p.Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer p.Release()
	if got := status(); got != http.StatusServiceUnavailable {
		t.Errorf("with none: %d", got)
	}
}
