// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package remote

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// earlyBytes of a body go with its head, and where the handler returns before there are more, with its end: one frame for most
// responses. It is what net/http keeps in its buffers as well.
const earlyBytes = 4 << 10

// errTooMuch is what HTTP/2 answers to a handler, after it has sent what was declared.
var errTooMuch = errors.New("remote: the handler wrote more than it has declared")

// writer sends what a handler writes to the pod that has the client, where net/http does with it what it does with that of any
// handler.
type writer struct {
	in     *Incoming
	header http.Header

	mu       sync.Mutex
	room     *sync.Cond
	status   int     // 0: none was given
	wrote    bool    // the head is decided
	head     encoder // until it is sent
	sent     bool
	early    []byte
	trailers []string // that the head announces
	declared int64    // -1: no length
	written  int64
	onWay    int // sent and not confirmed
	deadline deadline
	err      error
	lost     bool // something that was written could not be sent
}

func newWriter(in *Incoming) *writer {
	w := &writer{in: in, header: http.Header{}, declared: -1}
	w.room = sync.NewCond(&w.mu)
	w.deadline.cond = w.room
	return w
}

func (w *writer) Header() http.Header { return w.header }

// WriteHeader decides the head; informational ones are sent at once.
func (w *writer) WriteHeader(status int) {
	if status < 100 || status > 999 {
		panic(fmt.Sprintf("invalid WriteHeader code %v", status)) // as in net/http
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.wrote {
		return
	}
	if status < 200 && status != http.StatusSwitchingProtocols {
		info := make(encoder, 0, headBytes)
		info.number(uint64(status))
		info.header(w.header)
		_ = w.in.calls.sendHead(kindInfo, w.in.id, info, nil)
		return
	}
	w.decide(status)
}

// decide takes the head as it is now. The lock is held.
func (w *writer) decide(status int) {
	w.wrote, w.status = true, status
	for _, list := range w.header["Trailer"] {
		for key := range strings.SplitSeq(list, ",") {
			w.trailers = append(w.trailers, http.CanonicalHeaderKey(strings.TrimSpace(key)))
		}
	}
	if length := w.header["Content-Length"]; len(length) == 1 {
		if n, err := strconv.ParseInt(length[0], 10, 64); err == nil && n >= 0 {
			w.declared = n
		}
	}
	w.head = make(encoder, 0, headBytes)
	w.head.number(uint64(status)) //nolint:gosec // checked
	w.head.header(w.header)       // what is set from now on is a trailer or of no effect
}

func (w *writer) Write(data []byte) (int, error) { return w.write(len(data), data, "") }

func (w *writer) WriteString(data string) (int, error) { return w.write(len(data), nil, data) }

func (w *writer) write(size int, data []byte, text string) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.wrote {
		w.decide(0)
	}
	tooMuch := w.declared >= 0 && w.written+int64(size) > w.declared
	switch {
	case w.err != nil:
		return 0, w.err
	case w.status == http.StatusNoContent || w.status == http.StatusNotModified:
		return 0, http.ErrBodyNotAllowed
	case tooMuch && w.in.Head.ProtoMajor < 2:
		return 0, http.ErrContentLength
	}
	w.written += int64(size)
	done := 0
	for done < size {
		n := min(size-done, dataBytes)
		if !w.sent {
			n = min(size-done, max(0, earlyBytes-len(w.early)))
		}
		if n > 0 {
			if data != nil {
				w.early = append(w.early, data[done:done+n]...)
			} else {
				w.early = append(w.early, text[done:done+n]...)
			}
			done += n
		}
		if w.sent || done < size {
			if err := w.sendEarly(); err != nil {
				return done, err
			}
		}
	}
	if tooMuch {
		return 0, errTooMuch
	}
	return size, nil
}

// sendEarly sends the head, if it has not been, and what has been written since. It waits while the client has to catch up. The lock is
// held.
func (w *writer) sendEarly() error {
	if err := w.takeRoom(len(w.early)); err != nil {
		return err
	}
	var err error
	if !w.sent {
		err = w.in.calls.sendHead(kindAnswer, w.in.id, w.head, w.early)
		w.sent, w.head = true, nil
	} else {
		err = w.in.calls.link.Send(kindData, frame(w.in.id), w.early)
	}
	w.early = w.early[:0]
	if err != nil { // it has ended, or the head is too large
		w.err, w.lost = err, true
	}
	return err
}

