// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package remote

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// timed runs a test in a time of its own. What does not end there is a test that fails.
func timed(t *testing.T, host Host, test func(t *testing.T, from *Calls)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		one, other := net.Pipe()
		from, _ := joined(t, one, other, host)
		test(t, from)
	})
}

// slowClient takes a while for each part of the response.
type slowClient struct{ *httptest.ResponseRecorder }

func (s slowClient) Write(data []byte) (int, error) {
	time.Sleep(100 * time.Millisecond)
	return s.ResponseRecorder.Write(data)
}

// Else a few of them make a move look so expensive that nothing moves any more.
func TestASlowClientDoesNotCountForWhatAMoveCosts(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(time.Millisecond)
		for range 5 {
			_, _ = w.Write(make([]byte, 8<<10))
		}
	})
	timed(t, &pod{handler: handler}, func(t *testing.T, from *Calls) {
		r := get(t)
		outcome, err := from.Do(slowClient{httptest.NewRecorder()}, r, 1, HeadOf(r), Options{})
		if err != nil || outcome.Took == 0 || outcome.Took != outcome.Worked {
			t.Errorf("%+v, %v", outcome, err)
		}
	})
}

// hesitant is a link that sends nothing before a time.
type hesitant struct{ until time.Time }

func (h *hesitant) Send(byte, ...[]byte) error {
	<-time.After(time.Until(h.until))
	return nil
}

func (h *hesitant) SendData(kind byte, payload ...[]byte) error { return h.Send(kind, payload...) }

func (*hesitant) Watch(int) {}

// Whoever reads holds a lock while it asks, so this takes a time that passes by itself.
func TestADeadlineThatPassesWhileTheOtherPodIsAskedEndsTheRead(t *testing.T) {
	link, deadline := new(hesitant), time.Now().Add(5*time.Millisecond)
	in := &Incoming{Head: &Head{ContentLength: -1}, calls: NewCalls(link, nil)}
	in.writer, in.body = newWriter(in), newBody(in)
	_ = in.writer.SetReadDeadline(deadline)
	link.until = deadline.Add(5 * time.Millisecond)
	if _, err := in.body.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
}

// largeHeads puts it into a response.
func largeHeads(large string) map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"head": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Large", large) },
		"informational head": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Large", large)
			w.WriteHeader(http.StatusEarlyHints)
		},
		"trailer": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set(http.TrailerPrefix+"X-Large", large) },
		"late trailer": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusOK)
			w.Header().Set(http.TrailerPrefix+"X-Large", large)
		},
	}
}

func TestAHeadOrTrailerLargerThanAFrameIsWhole(t *testing.T) {
	large := strings.Repeat("0123456789", 100_000)
	for name, handler := range largeHeads(large) {
		t.Run(name, func(t *testing.T) {
			// Parts must not be mixed with what the body is asked for meanwhile.
			reads := func(w http.ResponseWriter, r *http.Request) {
				read := make(chan error)
				go func() {
					_, err := io.Copy(io.Discard, r.Body)
					read <- err
				}()
				handler(w, r)
				if err := <-read; err != nil {
					t.Error(err)
				}
				_, _ = io.WriteString(w, "body")
			}
			from, _ := linked(t, &pod{handler: http.HandlerFunc(reads)})
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(strings.Repeat("x", 1<<20)))
			answer := httptest.NewRecorder()
			if outcome, err := from.Do(answer, r, 1, HeadOf(r), Options{}); err != nil || outcome.Aborted {
				t.Fatalf("%+v, %v", outcome, err)
			}
			if got := cmp.Or(answer.Header().Get("X-Large"), answer.Header().Get(http.TrailerPrefix+"X-Large")); got != large || answer.Body.String() != "body" {
				t.Errorf("%d bytes have come, and the body %q", len(got), answer.Body)
			}
		})
	}
}

func TestAHeadOrTrailerThatNoClientTakesBreaksTheResponseOff(t *testing.T) {
	for name, handler := range largeHeads(strings.Repeat("x", mostHeadBytes)) {
		t.Run(name, func(t *testing.T) {
			timed(t, &pod{handler: handler}, func(t *testing.T, from *Calls) {
				r, began := get(t), time.Now()
				outcome, err := from.Do(httptest.NewRecorder(), r, 1, HeadOf(r), Options{})
				if err == nil && !outcome.Aborted {
					t.Error("it is taken for complete")
				}
				if took := time.Since(began); took != 0 {
					t.Errorf("it ends after %s, when the link is given up", took)
				}
			})
		})
	}
}

