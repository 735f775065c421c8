// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"context"
	"time"
)

// waiter is a place in line: of a goroutine that waits in Acquire, or of a job.
type waiter struct {
	previous, next *waiter
	inLine         bool

	ctx   context.Context
	since time.Duration // on the pool's clock
	ready chan error    // the answer to a goroutine; holds one, so answering never blocks
	job   *Job          // nil for a goroutine
}

// line is a list with the links in its elements, so that anybody can leave it from anywhere in constant time.
type line struct {
	head, tail *waiter
	length     int
}

func (l *line) push(w *waiter) {
	w.previous, w.next, w.inLine = l.tail, nil, true
	if l.tail != nil {
		l.tail.next = w
	} else {
		l.head = w
	}
	l.tail = w
	l.length++
}

func (l *line) remove(w *waiter) {
	if w.previous != nil {
		w.previous.next = w.next
	} else {
		l.head = w.next
	}
	if w.next != nil {
		w.next.previous = w.previous
	} else {
		l.tail = w.previous
	}
	w.previous, w.next, w.inLine = nil, nil, false
	l.length--
}

// wait is the part of Acquire that finds no worker free. waited is the time in line.
func (p *Pool) wait(ctx context.Context) (waited time.Duration, err error) {
	w := p.spare.Get().(*waiter)
	w.ctx = ctx
	p.mu.Lock()
	err = p.enqueue(w)
	p.mu.Unlock()
	since := w.since
	if err == nil {
		select {
		case err = <-w.ready:
		case <-ctx.Done():
			err = p.leave(w)
		}
	}
	w.ctx = nil
	p.spare.Put(w)
	return p.now() - since, err
}

// enqueue puts w in line, or says why not. The lock is held. If a worker became free in the meantime, w is answered already.
func (p *Pool) enqueue(w *waiter) error {
	w.since = p.now()
	switch {
	case p.word.Load()&closed != 0:
		p.rejected.Closed++
		return ErrClosed
	case p.line.head == nil && p.take(0):
		p.grant(w, false)
		return nil
	case p.line.length >= p.config.QueueDepth:
		p.rejected.QueueFull++
		return ErrQueueFull
	case p.wouldMiss(w):
		p.rejected.WouldMissDeadline++
		return ErrWouldMissDeadline
	}
	p.line.push(w)
	if p.line.length == 1 {
		p.pace.begin(w.since)
		p.watchHead()
	}
	p.word.Or(queued)
	p.dispatch(false) // a worker may have become free before the flag was up
	return nil
}

// wouldMiss tells from the pace of the line whether w would have to wait too long in it. The first in line always may: it is
// how a pace that has become wrong gets right again. The lock is held.
func (p *Pool) wouldMiss(w *waiter) bool {
	if p.line.head == nil {
		return false
	}
	expected := time.Duration(p.line.length+1) * p.pace.interval(w.since)
	if p.config.QueueTimeout > 0 && expected > p.config.QueueTimeout {
		return true
	}
	deadline, ok := w.ctx.Deadline()
	return ok && expected > time.Until(deadline)
}

// leave takes a goroutine whose context ended out of line. A worker that it got in the same moment goes to the next.
func (p *Pool) leave(w *waiter) error {
	p.mu.Lock()
	inLine := w.inLine
	if inLine {
		p.line.remove(w)
		p.rejected.Canceled++
		p.dispatch(false)
		p.settle()
	}
	p.mu.Unlock()
	if !inLine {
		if err := <-w.ready; err != nil {
			return err
		}
		p.Release()
	}
	return w.ctx.Err()
}

// dispatch hands free workers to those who wait, in order, and turns away those who cannot use them any more. Given a worker's
// own goroutine, it returns the first job instead of starting a goroutine for it. The lock is held.
func (p *Pool) dispatch(worker bool) (own *Job) {
	for w := p.line.head; w != nil; w = p.line.head {
		now := p.now()
		if p.expired(w, now) {
			p.rejected.QueueTimeout++
			p.refuse(w, ErrQueueTimeout)
			continue
		}
		if err := w.ctx.Err(); err != nil {
			p.rejected.Canceled++
			p.refuse(w, err)
			continue
		}
		if !p.take(0) {
			return own
		}
		p.line.remove(w)
		p.pace.observe(now, p.config.Workers)
		if job := p.grant(w, worker && own == nil); job != nil {
			own = job
		}
	}
	p.word.And(^uint64(queued))
	return own
}

// grant gives w the worker that was taken for it. The lock is held.
func (p *Pool) grant(w *waiter, keep bool) *Job {
	switch {
	case w.job == nil:
		w.ready <- nil
	case keep:
		return w.job
	default:
		go p.work(w.job)
	}
	return nil
}

// refuse takes w out of line with an error. The lock is held.
func (p *Pool) refuse(w *waiter, err error) {
	p.line.remove(w)
	if w.job == nil {
		w.ready <- err
	} else {
		w.job.finish(err)
	}
}

func (p *Pool) expired(w *waiter, now time.Duration) bool {
	return p.config.QueueTimeout > 0 && now-w.since >= p.config.QueueTimeout
}

// watchHead sets the one timer of the queue for its head, whose time is up first. It is not moved when the head gets its worker:
// it finds out when it fires, at most once per QueueTimeout. The lock is held.
func (p *Pool) watchHead() {
	head := p.line.head
	if head == nil || p.config.QueueTimeout == 0 {
		return
	}
	left := head.since + p.config.QueueTimeout - p.now()
	if p.timer != nil {
		p.timer.Reset(left)
		return
	}
	p.timer = time.AfterFunc(left, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.dispatch(false)
		p.settle()
		p.watchHead()
	})
}
