// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package server

import (
	"net"
	"sync"
	"time"
)

const (
	// gatherBytes bounds what a connection holds back for a moment: about the answers to a hundred small calls.
	gatherBytes = 16 << 10
	// directBytes are worth a system call: they are written at once, after what was held back before them, and not copied.
	directBytes = 4 << 10
	// lastWords is how long Close waits for the system to take what was written before it.
	lastWords = 10 * time.Millisecond
)

// gather is the writing side of a connection that speaks HTTP/2. The server of net/http writes each frame of a response by itself:
// a system call each for the head, the message, and the trailers of a small answer, and the same again for every stream. Here, a
// small write is copied, and the first of them starts a goroutine that writes them all when its turn comes: after those that
// were ready before it, among which are the ones with more to say. There is no timer, so an idle processor writes at once.
//
// Writes stay in order. One that finds no room waits, so handlers feel a client that reads nothing as ever. An error closes the
// connection, as net/http would, and is what later writes return.
type gather struct {
	mu      sync.Mutex
	turn    sync.Cond // told when a write has ended
	held    []byte    // from gatherBuffers; nil if nothing is held back
	coming  bool      // a goroutine is about to write what is held back
	writing bool      // somebody is in a system call, without the lock
	due     bool      // the first GOAWAY is to be sent when a frame ends
	err     error
	frames  frames
}

// gatherBuffers are shared: an idle connection has none.
var gatherBuffers = sync.Pool{New: func() any { return new(gatherBuffer) }}

// gatherBuffer always has room for a goodbye.
type gatherBuffer [gatherBytes + len(firstGoAway)]byte

// gather writes p, or holds it back for a moment.
func (w *wire) gather(p []byte) (n int, err error) {
	g := &w.out
	g.mu.Lock()
	defer g.mu.Unlock()
	direct := len(p) >= directBytes
	for g.err == nil && g.writing && (direct || len(g.held)+len(p) > gatherBytes) {
		g.turn.Wait()
	}
	if g.err != nil {
		return 0, g.err
	}
	if w.protocol.Load() == speaksHTTP2 {
		g.frames.follow(p)
	}
	if direct || len(g.held)+len(p) > gatherBytes {
		n = w.send(p)
		if err = g.err; err != nil {
			return n, err
		}
	} else {
		n = g.hold(p)
	}
	g.goodbyeIfDue()
	w.sendSoon()
	return n, nil
}

// hold a copy of p back. The lock is held, and there is room.
func (g *gather) hold(p []byte) int {
	if g.held == nil {
		g.held = gatherBuffers.Get().(*gatherBuffer)[:0]
	}
	g.held = append(g.held, p...)
	return len(p)
}

// sendSoon starts the goroutine that writes what is held back, unless somebody is at it. The lock is held.
func (w *wire) sendSoon() {
	if g := &w.out; len(g.held) > 0 && g.err == nil && !g.coming && !g.writing {
		g.coming = true
		go w.sendHeld()
	}
}

func (w *wire) sendHeld() {
	g := &w.out
	g.mu.Lock()
	defer g.mu.Unlock()
	g.coming = false
	for len(g.held) > 0 && g.err == nil && !g.writing {
		w.send(nil)
	}
}

// send what is held back and then p. It returns how much of p it has written. The lock is held, but not while it writes.
func (w *wire) send(p []byte) int {
	g := &w.out
	held := g.held
	g.held, g.writing = nil, true
	g.mu.Unlock()
	n, err := writeBoth(w.TCPConn, held, p)
	if held != nil {
		gatherBuffers.Put((*gatherBuffer)(held[:cap(held)]))
	}
	g.mu.Lock()
	g.writing = false
	if err != nil {
		g.err = err
		_ = w.TCPConn.Close() // net/http learns of it where it reads
	}
	g.turn.Broadcast()
	return n
}

func writeBoth(to *net.TCPConn, held, p []byte) (ofP int, err error) {
	switch {
	case len(held) == 0:
		return to.Write(p)
	case len(p) == 0:
		_, err = to.Write(held)
		return 0, err
	}
	both := net.Buffers{held, p}
	n, err := both.WriteTo(to)
	return max(0, int(n)-len(held)), err
}

// sendNow writes what is held back before something happens to the connection.
func (w *wire) sendNow() {
	g := &w.out
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.held) > 0 && g.err == nil && !g.writing {
		w.send(nil)
		w.sendSoon()
	}
}

// lastWords lets nothing be written from now on. What is held back still goes out, if the client takes it.
func (w *wire) lastWords() {
	g := &w.out
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.held) > 0 && g.err == nil && !g.writing {
		_ = w.TCPConn.SetWriteDeadline(time.Now().Add(lastWords))
		w.send(nil)
	}
	if g.err == nil {
		g.err = net.ErrClosed
	}
	g.turn.Broadcast()
}

// sayGoodbye sends the first GOAWAY as soon as a frame ends. It does not wait for the client.
func (w *wire) sayGoodbye() {
	g := &w.out
	g.mu.Lock()
	defer g.mu.Unlock()
	g.due = true
	g.goodbyeIfDue()
	w.sendSoon()
}

// goodbyeIfDue is done under the lock.
func (g *gather) goodbyeIfDue() {
	if g.due && g.err == nil && g.frames.between() {
		g.due = false
		g.hold(firstGoAway[:])
	}
}
