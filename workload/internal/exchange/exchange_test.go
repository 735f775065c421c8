// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package exchange

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"goservice.dev/operator/workload/problem"
)

func begin(t *testing.T, ctx context.Context) (*Exchange, *http.Request, *httptest.ResponseRecorder) {
	t.Helper()
	recorder := httptest.NewRecorder()
	e, r := Begin(recorder, httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil))
	return e, r, recorder
}

func TestBeginFindsTheExchange(t *testing.T) {
	e, r, _ := begin(t, context.Background())
	if again, same := Begin(e, r); again != e || same != r {
		t.Error("a second middleware began another exchange")
	}
	if got := From(r.Context()); got != e {
		t.Error("From does not find the exchange in its own context")
	}
	child, cancel := context.WithCancel(r.Context())
	defer cancel()
	if got := From(child); got != e {
		t.Error("From does not find the exchange in a child context")
	}
	if From(context.Background()) != nil {
		t.Error("From finds an exchange where there is none")
	}
}

func TestDeadlineWithoutWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, r, _ := begin(t, context.Background())
		e.LimitTo(time.Now().Add(time.Second))
		e.LimitTo(time.Now().Add(time.Minute)) // never later
		if deadline, ok := r.Context().Deadline(); !ok || time.Until(deadline) != time.Second {
			t.Errorf("deadline in %s, want 1s", time.Until(deadline))
		}
		if err := r.Context().Err(); err != nil {
			t.Errorf("before the deadline: %v", err)
		}
		time.Sleep(time.Second)
		if err := r.Context().Err(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("at the deadline: %v", err)
		}
		if err := context.Cause(r.Context()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("cause at the deadline: %v", err)
		}
		select {
		case <-r.Context().Done():
		default:
			t.Error("Done is open although Err is set")
		}
	})
}

func TestDeadlineWakesWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, r, _ := begin(t, context.Background())
		e.LimitTo(time.Now().Add(time.Second))
		child, cancel := context.WithTimeout(r.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		<-child.Done()
		if waited := time.Since(start); waited != time.Second || !errors.Is(child.Err(), context.DeadlineExceeded) {
			t.Errorf("woken after %s with %v, want 1s and the deadline", waited, child.Err())
		}
	})
}

func TestFinishEndsTheContextOfLateHolders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, r, _ := begin(t, context.Background())
		e.LimitTo(time.Now().Add(time.Hour))
		done := r.Context().Done()
		e.Finish()
		<-done
		if err := r.Context().Err(); !errors.Is(err, context.Canceled) {
			t.Errorf("after the end: %v", err)
		}
	})
}

func TestClientLeaves(t *testing.T) {
	ctx, leave := context.WithCancel(context.Background())
	e, r, _ := begin(t, ctx)
	e.LimitTo(time.Now().Add(time.Hour))
	leave()
	if err := r.Context().Err(); !errors.Is(err, context.Canceled) {
		t.Errorf("Err: %v", err)
	}
	<-r.Context().Done()
}

func TestContextWithoutADeadlineIsItsParents(t *testing.T) {
	type key struct{}
	parent, cancel := context.WithCancel(context.WithValue(context.Background(), key{}, "value"))
	defer cancel()
	_, r, _ := begin(t, parent)
	if _, ok := r.Context().Deadline(); ok {
		t.Error("there is a deadline")
	}
	if r.Context().Done() != parent.Done() {
		t.Error("Done is not the parent's")
	}
	if got := r.Context().Value(key{}); got != "value" {
		t.Errorf("value %v", got)
	}
}

func TestStatusAndSize(t *testing.T) {
	cases := map[string]struct {
		write   func(http.ResponseWriter)
		status  int
		written int64
		started bool
	}{
		"nothing": {func(http.ResponseWriter) {}, 200, 0, false},
		"status":  {func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) }, 404, 0, true},
		"first wins": {func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusNotFound)
			w.WriteHeader(http.StatusInternalServerError)
		}, 404, 0, true},
		"informative": {func(w http.ResponseWriter) { w.WriteHeader(http.StatusEarlyHints); w.WriteHeader(http.StatusCreated) }, 201, 0, true},
		"write":       {func(w http.ResponseWriter) { _, _ = w.Write([]byte("four")) }, 200, 4, true},
		"string":      {func(w http.ResponseWriter) { _, _ = io.WriteString(w, "four") }, 200, 4, true},
		"copy":        {func(w http.ResponseWriter) { _, _ = io.Copy(w, strings.NewReader("four")) }, 200, 4, true},
		"flush":       {func(w http.ResponseWriter) { w.(http.Flusher).Flush() }, 200, 0, true},
		"controller":  {func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }, 200, 0, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			e, _, recorder := begin(t, context.Background())
			c.write(e)
			if e.Status() != c.status || e.Written() != c.written || e.Started() != c.started {
				t.Errorf("status %d, %d bytes, started %t; want %d, %d, %t", e.Status(), e.Written(), e.Started(), c.status, c.written, c.started)
			}
			if int64(recorder.Body.Len()) != c.written {
				t.Errorf("%d bytes arrived, want %d", recorder.Body.Len(), c.written)
			}
		})
	}
}

