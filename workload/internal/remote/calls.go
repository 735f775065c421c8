// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package remote runs the handler of a request in another pod than the one where the request came in. It carries what the
// handler does with its writer, call by call, to the writer of the server that has the client; and what it reads, as it reads. So
// a handler may do what it may do with net/http, with the same result, and nothing is read from a client before a handler asks.
//
// Nothing is sent twice, and nothing is run twice: a call whose link breaks may have run, and its caller is told so.
package remote

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Sender is a link to another pod. Frames arrive there in the order in which they are sent.
type Sender interface {
	// Send never waits.
	Send(kind byte, payload ...[]byte) error
	// SendData waits while much is to be sent already.
	SendData(kind byte, payload ...[]byte) error
	// Watch notes that so many more calls run over the link, or fewer.
	Watch(calls int)
}

// FirstKind and LastKind of the frames that belong to calls.
const (
	FirstKind = 64
	LastKind  = FirstKind + 31
)

// Frames to the pod that runs the call.
const (
	kindBegin   = FirstKind + iota
	kindBody    // what was read
	kindTaken   // how much of the response has been written to the client
	kindLeft    // the client left: the request's context ends, and what is written is tried all the same
	kindFailed  // the client cannot be written to
	kindLeaving // the server that has the client begins to stop
	kindStopped // its time for stopping is over: the stream ends
	kindTry     // a kindBegin for which no worker is kept
)

// Frames to the pod that has the client.
const (
	kindInfo   = FirstKind + 16 + iota // an informational head
	kindAnswer                         // a head and the beginning of the body
	kindData
	kindFlush
	kindRead
	kindDuplex
	kindReadDeadline
	kindWriteDeadline
	kindStream // the handler made a stream of it
	kindEnd
	kindGone // it was not run
	kindPart // the beginning of a head or a trailer that is too large for one frame
)

const (
	// windowBytes of a response may be on their way.
	windowBytes = 256 << 10
	// takenBytes at least are confirmed at a time.
	takenBytes = 64 << 10
	// frameBytes that a part of a response counts besides its data, and a flush, for what they take where they wait for the client.
	frameBytes = 64
	// dataBytes of a frame at most.
	dataBytes = 32 << 10
	// partBytes of a head or a trailer go in one frame: nearly all that fits, because earlier versions take no parts. mostHeadBytes in all are
	// more than browsers and proxies take.
	partBytes     = 240 << 10
	mostHeadBytes = 1 << 20
)

var (
	// ErrGone says that the other pod has not run the call, and will not.
	ErrGone = errors.New("remote: the other pod does not have a worker for the call any more")
	// ErrBroken says that the link broke: the call may have run.
	ErrBroken   = errors.New("remote: the link to the other pod broke")
	errTooLarge = errors.New("remote: a head or a trailer that is too large")
	// ErrClientLeft is the cause of a context whose client left.
	ErrClientLeft = errors.New("remote: the client left")
)

// Host runs the calls of other pods.
type Host interface {
	// Claim reports whether the worker that was kept for the call still is. It must not wait.
	Claim(id uint64) bool
	// Drop gives the worker back that was kept for a call which this pod cannot read. It must not wait.
	Drop(id uint64)
	// Accept reports whether there is a worker for a call for which none was kept. It must not wait.
	Accept() bool
	// Invites reports whether a call for which no worker is kept would be accepted now, and says how long work takes here.
	Invites() (free bool, work time.Duration)
	// Serve runs a call that was claimed. The request's context has no values but those of its Incoming.
	Serve(call *Incoming, w http.ResponseWriter, r *http.Request)
}

// Calls over one link, in both directions.
type Calls struct {
	link Sender
	host Host

	mu       sync.Mutex
	outgoing map[uint64]*outgoing
	incoming map[uint64]*Incoming
	broken   error
	leaving  bool
}

// NewCalls over a link.
func NewCalls(link Sender, host Host) *Calls {
	return &Calls{link: link, host: host, outgoing: map[uint64]*outgoing{}, incoming: map[uint64]*Incoming{}}
}

// Handle takes a frame of a call from the link. Its error ends the link. It never waits.
func (c *Calls) Handle(kind byte, payload []byte) error {
	d := &decoder{rest: payload}
	id := d.number()
	if d.err != nil {
		return d.err
	}
	switch {
	case kind == kindBegin:
		return c.begin(id, d, func() bool { return c.host.Claim(id) })
	case kind == kindTry:
		return c.begin(id, d, c.host.Accept)
	case kind < FirstKind+16:
		c.mu.Lock()
		call := c.incoming[id]
		c.mu.Unlock()
		if call == nil { // it has ended meanwhile
			return nil
		}
		return call.handle(kind, d)
	default:
		c.mu.Lock()
		call := c.outgoing[id]
		c.mu.Unlock()
		if call == nil {
			return nil
		}
		return call.handle(kind, d)
	}
}

// Break ends all calls, because the link has ended.
func (c *Calls) Break(err error) {
	c.mu.Lock()
	c.broken = fmt.Errorf("%w: %w", ErrBroken, err)
	outgoing, incoming := c.outgoing, c.incoming
	c.outgoing, c.incoming = nil, nil
	c.mu.Unlock()
	for _, call := range outgoing {
		call.fail(c.broken)
	}
	for _, call := range incoming {
		call.cancel(c.broken)
	}
}

// Leave tells the handlers of the calls whose clients are here, and of those that follow, that their clients' server begins to stop.
func (c *Calls) Leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaving = true
	for id := range c.outgoing {
		_ = c.link.Send(kindLeaving, frame(id))
	}
}

// Running is the number of calls that run here for others.
func (c *Calls) Running() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.incoming)
}

// Refuse says that a call for which a worker was kept has not run here, and will not. Its caller need not wait for a link that has lost it.
func (c *Calls) Refuse(id uint64) { _ = c.link.Send(kindGone, frame(id)) }

// Idle reports whether no calls run, in either direction.
func (c *Calls) Idle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.incoming)+len(c.outgoing) == 0
}

// sendHead sends a frame with a head or a trailer, in parts where it is large. What belongs to the call besides may be sent in between.
func (c *Calls) sendHead(kind byte, id uint64, head encoder, data []byte) error {
	if len(head) > mostHeadBytes {
		return errTooLarge
	}
	for len(head) > partBytes {
		if err := c.link.Send(kindPart, frame(id), head[:partBytes]); err != nil {
			return err
		}
		head = head[partBytes:]
	}
	return c.link.Send(kind, frame(id), head, data)
}

// headBytes is what most heads and trailers need.
const headBytes = 256

// frame begins a payload.
func frame(id uint64) encoder {
	e := make(encoder, 0, 24)
	e.number(id)
	return e
}
