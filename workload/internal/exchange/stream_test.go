// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package exchange

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// owner is a server as exchanges see it.
type owner struct {
	leaving      chan struct{}
	bound        time.Duration
	began, ended int
	cutting      bool
	cuts         error // what each stream is cut by when it begins; nil: none is
}

func (o *owner) Leaving() <-chan struct{} { return o.leaving }
func (o *owner) Bound() time.Duration     { return o.bound }
func (o *owner) Cutting() bool            { return o.cutting }
func (o *owner) StreamBegan(e *Exchange) {
	o.began++
	if o.cuts != nil {
		e.Cut(o.cuts)
	}
}
func (o *owner) StreamEnded(*Exchange) { o.ended++ }

func TestAWorkerIsGivenBackOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, _, _ := begin(t, context.Background())
		if _, ok := e.Held(); ok {
			t.Error("a worker was given back that nobody held")
		}
		e.LetGo() // holds none
		released := 0
		e.Hold(func() { released++ })
		time.Sleep(time.Second)
		e.LetGo()
		time.Sleep(time.Second)
		e.LetGo()
		e.Finish()
		if held, ok := e.Held(); released != 1 || !ok || held != time.Second {
			t.Errorf("released %d times, after %s", released, held)
		}
	})
}

func TestWhatIsFlushedAsAStreamHoldsNoWorkerAndHasNoDeadline(t *testing.T) {
	cases := map[string]struct {
		kind   string
		unary  bool
		stream bool
	}{
		"events":             {"text/event-stream", false, true},
		"events in UTF-8":    {"text/event-stream; charset=utf-8", false, true},
		"lines":              {"application/x-ndjson", false, true},
		"gRPC":               {"application/grpc+proto", false, true},
		"one message of it":  {"application/grpc+proto", true, false},
		"JSON in parts":      {"application/json", false, false},
		"nothing that tells": {"", false, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e, r, _ := begin(t, context.Background())
				o := &owner{bound: time.Second}
				e.Own(o)
				e.Unary = c.unary
				e.Limit(time.Second)
				released := false
				e.Hold(func() { released = true })
				done := r.Context().Done() // whoever waits already has none from then on either
				if c.kind != "" {
					e.Header().Set("Content-Type", c.kind)
				}
				if _, err := io.WriteString(e, "first"); err != nil || e.Streaming() {
					t.Fatalf("%v, streaming %t before it is flushed", err, e.Streaming())
				}
				if err := http.NewResponseController(e).Flush(); err != nil {
					t.Fatal(err)
				}
				_, limited := r.Context().Deadline()
				if e.Streaming() != c.stream || released != c.stream || limited == c.stream || (o.began == 1) != c.stream {
					t.Errorf("streaming %t, worker released %t, a deadline %t, told %d", e.Streaming(), released, limited, o.began)
				}
				time.Sleep(time.Minute)
				select {
				case <-done:
					if c.stream {
						t.Errorf("the stream ended: %v", r.Context().Err())
					}
				default:
					if !c.stream {
						t.Error("the request went on beyond its deadline")
					}
				}
				e.Finish()
				e.Finish()
				if (o.ended == 1) != c.stream || o.ended > 1 {
					t.Errorf("the end was told %d times", o.ended)
				}
			})
		})
	}
}

// deepFlush notes how many calls its flushes are below the start of their goroutine.
type deepFlush struct {
	http.ResponseWriter
	depths []int
}

func (d *deepFlush) FlushError() error {
	d.depths = append(d.depths, runtime.Callers(0, make([]uintptr, 100)))
	return nil
}

// net/http needs 3 KiB of stack to write a head. The stack of a stream keeps the size that it once had.
func TestTheHeadOfAStreamIsWrittenOnAStackOfItsOwn(t *testing.T) {
	writer := &deepFlush{ResponseWriter: httptest.NewRecorder()}
	e, _ := Begin(writer, httptest.NewRequest(http.MethodGet, "/", nil))
	defer e.Finish()
	e.Header().Set("Content-Type", "text/event-stream")
	var down func(n int)
	down = func(n int) {
		if n > 0 {
			down(n - 1)
			return
		}
		for range 2 {
			if err := e.FlushError(); err != nil {
				t.Error(err)
			}
		}
	}
	down(30)
	if len(writer.depths) != 2 || writer.depths[0] > 10 || writer.depths[1] < 30 {
		t.Errorf("flushed at depths %v", writer.depths)
	}
}

func TestAStreamEndsWithTheCauseOfItsServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("over")
		for name, waits := range map[string]bool{"a handler that waits": true, "a handler that looks later": false} {
			e, r, _ := begin(t, context.Background())
			e.Own(&owner{})
			var child context.Context
			if waits {
				var cancel context.CancelFunc
				child, cancel = context.WithCancel(r.Context())
				defer cancel()
			}
			e.Stream()
			e.Cut(cause)
			<-r.Context().Done()
			if err := r.Context().Err(); !errors.Is(err, context.Canceled) || !errors.Is(context.Cause(r.Context()), cause) || !e.WasCut() {
				t.Errorf("%s: %v because of %v", name, err, context.Cause(r.Context()))
			}
			if child != nil && (child.Err() == nil || !errors.Is(context.Cause(child), cause)) {
				t.Errorf("%s: its child has %v because of %v", name, child.Err(), context.Cause(child))
			}
		}
	})
}

// takenOver is a response writer whose connection is there to be taken over.
type takenOver struct {
	http.ResponseWriter
	conn net.Conn
}

func (w takenOver) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.conn, nil, nil }

// A drain that cuts the streams at the moment in which a handler takes its connection over closes the connection.
func TestAConnectionThatIsTakenOverWhileStreamsAreCutIsClosed(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	e, _ := Begin(takenOver{httptest.NewRecorder(), near}, r)
	e.Own(&owner{cuts: errors.New("over")})
	connection, _, err := e.Hijack()
	if err != nil {
		t.Fatal(err)
	}
	defer e.Finish()
	if err := connection.SetDeadline(time.Time{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the connection is still open: %v", err)
	}
}

// The timer may run already, because the request has waited for a worker.
func TestADeadlineThatIsBroughtForwardHoldsForThoseWhoWaitAlready(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, r, _ := begin(t, context.Background())
		e.Limit(10 * time.Second)
		done := r.Context().Done()
		e.Limit(time.Second)
		<-done
		if age := e.Age(); age != time.Second || !errors.Is(r.Context().Err(), context.DeadlineExceeded) {
			t.Errorf("ended after %s with %v", age, r.Context().Err())
		}
		e.Finish()
	})
}

func TestResponsesThatAreCutShortAreTold(t *testing.T) {
	cases := map[string]struct {
		method string
		write  func(http.ResponseWriter)
		want   bool
	}{
		"shorter than declared": {http.MethodGet, func(w http.ResponseWriter) { w.Header().Set("Content-Length", "10"); _, _ = io.WriteString(w, "four") }, true},
		"as declared":           {http.MethodGet, func(w http.ResponseWriter) { w.Header().Set("Content-Length", "4"); _, _ = io.WriteString(w, "four") }, false},
		"nothing declared":      {http.MethodGet, func(w http.ResponseWriter) { _, _ = io.WriteString(w, "four") }, false},
		"HEAD":                  {http.MethodHead, func(w http.ResponseWriter) { w.Header().Set("Content-Length", "10"); w.WriteHeader(200) }, false},
		"not modified":          {http.MethodGet, func(w http.ResponseWriter) { w.Header().Set("Content-Length", "10"); w.WriteHeader(304) }, false},
		"nothing written":       {http.MethodGet, func(w http.ResponseWriter) { w.Header().Set("Content-Length", "x") }, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			e, _ := Begin(httptest.NewRecorder(), httptest.NewRequest(c.method, "/", nil))
			c.write(e)
			if e.Truncated() != c.want {
				t.Errorf("truncated: %t", e.Truncated())
			}
		})
	}
}
