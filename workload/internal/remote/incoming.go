// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package remote

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"goservice.dev/operator/workload/server"
)

// errUnwritable is the error of a write to a client that cannot be written to.
var errUnwritable = errors.New("remote: the client cannot be written to")

// Incoming is a call that runs here, for a client of another pod.
type Incoming struct {
	// Head of the request.
	Head *Head
	// Code and Status are the call's result where its protocol has results of its own; the host sets them before Serve returns.
	Code   string
	Status int
	// Rejected and Told are those of the exchange. The host sets them before Serve returns.
	Rejected string
	Told     bool
	// Streaming is called when the handler makes a stream of the exchange, which keeps no worker; nil for nobody. The host sets it in Serve.
	Streaming func()

	calls   *Calls
	id      uint64
	began   time.Time
	ctx     context.Context
	end     context.CancelCauseFunc
	writer  *writer
	body    *body
	leaving chan struct{}
	leave   sync.Once
}

// begin runs a call, if there is a worker for it. One that this pod cannot read, such as with a certificate that another version of Go takes,
// is not run here, and all others go on.
func (c *Calls) begin(id uint64, d *decoder, worker func() bool) error {
	head, err := decodeHead(d)
	var r *http.Request
	if err == nil {
		r, err = head.request()
	}
	if err != nil {
		c.host.Drop(id)
	}
	if err != nil || !worker() {
		return c.link.Send(kindGone, frame(id))
	}
	in := &Incoming{Head: head, calls: c, id: id, began: time.Now(), leaving: make(chan struct{})}
	in.ctx, in.end = context.WithCancelCause(context.Background())
	in.writer = newWriter(in)
	in.body = newBody(in)
	if head.Whole || head.ContentLength != 0 {
		r.Body = in.body
	}
	c.mu.Lock()
	if c.broken != nil {
		c.mu.Unlock()
		in.end(c.broken)
		return nil
	}
	c.incoming[id] = in
	c.mu.Unlock()
	c.link.Watch(1)
	go in.run(r.WithContext(in.ctx))
	return nil
}

func (in *Incoming) run(r *http.Request) {
	aborted := true
	defer func() {
		in.calls.mu.Lock()
		delete(in.calls.incoming, in.id)
		in.calls.mu.Unlock()
		in.writer.finish(aborted, time.Since(in.began))
		in.calls.link.Watch(-1)
		in.body.cancel(http.ErrBodyReadAfterClose)
		in.end(nil)
		if aborted { // as the server does it, which has said more where there was something to say
			_ = recover()
		}
	}()
	in.calls.host.Serve(in, in.writer, r)
	aborted = false
}

// Leaving is closed when the server that has the client begins to stop.
func (in *Incoming) Leaving() <-chan struct{} { return in.leaving }

// Stream tells the other pod that the handler has made a stream of the exchange.
func (in *Incoming) Stream() {
	if in.Streaming != nil {
		in.Streaming()
	}
	in.writer.send(kindStream)
}

func (in *Incoming) cancel(err error) {
	in.end(err)
	in.writer.cancel(err)
	in.body.cancel(err)
}

func (in *Incoming) handle(kind byte, d *decoder) error {
	switch kind {
	case kindBody:
		return in.body.arrived(d)
	case kindTaken:
		in.writer.taken(d.number())
	case kindLeft:
		in.end(ErrClientLeft)
	case kindFailed:
		in.writer.cancel(errUnwritable)
	case kindStopped:
		in.end(server.ErrStopped)
	case kindLeaving:
		in.leave.Do(func() { close(in.leaving) })
	}
	return d.err
}

// body of a request whose client is at another pod. A read there begins with a read here, and has its result.
type body struct {
	in *Incoming

	mu       sync.Mutex
	cond     *sync.Cond
	asked    bool
	rest     []byte // arrived
	err      error  // after the rest
	whole    bool
	deadline deadline
	broken   error
}

func newBody(in *Incoming) *body {
	b := &body{in: in, rest: in.Head.Body, whole: in.Head.Whole}
	b.cond = sync.NewCond(&b.mu)
	b.deadline.cond = b.cond
	if b.whole || in.Head.ContentLength == 0 {
		b.err = io.EOF
	}
	return b
}

// Read waits for the client, but not beyond its deadline.
func (b *body) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.rest) == 0 {
		switch {
		case b.err != nil:
			return 0, b.err
		case b.broken != nil:
			return 0, b.broken
		case b.deadline.passed():
			return 0, os.ErrDeadlineExceeded
		}
		if !b.asked {
			b.asked = true
			read := frame(b.in.id)
			read.number(uint64(min(len(p), dataBytes))) //nolint:gosec // positive
			if err := b.in.writer.push(kindRead, read); err != nil {
				return 0, err
			}
		}
		b.cond.Wait()
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// Close of a body has no effect where the client is.
func (b *body) Close() error { return nil }

func (b *body) cancel(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = err
	b.deadline.stop()
	b.cond.Broadcast()
}

// arrived is the result of a read.
func (b *body) arrived(d *decoder) error {
	end := d.number()
	var err error
	switch end {
	case bodyGoesOn:
	case bodyEnded:
		err = io.EOF
		for key, values := range d.header() {
			if b.in.Head.Trailer != nil {
				b.in.Head.Trailer[key] = values
			}
		}
	case bodyCutShort:
		err = io.ErrUnexpectedEOF
	case bodyTooSlow:
		err = os.ErrDeadlineExceeded
	case bodyTooLarge:
		err = &http.MaxBytesError{Limit: d.signed()}
	default:
		err = errors.New(d.text())
	}
	if d.err != nil {
		return d.err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = false
	b.rest = append(b.rest[:0:0], d.rest...)
	b.err = err
	b.cond.Broadcast()
	return nil
}

// deadline of reads or writes, which may be set while one waits. The lock is that of its owner.
type deadline struct {
	at    time.Time
	timer *time.Timer
	cond  *sync.Cond // of its owner
}

func (d *deadline) set(at time.Time) {
	d.at = at
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	if !at.IsZero() {
		d.timer = time.AfterFunc(time.Until(at), func() {
			d.cond.L.Lock() // whoever has just seen that it has not passed waits by now
			defer d.cond.L.Unlock()
			d.cond.Broadcast()
		})
	}
	d.cond.Broadcast()
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
}
