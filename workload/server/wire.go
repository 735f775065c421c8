// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package server

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// wires are the open connections of a server, as they come from the network.
type wires struct {
	mu   sync.Mutex
	open map[*wire]struct{}
}

// wiring makes wires of what a listener accepts.
type wiring struct {
	net.Listener
	wires *wires
}

// Accept waits for the next connection.
func (l *wiring) Accept() (net.Conn, error) {
	connection, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	tcp, ok := connection.(*net.TCPConn)
	if !ok {
		return connection, nil
	}
	w := &wire{TCPConn: tcp, wires: l.wires}
	w.out.turn.L = &w.out.mu
	l.wires.mu.Lock()
	defer l.wires.mu.Unlock()
	if l.wires.open == nil {
		l.wires.open = map[*wire]struct{}{}
	}
	l.wires.open[w] = struct{}{}
	return w, nil
}

// goodbye sends the first GOAWAY on all connections that speak HTTP/2 in cleartext.
func (l *wires) goodbye() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for w := range l.open {
		w.goodbye()
	}
}

type wireKey struct{}

// remember lets the requests of a connection find it.
func (l *wires) remember(ctx context.Context, connection net.Conn) context.Context {
	if w, ok := connection.(*wire); ok {
		return context.WithValue(ctx, wireKey{}, w)
	}
	return ctx
}

// tell sends the first GOAWAY on the request's connection, if it was not sent yet. False means that it cannot be sent there.
func (l *wires) tell(ctx context.Context) bool {
	w, ok := ctx.Value(wireKey{}).(*wire)
	if ok {
		w.goodbye()
	}
	return ok && w.protocol.Load() == speaksHTTP2
}

// What a wire is known to speak.
const (
	speaksUnknown = iota
	speaksHTTP2
	speaksOther    // HTTP/1.1, or TLS with what is not known yet
	speaksTLSHTTP2 // HTTP/2 in TLS
	speaksTLSOther
)

// wire is a connection that tells when it is closed, and can say goodbye in HTTP/2.
//
// A client that sends requests while a server stops must not lose those that are on their way. RFC 9113 (section 6.8) has two steps
// for that: a first GOAWAY that names the highest possible stream, after which the client opens no new ones, and some time later a
// second one that names the last stream that was served. The server of net/http sends the second one only, and drops what it
// crosses. The wire sends the first one between two frames of that server. It closes the connection when it has been idle for
// lastCall since then: clients are not obliged to, and a client that has read the GOAWAY sends nothing more.
type wire struct {
	*net.TCPConn
	wires    *wires
	protocol atomic.Uint32
	matched  int // bytes of the preface, read so far

	out  gather
	said atomic.Bool

	closing sync.Mutex
	idle    bool
	leaving *time.Timer // runs since the first GOAWAY or the last end of a stream, whichever is later
	closed  bool
	onClose []func()
}

// lastCall is the time in which a first GOAWAY has reached any client.
const lastCall = 500 * time.Millisecond

// preface is how HTTP/2 begins; no request of HTTP/1.1 begins like it.
const preface = "PRI"

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.TCPConn.Read(p)
	if n > 0 && w.protocol.Load() == speaksUnknown {
		w.recognize(p[:n])
	}
	return n, err
}

func (w *wire) recognize(read []byte) {
	for _, c := range read {
		if c != preface[w.matched] {
			w.protocol.Store(speaksOther)
			return
		}
		if w.matched++; w.matched == len(preface) {
			w.protocol.Store(speaksHTTP2)
			return
		}
	}
}

// learn what is in TLS, now that the handshake is over.
func (w *wire) learn(connection *tls.Conn) {
	if w.protocol.Load() != speaksOther {
		return
	}
	if connection.ConnectionState().NegotiatedProtocol == "h2" {
		w.protocol.Store(speaksTLSHTTP2)
	} else {
		w.protocol.Store(speaksTLSOther)
	}
}

func (w *wire) gathers() bool {
	protocol := w.protocol.Load()
	return protocol == speaksHTTP2 || protocol == speaksTLSHTTP2
}

func (w *wire) Write(p []byte) (int, error) {
	if !w.gathers() {
		return w.TCPConn.Write(p)
	}
	return w.gather(p)
}

// SetWriteDeadline is for the writes that follow.
func (w *wire) SetWriteDeadline(deadline time.Time) error {
	if w.gathers() {
		w.sendNow()
	}
	return w.TCPConn.SetWriteDeadline(deadline)
}

// SetDeadline is for the writes that follow.
func (w *wire) SetDeadline(deadline time.Time) error {
	if w.gathers() {
		w.sendNow()
	}
	return w.TCPConn.SetDeadline(deadline)
}

// goodbye sends the first GOAWAY, once, as soon as a frame ends.
func (w *wire) goodbye() {
	if w.protocol.Load() == speaksHTTP2 && !w.said.Swap(true) {
		w.sayGoodbye()
		w.closing.Lock()
		defer w.closing.Unlock()
		if !w.closed {
			w.leaving = time.AfterFunc(lastCall, w.closeIdle)
		}
	}
}

// now notes what net/http says of a connection.
func (*wires) now(connection net.Conn, state http.ConnState) {
	switch connection := connection.(type) {
	case *wire:
		if connection.protocol.Load() == speaksHTTP2 {
			connection.now(state)
		}
	case *tls.Conn:
		if w, ok := connection.NetConn().(*wire); ok && state == http.StateActive {
			w.learn(connection)
		}
	}
}

func (w *wire) now(state http.ConnState) {
	w.closing.Lock()
	defer w.closing.Unlock()
	w.idle = state == http.StateIdle
	if w.idle && w.leaving != nil {
		w.leaving.Reset(lastCall)
	}
}

func (w *wire) closeIdle() {
	w.closing.Lock()
	idle := w.idle
	w.closing.Unlock()
	if idle {
		_ = w.Close()
	}
}

// Close closes the connection and tells those who wait for that.
func (w *wire) Close() error {
	w.lastWords()
	err := w.TCPConn.Close()
	w.closing.Lock()
	if w.leaving != nil {
		w.leaving.Stop()
	}
	tell := w.onClose
	w.closed, w.onClose = true, nil
	w.closing.Unlock()
	w.wires.mu.Lock()
	delete(w.wires.open, w)
	w.wires.mu.Unlock()
	for _, f := range tell {
		f()
	}
	return err
}

// OnClose registers a function that is called once, when the connection is closed, or at once if it is.
func (w *wire) OnClose(f func()) {
	w.closing.Lock()
	closed := w.closed
	if !closed {
		w.onClose = append(w.onClose, f)
	}
	w.closing.Unlock()
	if closed {
		f()
	}
}
