// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package remote

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"sync"
	"time"
)

// Outcome of a call that ended.
type Outcome struct {
	// Worked is how long the handler ran, and Took when its end was heard of here: how slowly the client takes the rest of the response
	// does not count.
	Worked, Took time.Duration
	// Aborted says that the handler gave up in the middle of the response.
	Aborted bool
	// Code and Status are the call's result where its protocol has results of its own.
	Code   string
	Status int
	// Rejected says why the request was turned away after all, and Told that the log has the cause of its failure already.
	Rejected string
	Told     bool
	// Invites says that the pod has a worker for another call, as of when this one ended, and Work how long one takes there.
	Invites bool
	Work    time.Duration
}

// encode what the other pod knows of it.
func (o Outcome) encode(e *encoder, trailer http.Header) {
	e.flag(o.Aborted)
	e.number(uint64(o.Worked)) //nolint:gosec // never negative
	e.text(o.Code)
	e.number(uint64(o.Status)) //nolint:gosec // of HTTP
	e.header(trailer)
	e.text(o.Rejected)
	e.flag(o.Told)
	e.flag(o.Invites)
	e.number(uint64(o.Work)) //nolint:gosec // never negative
}

func decodeOutcome(d *decoder) (o Outcome, trailer http.Header) {
	o.Aborted = d.flag()
	o.Worked = time.Duration(d.number())         //nolint:gosec // a duration
	o.Code, o.Status = d.text(), int(d.number()) //nolint:gosec // of HTTP
	trailer = d.header()
	o.Rejected, o.Told = d.text(), d.flag()
	if len(d.rest) > 0 { // since pods invite
		o.Invites, o.Work = d.flag(), time.Duration(d.number()) //nolint:gosec // a duration
	}
	return o, trailer
}

// Options of a call.
type Options struct {
	// Client ends when the client leaves. A deadline belongs into the head.
	Client context.Context
	// Streaming is called when the handler makes a stream of the exchange; nil for nobody. When the context that it returns ends, the time
	// for stopping is over.
	Streaming func() context.Context
	// Try says that the pod has kept no worker for the call. Then the id must be one that it does not keep workers under.
	Try bool
}

// outgoing is a call whose client is here.
type outgoing struct {
	calls  *Calls
	id     uint64
	writer http.ResponseWriter
	r      *http.Request
	client context.Context // nil without
	stream func() context.Context
	unhook func() bool // from the stream's context; nil without

	began time.Time

	mu     sync.Mutex
	took   time.Duration
	events []event
	err    error
	wake   chan struct{}

	part    []byte      // of a head or a trailer that is not whole yet
	set     http.Header // what the handler has set, as of its last head
	reads   chan int
	written int // since the last confirmation
}

// event is a frame that waits for the goroutine of the request.
type event struct {
	kind byte
	d    decoder
}

// Do runs a call in the other pod, which has said that it has a worker for it, and writes what its handler writes. The
// request's body is read as the handler reads it. Do returns when the handler has, or with ErrGone if it was not run, or with ErrBroken.
// Once something is written, an error or Outcome.Aborted means that the response is not complete.
func (c *Calls) Do(w http.ResponseWriter, r *http.Request, id uint64, head *Head, options Options) (Outcome, error) {
	o := &outgoing{calls: c, id: id, writer: w, r: r, client: options.Client, stream: options.Streaming, began: time.Now(), wake: make(chan struct{}, 1)}
	c.mu.Lock()
	if err := c.broken; err != nil {
		c.mu.Unlock()
		return Outcome{}, errors.Join(ErrGone, err)
	}
	c.outgoing[id] = o
	leaving := c.leaving
	c.mu.Unlock()
	c.link.Watch(1)
	defer o.forget()
	begin, kind := frame(id), byte(kindBegin)
	if options.Try {
		kind = kindTry
	}
	head.encode(&begin)
	if err := c.link.Send(kind, begin); err != nil {
		return Outcome{}, errors.Join(ErrGone, err)
	}
	if leaving {
		_ = c.link.Send(kindLeaving, frame(id))
	}
	if options.Client != nil {
		defer context.AfterFunc(options.Client, o.clientLeft)()
	}
	return o.follow()
}

func (o *outgoing) forget() {
	o.calls.mu.Lock()
	delete(o.calls.outgoing, o.id)
	o.calls.mu.Unlock()
	o.calls.link.Watch(-1)
	if o.unhook != nil {
		o.unhook()
	}
	if o.reads != nil {
		close(o.reads)
	}
}

func (o *outgoing) clientLeft() { _ = o.calls.link.Send(kindLeft, frame(o.id)) }

// stopped is told that the stream's context has ended: also where its client has left, which the other pod knows.
func (o *outgoing) stopped() {
	if o.client != nil && o.client.Err() != nil {
		return
	}
	_ = o.calls.link.Send(kindStopped, frame(o.id))
}

func (o *outgoing) failed() { _ = o.calls.link.Send(kindFailed, frame(o.id)) }

// handle keeps a frame for the goroutine of the request. The window bounds what the sender sends of a body, and
// mostHeadBytes a head.
func (o *outgoing) handle(kind byte, d *decoder) error {
	o.mu.Lock()
	if kind == kindEnd {
		o.took = time.Since(o.began)
	}
	o.events = append(o.events, event{kind, decoder{rest: append([]byte(nil), d.rest...)}})
	o.mu.Unlock()
	o.tell()
	return nil
}

