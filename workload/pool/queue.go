// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"context"
	"math"
	"time"
)

// wait is the part of Acquire that finds no worker free. waited is the time in line.
func (p *Pool) wait(ctx context.Context, claim Claim) (waited time.Duration, err error) {
	w := p.spare.Get().(*waiter)
	w.ctx, w.movable = ctx, claim.Movable && p.neighbors != nil
	p.mu.Lock()
	err = p.enqueue(w, claim)
	since, movable := w.since, w.movable && w.flow != nil
	p.mu.Unlock()
	if err == nil {
		if movable {
			p.neighbors.Waits(w.expected, claim.Priority)
		}
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
func (p *Pool) enqueue(w *waiter, claim Claim) error {
	w.since = p.now()
	class := claim.Priority.class()
	p.sizing.seen.attempts++
	if p.word.Load()&closed != 0 {
		p.rejected.Closed++
		return ErrClosed
	}
	if p.queue.length == 0 && p.take(0) {
		p.grant(w, false)
		return nil
	}
	p.watchSize()
	line := &p.queue.lines[class]
	at := line.spot(claim.key())
	if !claim.Patient {
		if err := p.turnAway(w, class, at); err != nil {
			return err
		}
		line.admitted()
	}
	if p.queue.length == 0 {
		p.pace.begin(w.since)
	}
	if line.length == 0 {
		line.pace.begin(w.since)
	}
	if w.movable {
		w.expected = p.expected(class, at, w.since)
	}
	p.queue.push(w, at)
	if line.oldest == w {
		p.watchOldest()
	}
	p.word.Or(queued)
	p.dispatch(false) // a worker may have become free before the flag was up
	return nil
}

// turnAway says why w may not wait; nil if it may. The lock is held.
func (p *Pool) turnAway(w *waiter, class int, at spot) error {
	if p.wouldMiss(w, class, at) {
		p.rejected.WouldMissDeadline++
		return ErrWouldMissDeadline
	}
	if p.queue.length-p.queue.patient >= p.config.QueueDepth && !p.makeRoom(class, at) {
		p.rejected.QueueFull++
		return ErrQueueFull
	}
	return nil
}

// wouldMiss tells from the pace of the line whether w would have to wait too long in it. The first in line always may: it is
// how a pace that has become wrong gets right again. The lock is held.
func (p *Pool) wouldMiss(w *waiter, class int, at spot) bool {
	line := &p.queue.lines[class]
	if line.length == 0 {
		return false
	}
	expected := p.expected(class, at, w.since)
	if !line.pace.known() && !p.pace.known() {
		expected = 0 // a guess turns nobody away
	}
	if bound := p.bound(class, w.since); bound > 0 && expected > bound {
		line.tooLong(w.since)
		return true
	}
	deadline, ok := w.ctx.Deadline()
	return ok && expected > time.Until(deadline)
}

// longLine is where the pace of the last moments alone says too little: a pause of the process, multiplied by so many, is no
// overload. Then nobody is expected to wait for more than ageFactor times as long, for each in line, as the oldest has waited.
const (
	longLine  = 64
	ageFactor = 2
)

// expected is the wait of one more request: by the pace of its line, or, as long as that is not known, by the pace of
// all lines, with those ahead that are more important.
func (p *Pool) expected(class int, at spot, now time.Duration) time.Duration {
	line := &p.queue.lines[class]
	turns := at.before()
	wait := line.pace.wait(turns, now)
	if !line.pace.known() {
		ahead := turns
		for higher := range class {
			ahead += p.queue.lines[higher].length
		}
		wait = p.pace.wait(ahead, now)
	}
	if line.length >= longLine && line.oldest != nil {
		each := (now - line.oldest.since) / time.Duration(line.length)
		wait = min(wait, ageFactor*time.Duration(turns)*each)
	}
	return wait
}

const (
	// overloadedShare of the longest wait is what those who come during an overload may expect to wait. Once the wait has reached its
	// bound, a shorter queue serves as many requests, sooner (K. Nichols, V. Jacobson: Controlling Queue Delay, 2012). A burst that
	// is over before that never sees it.
	overloadedShare = 2
	// criticalPatience is how many times Config.QueueTimeout critical callers wait: as long as they are few enough not to be the
	// overload themselves, they are served late rather than not at all.
	criticalPatience = 2
)

// patience is the longest wait in a line; 0 without a bound.
func (p *Pool) patience(class int) time.Duration {
	if class == Critical.class() {
		return criticalPatience * p.config.QueueTimeout
	}
	return p.config.QueueTimeout
}

// bound is the longest wait that somebody who comes now may expect.
func (p *Pool) bound(class int, now time.Duration) time.Duration {
	if p.queue.lines[class].overloaded(now) {
		return p.patience(class) / overloadedShare
	}
	return p.patience(class)
}

// makeRoom turns somebody away for one more request, or says that there is nobody. The lock is held.
func (p *Pool) makeRoom(class int, at spot) bool {
	if p.config.QueueDepth == 0 {
		return false
	}
	victim := p.queue.victim(class, at)
	if victim == nil {
		return false
	}
	p.rejected.QueueFull++
	p.refuse(victim, ErrQueueFull)
	return true
}

// leave takes a goroutine whose context ended out of line. A worker that it got in the same moment goes to the next.
func (p *Pool) leave(w *waiter) error {
	p.mu.Lock()
	inLine := w.flow != nil
	if inLine {
		p.queue.remove(w)
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
	now := p.now()
	p.expire(now)
	for w := p.queue.first(); w != nil; w = p.queue.first() {
		if err := w.ctx.Err(); err != nil {
			p.rejected.Canceled++
			p.refuse(w, err)
			continue
		}
		if !p.take(0) {
			return own
		}
		line := w.flow.line
		p.queue.granted(w)
		p.pace.observe(now, p.workers())
		line.pace.observe(now, p.workers())
		if job := p.grant(w, worker && own == nil); job != nil {
			own = job
		}
	}
	p.word.And(^uint64(queued))
	return own
}

// expire turns away all who have waited as long as they may. The lock is held.
func (p *Pool) expire(now time.Duration) {
	if p.config.QueueTimeout == 0 {
		return
	}
	for class := range p.queue.lines {
		line, patience := &p.queue.lines[class], p.patience(class)
		for line.oldest != nil && now-line.oldest.since >= patience {
			line.tooLong(now)
			p.rejected.QueueTimeout++
			p.refuse(line.oldest, ErrQueueTimeout)
		}
	}
}

// grant gives w the worker that was taken for it. The lock is held.
func (p *Pool) grant(w *waiter, keep bool) *Job {
	p.sizing.seen.grants++
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
	p.queue.remove(w)
	if w.job == nil {
		w.ready <- err
		return
	}
	if stop := w.job.stop; stop != nil {
		stop() // the context may live for long, and would keep the job
	}
	w.job.finish(err)
}

// watchOldest sets the one timer of the queue for whoever's time is up first. It is not moved when that one gets a worker: it finds
// out when it fires, at most once per QueueTimeout. The lock is held.
func (p *Pool) watchOldest() {
	if p.queue.length == p.queue.patient || p.config.QueueTimeout == 0 {
		return
	}
	first := time.Duration(math.MaxInt64)
	for class := range p.queue.lines {
		if line := &p.queue.lines[class]; line.oldest != nil {
			first = min(first, line.oldest.since+p.patience(class))
		}
	}
	left := first - p.now()
	if p.timer != nil {
		p.timer.Reset(left)
		return
	}
	p.timer = time.AfterFunc(left, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.dispatch(false)
		p.settle()
		p.watchOldest()
	})
}
