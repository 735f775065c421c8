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
	"os"
	"runtime"
	"strings"
	"sync/atomic"
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

// pace sends or takes a piece at a time.
type pace struct {
	*httptest.ResponseRecorder
	every    time.Duration
	deadline chan struct{} // closed when a deadline in the past is set
	calls    atomic.Int64  // that set a deadline
}

func (p *pace) Write(data []byte) (int, error) {
	select {
	case <-time.After(p.every):
		return p.ResponseRecorder.Write(data)
	case <-p.deadline:
		return 0, os.ErrDeadlineExceeded
	}
}

func (p *pace) WriteString(data string) (int, error) { return p.Write([]byte(data)) }

func (p *pace) Read(data []byte) (int, error) {
	select {
	case <-time.After(p.every):
		return min(len(data), 1<<10), nil
	case <-p.deadline:
		return 0, os.ErrDeadlineExceeded
	}
}

func (p *pace) Close() error { return nil }

func (p *pace) SetWriteDeadline(deadline time.Time) error { return p.set(deadline) }
func (p *pace) SetReadDeadline(deadline time.Time) error  { return p.set(deadline) }

func (p *pace) set(deadline time.Time) error {
	p.calls.Add(1)
	if !deadline.IsZero() && deadline.Before(time.Now()) {
		select {
		case <-p.deadline:
		default:
			close(p.deadline)
		}
	}
	return nil
}

func paced(every time.Duration) (*Exchange, *http.Request) {
	p := &pace{ResponseRecorder: httptest.NewRecorder(), every: every, deadline: make(chan struct{})}
	request := httptest.NewRequest(http.MethodPost, "/", p)
	e, r := Begin(p, request)
	e.Own(&owner{bound: 10 * time.Second})
	e.Limit(10 * time.Second)
	return e, r
}

// A megabyte at 10 KiB/s takes far longer than the deadline allows a handler.
func TestALongBodyAtAFairPaceMovesTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, r := paced(time.Second / 10)
		e.Hold(func() {})
		if _, err := io.CopyBuffer(onlyWriter{io.Discard}, io.LimitReader(onlyReader{r.Body}, 1<<20), make([]byte, 1<<10)); err != nil || r.Context().Err() != nil {
			t.Fatalf("%v, context %v", err, r.Context().Err())
		}
		if age := e.Age(); age < 100*time.Second {
			t.Errorf("only %s went by", age)
		}
		<-r.Context().Done() // and then it has its usual time
		if age := e.Age(); age > 113*time.Second || !errors.Is(r.Context().Err(), context.DeadlineExceeded) {
			t.Errorf("ended at %s with %v", age, r.Context().Err())
		}
		e.Finish()
	})
}

func TestABodyThatComesTooSlowlyForAWorkerIsTheClientsFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, r := paced(time.Second / 4) // 4 KiB/s
		e.Hold(func() {})
		_, err := io.CopyBuffer(onlyWriter{io.Discard}, onlyReader{r.Body}, make([]byte, 1<<10))
		if !errors.Is(err, os.ErrDeadlineExceeded) || e.BodyStatus() != http.StatusRequestTimeout {
			t.Errorf("%v, status %d", err, e.BodyStatus())
		}
		if age := e.Age(); age < BodyGrace || age > 4*BodyGrace {
			t.Errorf("after %s", age)
		}
		e.Finish()
	})
}

func TestTheTimeThatAHandlerTakesBetweenReadsIsNotItsClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, r := paced(time.Second / 100)
		e.Hold(func() {})
		for range 3 {
			if _, err := r.Body.Read(make([]byte, 1<<10)); err != nil {
				t.Fatalf("%v at %s, status %d", err, e.Age(), e.BodyStatus())
			}
			time.Sleep(time.Minute)
		}
		e.Finish()
	})
}

func TestAnUploadWithoutAWorkerMayBeSlowButNotStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, r := paced(IdleTimeout - time.Second)
		e.Stream()
		if _, err := io.ReadAll(io.LimitReader(r.Body, 8<<10)); err != nil {
			t.Error(err)
		}
		e, r = paced(IdleTimeout + time.Second)
		e.Stream()
		if _, err := io.ReadAll(r.Body); !errors.Is(err, os.ErrDeadlineExceeded) || e.Age() != IdleTimeout {
			t.Errorf("%v after %s", err, e.Age())
		}
		e.Finish()
	})
}

func TestASlowReaderHoldsAWorkerForASecondAndThenGoesOnWithoutOne(t *testing.T) {
	for name, write := range map[string]func(*Exchange, []byte) error{
		"bytes": func(e *Exchange, data []byte) error { _, err := e.Write(data); return err },
		"text":  func(e *Exchange, data []byte) error { _, err := e.WriteString(string(data)); return err },
		"copied": func(e *Exchange, data []byte) error {
			_, err := io.Copy(e, strings.NewReader(string(data)))
			return err
		},
		"by a loop": func(e *Exchange, data []byte) error {
			_, err := e.ReadFrom(onlyReader{strings.NewReader(string(data))})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e, r := paced(700 * time.Millisecond)
				e.Hold(func() {})
				if err := write(e, make([]byte, 4<<20)); err != nil || e.Written() != 4<<20 || r.Context().Err() != nil {
					t.Fatalf("%v after %d bytes, context %v", err, e.Written(), r.Context().Err())
				}
				if held, ok := e.Held(); !ok || held != MaxBlocked {
					t.Errorf("the worker was held for %s", held)
				}
				e.Finish()
			})
		})
	}
}

func TestAReaderThatStopsIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, _ := paced(time.Hour)
		e.Hold(func() {})
		_, err := e.Write(make([]byte, 1<<20))
		if held, ok := e.Held(); !errors.Is(err, os.ErrDeadlineExceeded) || e.Age() != IdleTimeout || !ok || held != MaxBlocked {
			t.Errorf("%v after %s, the worker was held for %s", err, e.Age(), held)
		}
		e.Finish()
	})
}

// Each of them is a system call, or by HTTP/2 a message to the connection's goroutine.
func TestOnlyASlowStepChangesTheServersOwnDeadlines(t *testing.T) {
	for name, test := range map[string]struct {
		every time.Duration
		calls int64
	}{"fast": {liftAfter / 2, 0}, "slow": {2 * liftAfter, 2}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e, r := paced(test.every)
				if _, err := r.Body.Read(make([]byte, 1<<10)); err != nil {
					t.Fatal(err)
				}
				if _, err := e.Write(make([]byte, 2*bufferedBytes)); err != nil {
					t.Fatal(err)
				}
				if got := e.writer.(*pace).calls.Load(); got != test.calls {
					t.Errorf("%d deadlines were set, want %d", got, test.calls)
				}
				e.Finish()
			})
		})
	}
}

// Short responses wait in the server's buffers.
func TestAShortResponseStartsNoTimer(t *testing.T) {
	e, _, _ := begin(t, context.Background())
	if _, err := e.Write(make([]byte, bufferedBytes)); err != nil || e.writes.Load() != nil {
		t.Errorf("%v, watched %t", err, e.writes.Load() != nil)
	}
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