func (o *outgoing) fail(err error) {
	o.mu.Lock()
	o.err = err
	o.mu.Unlock()
	o.tell()
}

func (o *outgoing) tell() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// follow does what the handler did, in its order.
func (o *outgoing) follow() (Outcome, error) {
	for {
		<-o.wake
		for {
			o.mu.Lock()
			events, err := o.events, o.err
			took := o.took
			o.events = nil
			o.mu.Unlock()
			if len(events) == 0 {
				if err != nil {
					return Outcome{}, err
				}
				break
			}
			for i := range events {
				outcome, ended, err := o.apply(&events[i])
				if err != nil && !ended {
					o.clientLeft()
					o.failed() // nobody follows the handler any more
				}
				if ended || err != nil {
					outcome.Took = took
					return outcome, err
				}
			}
		}
	}
}

func (o *outgoing) apply(event *event) (outcome Outcome, ended bool, err error) {
	d := o.whole(event)
	control := http.NewResponseController(o.writer)
	switch event.kind {
	case kindInfo:
		status, header := d.status(100, 199), d.header()
		if d.err == nil {
			o.adopt(header)
			o.writer.WriteHeader(status)
		}
	case kindAnswer:
		status := d.status(0, 999)
		if header := d.header(); d.err == nil {
			o.adopt(header)
			if status != 0 {
				o.writer.WriteHeader(status)
			}
			o.write(d.rest)
		}
	case kindData:
		o.write(d.rest)
	case kindFlush:
		if err := control.Flush(); err != nil {
			o.failed()
		}
		o.confirm(0)
	case kindRead:
		o.read(int(min(d.number(), dataBytes))) //nolint:gosec // bounded
	case kindDuplex:
		_ = control.EnableFullDuplex()
	case kindReadDeadline:
		_ = control.SetReadDeadline(deadlineOf(d))
	case kindWriteDeadline:
		_ = control.SetWriteDeadline(deadlineOf(d))
	case kindStream:
		if o.stream != nil && o.unhook == nil {
			o.unhook = context.AfterFunc(o.stream(), o.stopped)
		}
	case kindEnd:
		var trailer http.Header
		outcome, trailer = decodeOutcome(d)
		maps.Copy(o.writer.Header(), trailer)
		return outcome, true, d.err
	case kindGone:
		return outcome, true, ErrGone
	}
	return outcome, false, d.err
}

// whole is what a frame carries, with the parts that came before it.
func (o *outgoing) whole(event *event) *decoder {
	d := &event.d
	switch event.kind {
	case kindPart:
		if o.part = append(o.part, d.rest...); len(o.part) > mostHeadBytes {
			d.fail()
		}
	case kindInfo, kindAnswer, kindEnd:
		if len(o.part) > 0 {
			d.rest, o.part = append(o.part, d.rest...), nil
		}
	}
	return d
}

func deadlineOf(d *decoder) time.Time {
	if !d.flag() {
		return time.Time{}
	}
	return time.Now().Add(time.Duration(d.signed()))
}

// adopt makes the header what the handler's is: what it has removed since its last head goes, what the server had before stays.
func (o *outgoing) adopt(header http.Header) {
	own := o.writer.Header()
	for key := range o.set {
		if _, stays := header[key]; !stays {
			delete(own, key)
		}
	}
	maps.Copy(own, header)
	o.set = header
}

func (o *outgoing) write(data []byte) {
	if len(data) > 0 {
		if _, err := o.writer.Write(data); err != nil {
			o.failed()
		}
	}
	o.confirm(len(data))
}

// confirm that a frame does not wait any more.
func (o *outgoing) confirm(size int) {
	if o.written += size + frameBytes; o.written >= takenBytes {
		taken := frame(o.id)
		taken.number(uint64(o.written)) //nolint:gosec // positive
		o.written = 0
		_ = o.calls.link.Send(kindTaken, taken)
	}
}

// read lets a goroutine of its own read, as the handler may write meanwhile.
func (o *outgoing) read(size int) {
	if o.reads == nil {
		o.reads = make(chan int, 1)
		go o.readAll(o.reads)
	}
	select {
	case o.reads <- size:
	default: // no handler's body asks twice
	}
}

// What ended a body.
const (
	bodyGoesOn = iota
	bodyEnded
	bodyCutShort
	bodyTooSlow
	bodyTooLarge
	bodyFailed
)

func (o *outgoing) readAll(reads <-chan int) {
	var buffer []byte
	for size := range reads {
		if cap(buffer) < size {
			buffer = make([]byte, size)
		}
		n, err := o.r.Body.Read(buffer[:size])
		e := frame(o.id)
		encodeEnd(&e, err)
		if errors.Is(err, io.EOF) {
			e.header(o.r.Trailer) // which is complete now
		}
		e = append(e, buffer[:n]...)
		if o.calls.link.SendData(kindBody, e) != nil {
			return
		}
	}
}

// encodeEnd says how a body ended.
func encodeEnd(e *encoder, err error) {
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
		e.number(bodyGoesOn)
	case errors.Is(err, io.EOF):
		e.number(bodyEnded)
	case errors.As(err, &tooLarge):
		e.number(bodyTooLarge)
		e.signed(tooLarge.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		e.number(bodyTooSlow)
	case errors.Is(err, io.ErrUnexpectedEOF):
		e.number(bodyCutShort)
	default:
		e.number(bodyFailed)
		e.text(err.Error())
	}
}
