// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"math"
	"time"
)

// sizing is what a pool that sizes itself has besides.
type sizing struct {
	sizer
	on      bool
	looking bool    // the timer runs
	resting bool    // it runs slowly, since nobody has to wait
	seen    traffic // since the last look
	calm    int     // looks in a row at which nobody had to wait
	timer   *time.Timer
	measure func() reading
	stalls  func() float64 // set before the timer, and never again: it is read without the lock
}

// calmLooks end the looking, once the pool is back where it starts.
const calmLooks = 10

// setSizing takes the bounds of a new Config over. What the pool has found out stays, within the bounds. The lock is held. It returns
// the workers to begin with.
func (p *Pool) setSizing() int {
	s, c := &p.sizing, p.config
	was := s.on
	s.on = c.MaxWorkers > 0
	if !s.on {
		return c.Workers
	}
	if s.measure == nil {
		s.measure, s.stalls = newMeter().read, (&stalls{waited: func() (time.Duration, int) { return waitOfThreads(threadsFolder) }}).read
	}
	s.start, s.max = float64(c.Workers), float64(c.MaxWorkers)
	if !was || !s.looking {
		s.limit, s.available = s.start, 1
	}
	s.min = float64(c.MinWorkers)
	if c.MinWorkers == 0 {
		s.min = s.least(s.measure())
	}
	s.limit = math.Min(math.Max(s.limit, s.min), s.max)
	return s.workers()
}

// least is the lower bound of a pool whose Config has none: a worker for each processor that it can get, if it starts with as many.
func (s *sizing) least(r reading) float64 {
	return math.Min(math.Max(math.Ceil(r.processors*s.available-rounding), 1), s.start)
}

// watchSize has the pool look at its process for as long as callers have to wait, and some time after. The lock is held.
func (p *Pool) watchSize() {
	s := &p.sizing
	if !s.on {
		return
	}
	s.seen.waited = true
	if s.looking && !s.resting {
		return
	}
	s.looking, s.resting, s.calm = true, false, 0
	s.begin(p.now(), s.measure())
	go s.stalls() // the first reading tells nothing but where the next one begins
	p.lookAfter(idleWindow)
}

func (p *Pool) lookAfter(d time.Duration) {
	s := &p.sizing
	if s.timer != nil {
		s.timer.Reset(d)
		return
	}
	s.timer = time.AfterFunc(d, p.look)
}

// look at the process and resize the pool.
func (p *Pool) look() {
	// Not under the lock: where other processes take the processors, a system call may cost the goroutine its turn.
	stalled := p.sizing.stalls()
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &p.sizing
	if !s.on {
		s.looking = false
		return
	}
	now, seen := p.now(), s.seen
	s.seen = traffic{}
	seen.busy = int(busyOf(p.word.Load()))
	seen.waited = seen.waited || p.queue.length > 0
	seen.hold, seen.patience = time.Duration(seen.busy)*p.pace.interval(), p.config.QueueTimeout
	r := s.measure()
	r.stalled = stalled
	if p.config.MinWorkers == 0 { // a quota may have changed
		s.min = s.least(r)
	}
	s.sizer.look(now, r, seen)
	p.resize(s.workers())
	s.resting = !seen.waited
	if seen.waited {
		s.calm = 0
		p.lookAfter(tickEvery)
		return
	}
	s.calm++
	start := math.Min(math.Max(s.start, s.min), s.max)
	if s.calm >= calmLooks && (s.limit == start || s.limit < start && s.last.tight) { // short memory keeps it from growing back
		s.looking = false
		return
	}
	p.lookAfter(restEvery)
}

// resize puts another number of workers in force. The lock is held.
func (p *Pool) resize(workers int) {
	before := p.workers()
	if workers == before {
		return
	}
	for {
		word := p.word.Load()
		if p.word.CompareAndSwap(word, word&^(maxInWord<<busyBits)|uint64(workers)<<busyBits) {
			break
		}
	}
	if workers < before {
		return // where processors are busy, fewer workers do as much
	}
	p.scale(before, workers)
	p.dispatchUnpaced()
}
