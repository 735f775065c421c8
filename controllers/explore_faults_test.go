// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build explore

package controllers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// faultKind is what happens to an operator under exploration.
type faultKind string

const (
	faultNone       faultKind = "none"
	faultDieBefore  faultKind = "dies before"
	faultDieAfter   faultKind = "dies after"
	faultLostAnswer faultKind = "loses the answer of"
	faultTimeout    faultKind = "times out at"
	faultConflict   faultKind = "gets 409 for"
	faultForbidden  faultKind = "gets 403 for"
	faultInvalid    faultKind = "gets 422 for"
	faultTooMany    faultKind = "gets 429 for"
	faultInternal   faultKind = "gets 500 for"
	// faultStale shows the operator every change up to maxLag versions late; faultCutWatch drops watch events and the watch
	// with them. Their number is the seed of the moments.
	faultStale    faultKind = "sees late"
	faultCutWatch faultKind = "loses events by"
)

// writeFaults hit one write of a run each.
var writeFaults = []faultKind{
	faultDieBefore, faultDieAfter, faultLostAnswer, faultTimeout, faultConflict, faultForbidden, faultInvalid, faultTooMany, faultInternal,
}

const (
	// maxLag is how many versions a cache may be behind, and longestLag for how long.
	maxLag     = 5
	longestLag = 300 * time.Millisecond
	// longestWatch is how many chunks a watch lasts at most where watches are cut.
	longestWatch = 12
)

// fault is one thing that goes wrong in a run: kind happens to the number-th write, counted from 1.
type fault struct {
	kind   faultKind
	number int
}

func (f fault) String() string { return fmt.Sprintf("%s %d", f.kind, f.number) }

// faults is the network between an operator and the API server. A run may have several processes one after another, each
// with a connection of its own; writes are counted over all of them.
type faults struct {
	mu      sync.Mutex
	planned []fault
	written int
	// died is called when the process must end.
	died func()
	last time.Time
}

func newFaults(planned ...fault) *faults { return &faults{planned: planned, last: time.Now()} }

// writes is how many there were, and idle how long ago the last one was.
func (f *faults) writes() (count int, idle time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.written, time.Since(f.last)
}

// next counts a write and says what happens to it.
func (f *faults) next() faultKind {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.written++
	f.last = time.Now()
	for _, planned := range f.planned {
		if planned.number == f.written && planned.kind != faultStale && planned.kind != faultCutWatch {
			return planned.kind
		}
	}
	return faultNone
}

// process is the connection of one process; once it is dead nothing passes any more.
type process struct {
	faults *faults
	next   http.RoundTripper
	random *lockedRandom
	mu     sync.Mutex
	dead   bool
}

// lockedRandom is shared by the connections of a process.
type lockedRandom struct {
	mu     sync.Mutex
	random *rand.Rand
}

func (r *lockedRandom) intN(n int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.random.IntN(n)
}

var errDead = errors.New("the process is dead")

// die ends the process as a SIGKILL does: nothing of it reaches the API server from now on.
func (p *process) die() {
	p.mu.Lock()
	p.dead = true
	p.mu.Unlock()
	p.faults.died()
}

func (p *process) isDead() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead
}

// RoundTrip lets a request pass, or not.
func (p *process) RoundTrip(request *http.Request) (*http.Response, error) {
	if p.isDead() {
		return nil, errDead
	}
	if request.Method == http.MethodGet {
		response, err := p.next.RoundTrip(request)
		if err == nil && request.URL.Query().Get("watch") != "" {
			response.Body = p.disturbed(response.Body)
		}
		return response, err
	}
	if strings.HasSuffix(request.URL.Path, "/events") {
		return p.next.RoundTrip(request)
	}
	switch kind := p.faults.next(); kind {
	case faultDieBefore:
		p.die()
		return nil, errDead
	case faultDieAfter:
		p.send(request)
		p.die()
		return nil, errDead
	case faultLostAnswer:
		p.send(request)
		return nil, fmt.Errorf("read: %w", errTimeout)
	case faultTimeout:
		return nil, fmt.Errorf("dial: %w", errTimeout)
	case faultConflict:
		return refusal(request, http.StatusConflict, "Conflict", "the object has been modified; please apply your changes to the latest version and try again"), nil
	case faultForbidden:
		return refusal(request, http.StatusForbidden, "Forbidden", "exceeded quota: team, requested: pods=1, used: pods=10, limited: pods=10"), nil
	case faultInvalid:
		return refusal(request, http.StatusUnprocessableEntity, "Invalid", "ValidatingAdmissionPolicy 'team' with binding 'team' denied request: not on Fridays"), nil
	case faultTooMany:
		return refusal(request, http.StatusTooManyRequests, "TooManyRequests", "too many requests, please try again later"), nil
	case faultInternal:
		return refusal(request, http.StatusInternalServerError, "InternalError", "etcdserver: request timed out"), nil
	}
	return p.next.RoundTrip(request)
}

// send lets a request take effect and drops its answer.
func (p *process) send(request *http.Request) {
	if response, err := p.next.RoundTrip(request); err == nil {
		response.Body.Close()
	}
}

var errTimeout error = timeoutError{}

type timeoutError struct{}

func (timeoutError) Error() string   { return "i/o timeout" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }

// disturbed is a watch's stream as the planned faults let the operator see it.
func (p *process) disturbed(body io.ReadCloser) io.ReadCloser {
	for _, planned := range p.faults.planned {
		switch planned.kind {
		case faultStale:
			return newLateStream(body, p.random)
		case faultCutWatch:
			return &cutStream{ReadCloser: body, left: 1 + p.random.intN(longestWatch)}
		}
	}
	return body
}

// cutStream ends after some chunks, the last of which is lost.
type cutStream struct {
	io.ReadCloser
	left int
}

func (c *cutStream) Read(buffer []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	n, err := c.ReadCloser.Read(buffer)
	if c.left--; c.left == 0 {
		return 0, io.EOF
	}
	return n, err
}

// lateStream hands chunks on in their order, each after a while, and never more than maxLag chunks late.
type lateStream struct {
	body   io.ReadCloser
	random *lockedRandom
	chunks chan []byte
	rest   bytes.Buffer
	closed chan struct{}
	once   sync.Once
	err    error
}

func newLateStream(body io.ReadCloser, random *lockedRandom) *lateStream {
	l := &lateStream{body: body, random: random, chunks: make(chan []byte, maxLag), closed: make(chan struct{})}
	go l.fill()
	return l
}

func (l *lateStream) fill() {
	defer close(l.chunks)
	for {
		buffer := make([]byte, 1<<16)
		n, err := l.body.Read(buffer)
		if n > 0 {
			select {
			case l.chunks <- buffer[:n]:
			case <-l.closed:
				return
			}
		}
		if err != nil {
			l.err = err
			return
		}
	}
}

func (l *lateStream) Read(buffer []byte) (int, error) {
	if l.rest.Len() == 0 {
		chunk, open := <-l.chunks
		if !open {
			return 0, l.err
		}
		// A full queue is as late as it may be.
		if len(l.chunks) < maxLag {
			select {
			case <-time.After(time.Duration(l.random.intN(int(longestLag)))):
			case <-l.closed:
				return 0, io.EOF
			}
		}
		l.rest.Write(chunk)
	}
	return l.rest.Read(buffer)
}

func (l *lateStream) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.body.Close()
}
