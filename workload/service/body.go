// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"errors"
	"io"
	"math"
	"net/http"
	"strings"
	"sync"
	"time"

	"goservice.dev/operator/workload/internal/budget"
	"goservice.dev/operator/workload/internal/exchange"
	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/problem"
	"goservice.dev/operator/workload/telemetry"
)

const (
	// SmallBodyBytes is the declared length up to which a body is read before its request takes a worker.
	SmallBodyBytes = exchange.SmallBodyBytes
	// bodyStep is what is allocated at first, and twice of it each time that as much has come: whoever declares much and sends
	// little takes little.
	bodyStep = 4 << 10

	// bodiesShareOfMemory is an eighth of GOMEMLIMIT for all bodies that have been read and that no handler has taken.
	bodiesShareOfMemory = 8
)

var noRoomForBody = newRejection(telemetry.RejectedQueueFull, http.StatusServiceUnavailable,
	"the memory for the bodies of requests that wait is used up")

var errNoRoom = errors.New("no room for the body")

// tuneBodies follows GOMEMLIMIT, which a document may have changed just before.
func (s *Service) tuneBodies(livesettings.Document) {
	s.bodies.Follow(bodiesShareOfMemory)
}

// bounded gives the body the route's bound, and refuses what declares more.
func bounded(e *exchange.Exchange, r *http.Request, settings *routeSettings) bool {
	limit := settings.maxBodyBytes
	if limit <= 0 || settings.unboundedCalls && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		return true
	}
	if r.ContentLength > limit {
		problem.Body(e, &http.MaxBytesError{Limit: limit})
		return false
	}
	if r.ContentLength < 0 {
		r.Body = http.MaxBytesReader(e.Unwrap(), r.Body, limit)
	}
	return true
}

// early reads a small body before the request takes a worker, so that a slow client holds none. It answers the request itself
// if it cannot: ok is false then. The body must be left when the request has been served.
func (s *Service) early(e *exchange.Exchange, r *http.Request) (body *smallBody, ok bool) {
	content, taken, err := s.readSmall(e, r)
	if err == nil {
		body = &smallBody{rest: content, source: r.Body, taken: taken, bodies: &s.bodies}
		r.Body = body
		return body, true
	}
	s.bodies.GiveBack(taken)
	if errors.Is(err, errNoRoom) {
		noRoomForBody.answer(e, r, time.Second)
	} else if e.ClientLeft() {
		e.WriteHeader(problem.StatusClientLeft)
	} else {
		problem.Body(e, err)
	}
	return nil, false
}

func (s *Service) readSmall(e *exchange.Exchange, r *http.Request) (content []byte, taken int64, err error) {
	e.Early(true)
	defer e.Early(false)
	for read := int64(0); ; {
		if read == int64(len(content)) {
			size := min(max(bodyStep, 2*read), r.ContentLength)
			if !s.bodies.Take(size - read) {
				return nil, taken, errNoRoom
			}
			taken = size
			content = append(make([]byte, 0, size), content...)[:size]
		}
		n, err := r.Body.Read(content[read:])
		read += int64(n)
		switch {
		case read == r.ContentLength:
			if r.Trailer != nil && err == nil { // HTTP/2 has its values once the end is read
				_, err = io.Copy(io.Discard, r.Body)
			}
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return content, taken, err
		case errors.Is(err, io.EOF):
			return nil, taken, io.ErrUnexpectedEOF
		case err != nil:
			return nil, taken, err
		}
	}
}

// smallBody is a body that has been read. Like the server's own it may be closed while another goroutine reads it, as that of an
// upstream call may when the upstream answers before it has read the request.
type smallBody struct {
	source io.Closer

	mu     sync.Mutex
	rest   []byte
	closed bool
	// taken of the memory for bodies, which is given back once nothing of it is left: a handler may go on for long.
	taken  int64
	bodies *budget.Memory
}

// end keeps nothing of the body any more.
func (b *smallBody) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rest = nil; b.taken > 0 {
		b.bodies.GiveBack(b.taken)
		b.taken = 0
	}
}

// leave the body of a request that has been served: whoever still reads it must not take what is left out for its end.
func (b *smallBody) leave() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.end()
}

// take the next bytes, as many as given at most, and say whether they are the last ones.
func (b *smallBody) take(most int) (next []byte, last bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, false, http.ErrBodyReadAfterClose
	}
	next = b.rest[:min(most, len(b.rest))]
	b.rest = b.rest[len(next):]
	return next, len(b.rest) == 0, nil
}

func (b *smallBody) Read(p []byte) (int, error) {
	next, last, err := b.take(len(p))
	n := copy(p, next)
	if last {
		b.end()
		if n == 0 {
			err = io.EOF
		}
	}
	return n, err
}

// WriteTo saves io.Copy its buffer.
func (b *smallBody) WriteTo(w io.Writer) (int64, error) {
	rest, _, err := b.take(math.MaxInt)
	if err != nil || len(rest) == 0 {
		return 0, err
	}
	n, err := w.Write(rest)
	b.end()
	return int64(n), err
}

func (b *smallBody) Close() error {
	b.leave()
	return b.source.Close()
}
