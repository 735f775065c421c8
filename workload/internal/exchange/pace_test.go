// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package exchange

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

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