// takeRoom of the window for a frame, as soon as there is any. The lock is held.
func (w *writer) takeRoom(size int) error {
	for w.err == nil && w.onWay >= windowBytes {
		if w.deadline.passed() {
			w.err, w.lost = os.ErrDeadlineExceeded, true
			return w.err
		}
		w.room.Wait()
	}
	if w.err != nil {
		return w.err
	}
	w.onWay += size + frameBytes
	return nil
}

// Flush serves handlers that ask for an http.Flusher.
func (w *writer) Flush() { _ = w.FlushError() }

// FlushError sends what is buffered, here and there.
func (w *writer) FlushError() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.wrote {
		w.decide(0)
	}
	if !w.sent || len(w.early) > 0 {
		if err := w.sendEarly(); err != nil {
			return err
		}
	}
	if err := w.takeRoom(0); err != nil {
		return err
	}
	return w.push(kindFlush, frame(w.in.id))
}

// EnableFullDuplex lets the handler go on reading after it has begun to write.
func (w *writer) EnableFullDuplex() error { return w.push(kindDuplex, frame(w.in.id)) }

// SetReadDeadline bounds how long the handler waits for the client.
func (w *writer) SetReadDeadline(at time.Time) error {
	b := w.in.body
	b.mu.Lock()
	defer b.mu.Unlock()
	b.deadline.set(at)
	return w.pushDeadline(kindReadDeadline, at)
}

// SetWriteDeadline bounds how long the handler waits for the client to take more.
func (w *writer) SetWriteDeadline(at time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deadline.set(at)
	return w.pushDeadline(kindWriteDeadline, at)
}

// pushDeadline sends the time that is left, as clocks differ.
func (w *writer) pushDeadline(kind byte, at time.Time) error {
	e := frame(w.in.id)
	e.flag(!at.IsZero())
	if !at.IsZero() {
		e.signed(int64(time.Until(at)))
	}
	return w.push(kind, e)
}

// CloseNotify serves routers that still ask for it.
func (w *writer) CloseNotify() <-chan bool {
	left := make(chan bool, 1)
	context.AfterFunc(w.in.ctx, func() { left <- true })
	return left
}

// taken is told how much of the response has been written to the client.
func (w *writer) taken(n uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.onWay -= int(min(n, uint64(w.onWay))) //nolint:gosec // never negative
	w.room.Broadcast()
}

func (w *writer) cancel(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
	w.room.Broadcast()
}

// finish says how the handler has ended. Nothing can be written from then on.
func (w *writer) finish(aborted bool, worked time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deadline.stop()
	if !aborted {
		if !w.wrote {
			w.decide(0)
		}
		if !w.sent || len(w.early) > 0 {
			_ = w.sendEarly()
		}
	}
	in := w.in
	outcome := Outcome{
		Worked: worked, Aborted: aborted || w.lost, Code: in.Code, Status: in.Status, Rejected: in.Rejected, Told: in.Told,
	}
	outcome.Invites, outcome.Work = in.calls.host.Invites()
	if w.end(outcome, w.trailer()) != nil { // the trailer is too large: the other pod must hear of the end all the same
		_ = w.end(Outcome{Worked: worked, Aborted: true}, nil)
	}
	if w.err == nil {
		w.err = http.ErrHandlerTimeout // whoever writes later has missed it
	}
	w.room.Broadcast() // a goroutine that the handler has left behind
}

func (w *writer) end(outcome Outcome, trailer http.Header) error {
	e := make(encoder, 0, headBytes)
	outcome.encode(&e, trailer)
	return w.in.calls.sendHead(kindEnd, w.in.id, e, nil)
}

// trailer is what the handler has set for the end of the response.
func (w *writer) trailer() http.Header {
	trailer := http.Header{}
	for key, values := range w.header {
		if strings.HasPrefix(key, http.TrailerPrefix) || slices.Contains(w.trailers, key) {
			trailer[key] = values
		}
	}
	return trailer
}

// push sends a frame of the call.
func (w *writer) push(kind byte, payload encoder) error { return w.in.calls.link.Send(kind, payload) }

func (w *writer) send(kind byte) { _ = w.push(kind, frame(w.in.id)) }