// Versions of Go differ in what they take for an address or a certificate. Whatever else runs over the link goes on.
func TestAHeadThatThisPodCannotReadIsNotRunHere(t *testing.T) {
	to := &pod{handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	timed(t, to, func(t *testing.T, from *Calls) {
		for name, spoil := range map[string]func(*Head){
			"address": func(h *Head) { h.RequestURI = "http://[" },
			"certificate": func(h *Head) {
				h.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Raw: []byte("none")}}}
			},
		} {
			r := get(t)
			head := HeadOf(r)
			spoil(head)
			if _, err := from.Do(httptest.NewRecorder(), r, 1, head, Options{}); !errors.Is(err, ErrGone) {
				t.Errorf("%s: %v", name, err)
			}
		}
		r := get(t)
		if _, err := from.Do(httptest.NewRecorder(), r, 2, HeadOf(r), Options{}); err != nil || to.ran.Load() != 1 || to.dropped.Load() != 2 {
			t.Errorf("the next one: %v, %d ran, the workers of %d were given back", err, to.ran.Load(), to.dropped.Load())
		}
	})
}

// What follows would otherwise take the place of what is missing.
func TestAResponseThatMissedItsDeadlineIsBrokenOff(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		control := http.NewResponseController(w)
		_ = control.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
		for err := error(nil); err == nil; {
			_, err = w.Write(make([]byte, 32<<10))
		}
		_ = control.SetWriteDeadline(time.Time{})
	})
	timed(t, &pod{handler: handler}, func(t *testing.T, from *Calls) {
		r := get(t)
		if outcome, err := from.Do(slowClient{httptest.NewRecorder()}, r, 1, HeadOf(r), Options{}); err != nil || !outcome.Aborted {
			t.Errorf("%+v, %v", outcome, err)
		}
	})
}

// leavingPod has handlers that end when the client's server begins to stop.
type leavingPod struct{ told atomic.Bool }

func (*leavingPod) Drop(uint64)                    {}
func (*leavingPod) Claim(uint64) bool              { return true }
func (*leavingPod) Accept() bool                   { return true }
func (*leavingPod) Invites() (bool, time.Duration) { return true, 0 }

func (p *leavingPod) Serve(call *Incoming, _ http.ResponseWriter, _ *http.Request) {
	select {
	case <-call.Leaving():
		p.told.Store(true)
	case <-time.After(time.Minute):
	}
}

// Such as one that waits in line when the drain begins.
func TestACallThatMovesWhileItsServerStopsIsToldSo(t *testing.T) {
	to := &leavingPod{}
	timed(t, to, func(t *testing.T, from *Calls) {
		from.Leave()
		r := get(t)
		if _, err := from.Do(httptest.NewRecorder(), r, 1, HeadOf(r), Options{}); err != nil || !to.told.Load() {
			t.Errorf("told: %t, %v", to.told.Load(), err)
		}
	})
}

// stuckClient takes nothing until it is let go.
type stuckClient struct {
	*httptest.ResponseRecorder
	free chan struct{}
}

func (s stuckClient) Write(data []byte) (int, error) {
	<-s.free
	return s.ResponseRecorder.Write(data)
}

func TestSmallPartsOfAResponseWaitForTheClientToo(t *testing.T) {
	var parts atomic.Int64
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 20000 {
			_, _ = w.Write([]byte("x"))
			_ = http.NewResponseController(w).Flush()
			parts.Add(1)
		}
	})
	timed(t, &pod{handler: handler}, func(t *testing.T, from *Calls) {
		r, w := get(t), stuckClient{httptest.NewRecorder(), make(chan struct{})}
		go func() {
			synctest.Wait() // nothing moves any more
			if n := parts.Load(); n > 5000 {
				t.Errorf("%d parts wait", n)
			}
			close(w.free)
		}()
		if _, err := from.Do(w, r, 1, HeadOf(r), Options{}); err != nil || w.Body.Len() != 20000 {
			t.Errorf("%d bytes, %v", w.Body.Len(), err)
		}
	})
}
