// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package remote

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// slowClient takes a while for each part of the response.
type slowClient struct{ *httptest.ResponseRecorder }

func (s slowClient) Write(data []byte) (int, error) {
	time.Sleep(100 * time.Millisecond)
	return s.ResponseRecorder.Write(data)
}

// Else a few of them make a move look so expensive that nothing moves any more.
func TestASlowClientDoesNotCountForWhatAMoveCosts(t *testing.T) {
	from, _ := linked(t, &pod{handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 5 {
			_, _ = w.Write(make([]byte, 8<<10))
		}
	})})
	r := get(t)
	outcome, err := from.Do(slowClient{httptest.NewRecorder()}, r, 1, HeadOf(r), Options{})
	if cost := outcome.Took - outcome.Worked; err != nil || outcome.Took == 0 || cost > 100*time.Millisecond {
		t.Errorf("%+v, %v", outcome, err)
	}
}

// hesitant is a link that takes a while for each frame.
type hesitant struct{}

func (hesitant) Send(byte, ...[]byte) error {
	time.Sleep(20 * time.Millisecond)
	return nil
}

func (h hesitant) SendData(kind byte, payload ...[]byte) error { return h.Send(kind, payload...) }

func TestADeadlineThatPassesWhileTheOtherPodIsAskedEndsTheRead(t *testing.T) {
	in := &Incoming{Head: &Head{ContentLength: -1}, calls: NewCalls(hesitant{}, nil)}
	in.writer, in.body = newWriter(in), newBody(in)
	ended := make(chan error, 1)
	go func() {
		_ = in.writer.SetReadDeadline(time.Now().Add(30 * time.Millisecond)) // which is 10 ms away when it has been sent
		_, err := in.body.Read(make([]byte, 1))
		ended <- err
	}()
	select {
	case err := <-ended:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Error("it does not end")
	}
}

func TestAHeadOrTrailerThatIsTooLargeForALinkBreaksTheResponseOff(t *testing.T) {
	large := strings.Repeat("x", 300<<10)
	for name, handler := range map[string]http.HandlerFunc{
		"head":    func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Large", large) },
		"trailer": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set(http.TrailerPrefix+"X-Large", large) },
		"late trailer": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusOK)
			w.Header().Set(http.TrailerPrefix+"X-Large", large)
		},
	} {
		t.Run(name, func(t *testing.T) {
			from, _ := linked(t, &pod{handler: handler})
			r, ended := get(t), make(chan struct{})
			go func() {
				defer close(ended)
				outcome, err := from.Do(httptest.NewRecorder(), r, 1, HeadOf(r), Options{})
				if err == nil && !outcome.Aborted {
					t.Error("it is taken for complete")
				}
			}()
			select {
			case <-ended:
			case <-time.After(5 * time.Second):
				t.Error("it does not end")
			}
		})
	}
}

// What follows would otherwise take the place of what is missing.
func TestAResponseThatMissedItsDeadlineIsBrokenOff(t *testing.T) {
	from, _ := linked(t, &pod{handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		control := http.NewResponseController(w)
		_ = control.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
		for err := error(nil); err == nil; {
			_, err = w.Write(make([]byte, 32<<10))
		}
		_ = control.SetWriteDeadline(time.Time{})
	})})
	r, w, ended := get(t), slowClient{httptest.NewRecorder()}, make(chan struct{})
	go func() {
		defer close(ended)
		if outcome, err := from.Do(w, r, 1, HeadOf(r), Options{}); err != nil || !outcome.Aborted {
			t.Errorf("%+v, %v", outcome, err)
		}
	}()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("it does not end")
	}
}

// leavingPod has handlers that end when the client's server begins to stop.
type leavingPod struct{ told atomic.Bool }

func (*leavingPod) Claim(uint64) bool { return true }

func (p *leavingPod) Serve(call *Incoming, _ http.ResponseWriter, _ *http.Request) {
	select {
	case <-call.Leaving():
		p.told.Store(true)
	case <-time.After(2 * time.Second):
	}
}

// Such as one that waits in line when the drain begins.
func TestACallThatMovesWhileItsServerStopsIsToldSo(t *testing.T) {
	to := &leavingPod{}
	from, _ := linked(t, to)
	from.Leave()
	r := get(t)
	if _, err := from.Do(httptest.NewRecorder(), r, 1, HeadOf(r), Options{}); err != nil || !to.told.Load() {
		t.Errorf("told: %t, %v", to.told.Load(), err)
	}
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
	from, _ := linked(t, &pod{handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 20000 {
			_, _ = w.Write([]byte("x"))
			_ = http.NewResponseController(w).Flush()
			parts.Add(1)
		}
	})})
	r, w := get(t), stuckClient{httptest.NewRecorder(), make(chan struct{})}
	time.AfterFunc(500*time.Millisecond, func() {
		if n := parts.Load(); n > 5000 {
			t.Errorf("%d parts wait", n)
		}
		close(w.free)
	})
	if _, err := from.Do(w, r, 1, HeadOf(r), Options{}); err != nil || w.Body.Len() != 20000 {
		t.Errorf("%d bytes, %v", w.Body.Len(), err)
	}
}