func TestUnwrapReachesTheConnection(t *testing.T) {
	e, _, recorder := begin(t, context.Background())
	if e.Unwrap() != http.ResponseWriter(recorder) {
		t.Error("Unwrap is not the writer")
	}
}

type brokenBody struct{ err error }

func (b brokenBody) Read([]byte) (int, error) { return 0, b.err }
func (b brokenBody) Close() error             { return nil }

// A server that closes the connections at the end of its stop breaks uploads off: that is not their clients' doing.
func TestABodyThatTheServerCutsIsNotItsClientsFailure(t *testing.T) {
	for cutting, want := range map[bool]int{false: problem.StatusClientLeft, true: 0} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", brokenBody{net.ErrClosed})
		ctx, cancel := context.WithCancel(t.Context())
		e, r := Begin(httptest.NewRecorder(), r.WithContext(ctx))
		e.Own(&owner{cutting: cutting})
		cancel()
		_, err := r.Body.Read(make([]byte, 1))
		_, own := errors.AsType[*problem.Error](err)
		if got := e.BodyStatus(); got != want || own != cutting || !errors.Is(err, net.ErrClosed) {
			t.Errorf("cutting %t: the body counts as %d, want %d; %v", cutting, got, want, err)
		}
		e.Finish()
	}
}

// What clients break off says nothing about who served them, but those that leave because nobody answers say something.
func TestWhatClientsBreakOff(t *testing.T) {
	const patience = time.Second
	spoiled := func(e *Exchange) { _, _ = e.request.Body.Read(make([]byte, 1)) }
	for name, c := range map[string]struct {
		end  func(e *Exchange, leave func())
		want bool
	}{
		"nothing":                 {func(*Exchange, func()) {}, false},
		"left":                    {func(_ *Exchange, leave func()) { leave() }, true},
		"left, after a long time": {func(_ *Exchange, leave func()) { time.Sleep(2 * patience); leave() }, false},
		"a body that ends early":  {func(e *Exchange, _ func()) { time.Sleep(2 * patience); spoiled(e) }, true},
		"slow to take a response": {func(e *Exchange, _ func()) { time.Sleep(2 * patience); e.writeErr = os.ErrDeadlineExceeded }, true},
		"a broken connection":     {func(e *Exchange, _ func()) { e.writeErr = net.ErrClosed }, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, leave := context.WithCancel(t.Context())
				defer leave()
				r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", brokenBody{io.ErrUnexpectedEOF})
				e, _ := Begin(httptest.NewRecorder(), r)
				c.end(e, leave)
				if got := e.ByClient(patience); got != c.want {
					t.Errorf("by the client: %t", got)
				}
				e.Finish()
			})
		})
	}
}

// The exchange where the client is lifts them itself, and watches the client only as long as no handler has set its own.
func TestAVisitLeavesTheDeadlinesOfTheOtherServerAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, r := paced(2 * liftAfter)
		e.Visit(&owner{})
		if _, err := r.Body.Read(make([]byte, 1<<10)); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Write(make([]byte, 2*bufferedBytes)); err != nil {
			t.Fatal(err)
		}
		if got := e.writer.(*pace).calls.Load(); got != 0 {
			t.Errorf("%d deadlines were set", got)
		}
		e.Finish()
	})
}

// Each request allocates one. Go has sizes of 448 and 480 bytes, and nothing in between.
func TestAnExchangeFitsInto448Bytes(t *testing.T) {
	if size := unsafe.Sizeof(Exchange{}); size > 448 {
		t.Errorf("%d bytes", size)
	}
}
