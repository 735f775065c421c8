// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package exchange

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"goservice.dev/operator/workload/problem"
)

// SmallBodyBytes of a declared length comes with the head or soon after it; the server's own deadline is enough for it, unless it is read
// early.
const SmallBodyBytes = 64 << 10

// body of the request. It asks for a fair pace, and remembers why it could not be read: that is the client's doing, whatever
// the handler makes of it.
type body struct {
	source io.ReadCloser
	e      *Exchange
	read   int64
	ended  atomic.Bool
	early  bool
	failed atomic.Pointer[error]
	reads  atomic.Pointer[watch]
}

// Read returns an error that is an os.ErrDeadlineExceeded when the client is too slow.
func (b *body) Read(p []byte) (int, error) {
	e := b.e
	watched := !e.ownRead.Load() && (b.early || e.lifted.Load() || e.request.ContentLength < 0 || e.request.ContentLength > SmallBodyBytes)
	if watched {
		w := lazily(&b.reads)
		w.begin(b.mayTake(w), e, (*Exchange).readIsLate)
	}
	n, err := b.source.Read(p)
	if watched {
		b.reads.Load().end()
	}
	b.read += int64(n)
	if err == nil {
		if watched {
			e.progress()
		}
		return n, nil
	}
	switch {
	case errors.Is(err, io.EOF):
		b.ended.Store(true)
	case e.cutting():
		return n, &problem.Error{Details: stopping, Cause: err}
	default:
		failure := err // the address of err itself would make each read allocate
		if b.failed.CompareAndSwap(nil, &failure) {
			b.answerable()
		}
	}
	return n, err
}

// stopping is the answer to a request whose body the server itself has cut.
var stopping = problem.Details{Status: http.StatusServiceUnavailable, Reason: "draining", Detail: "this instance is stopping"}

// mayTake is how long the next read may take. The client answers for the time in which it is waited for, not for what the handler
// does between two reads.
func (b *body) mayTake(w *watch) time.Duration {
	if !b.early && !b.e.holding() {
		return IdleTimeout
	}
	whole := BodyGrace + time.Duration(float64(b.read)/MinBodyRate*float64(time.Second))
	return min(IdleTimeout, max(0, whole-w.waited))
}

// answerable leaves the handler time to say what was wrong: the server's deadline for the response may have passed as well.
func (b *body) answerable() {
	if e := b.e; e.owner != nil && !e.ownWrite.Load() {
		_ = http.NewResponseController(e.writer).SetWriteDeadline(time.Now().Add(answerTime))
		e.lifted.Store(true)
	}
}

// Early says that the body is read now, before the request takes a worker: its client has to send it at the same pace as if one were
// held.
func (e *Exchange) Early(early bool) { e.body.early = early }

func (b *body) Close() error { return b.source.Close() }

// BodyErr is why the request's body could not be read to its end; nil if it could, or nobody has tried.
func (e *Exchange) BodyErr() error {
	if failed := e.body.failed.Load(); failed != nil {
		return *failed
	}
	return nil
}

// Further statuses of a request that failed by its own client.
const (
	statusTooSlow   = http.StatusRequestTimeout
	statusMalformed = http.StatusBadRequest
)

// BodyStatus is the status that a body which could not be read deserves: 408 for a client that is too slow, 499 for one that
// left, 400 for one that broke the protocol. It is 0 where nothing was wrong.
func (e *Exchange) BodyStatus() int {
	if failed := e.body.failed.Load(); failed != nil {
		return e.statusOf(*failed)
	}
	return 0
}

func (e *Exchange) statusOf(err error) int {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return statusTooSlow
	}
	if _, ok := errors.AsType[net.Error](err); ok || e.parent.Err() != nil || errors.Is(err, io.ErrUnexpectedEOF) {
		return problem.StatusClientLeft
	}
	return statusMalformed
}
