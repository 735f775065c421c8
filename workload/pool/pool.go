// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

var (
	// ErrQueueFull is the answer when all workers are busy and as many wait as may.
	ErrQueueFull = errors.New("pool: the queue is full")
	// ErrQueueTimeout is the answer when no worker was free within Config.QueueTimeout.
	ErrQueueTimeout = errors.New("pool: the wait for a worker took too long")
	// ErrWouldMissDeadline is the answer on arrival when, as fast as the queue moves, no worker would be free before the context's
	// deadline or within Config.QueueTimeout.
	ErrWouldMissDeadline = errors.New("pool: no worker would be free in time")
	// ErrClosed is the answer after Close.
	ErrClosed = errors.New("pool: closed")
)

// Config is the budget of a pool.
type Config struct {
	// Workers is how much may run at once, at least 1; smaller values count as 1. A pool that sizes itself begins with it.
	Workers int
	// MaxWorkers above 0 has the pool size itself: it works on as few things at once as keep the processors busy, between MinWorkers
	// and MaxWorkers. It looks at the CPU time that the process uses, at the goroutines and (on Linux) the threads that wait for a
	// processor, and at the live memory below GOMEMLIMIT, every 10 ms while callers have to wait. 0: the pool keeps Workers.
	MaxWorkers int
	// MinWorkers of a pool that sizes itself; 0: one for each processor that the process may use and can get, or Workers if
	// that is less.
	MinWorkers int
	// QueueDepth is how many may wait when all workers are busy; 0 or less turns everybody away instead. It bounds memory: what
	// bounds the wait is QueueTimeout.
	QueueDepth int
	// QueueTimeout is the longest that anybody waits; 0 or less sets no bound beyond the caller's context.
	QueueTimeout time.Duration
}

// longestTimeout is as good as none, and leaves room to count in.
const longestTimeout = 100 * 365 * 24 * time.Hour

// inRange brings the values into their ranges.
func (c Config) inRange() Config {
	c.Workers = min(max(c.Workers, 1), maxInWord)
	c.QueueDepth = max(c.QueueDepth, 0)
	c.QueueTimeout = min(max(c.QueueTimeout, 0), longestTimeout)
	if c.MaxWorkers <= 0 {
		c.MinWorkers, c.MaxWorkers = 0, 0
		return c
	}
	c.MaxWorkers = min(c.MaxWorkers, maxInWord)
	c.MinWorkers = min(max(c.MinWorkers, 0), c.MaxWorkers)
	c.Workers = min(max(c.Workers, c.MinWorkers), c.MaxWorkers)
	if c.MinWorkers == c.MaxWorkers { // there is nothing to find out
		c.MinWorkers, c.MaxWorkers = 0, 0
	}
	return c
}

// The word holds all that a worker's comings and goings change: how many are busy, how many may be, and whether somebody has to
// be told of a change.
const (
	busyBits  = 30
	maxInWord = 1<<busyBits - 1

	queued = 1 << 63 // somebody waits: nobody passes them, and a free worker must be handed over
	closed = 1 << 62 // nobody new comes in, and the last one out must say so

	wantedElsewhere = 1 << 61 // a neighbor must be told of a free worker
)

func busyOf(word uint64) uint64  { return word & maxInWord }
func limitOf(word uint64) uint64 { return word >> busyBits & maxInWord }

// Pool is a budget of workers with a queue before it. Make one with New.
type Pool struct {
	word atomic.Uint64

	_     [56]byte // keeps the word's traffic off what the queue uses
	start time.Time

	neighbors Neighbors // nil without

	mu       sync.Mutex
	config   Config
	queue    queue
	pace     pace // of all lines together
	sizing   sizing
	timer    *time.Timer
	rejected Rejected
	idle     chan struct{} // closed when the pool is closed and the last worker is done

	spare sync.Pool // of *waiter; of this pool alone, because a channel must not wander between the bubbles of testing/synctest
}

// New returns a pool with the given budget.
func New(config Config) *Pool {
	p := &Pool{start: time.Now(), idle: make(chan struct{})}
	p.spare.New = func() any { return &waiter{ready: make(chan error, 1)} }
	p.Set(config)
	return p
}

// Set puts another budget in force. Fewer workers let those at work finish: the pool shrinks as they do. More workers are handed
// to those who wait at once. Whoever already waits beyond a smaller depth may stay, a shorter timeout counts for them too. A pool
// that sizes itself keeps the number of workers that it has found, within the new bounds.
func (p *Pool) Set(config Config) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.config = config.inRange()
	before, workers := p.workers(), p.setSizing()
	if workers < before {
		p.scale(before, workers)
	}
	p.resize(workers)
	p.dispatchUnpaced()
	p.watchOldest()
}

// dispatchUnpaced is dispatch for new workers, whose hand-overs say nothing about how long work takes.
func (p *Pool) dispatchUnpaced() {
	total, now := p.pace, p.now()
	var each [classes]pace
	for i := range each {
		each[i] = p.queue.lines[i].pace
	}
	p.dispatch(false)
	if p.pace = total; p.queue.length > 0 {
		p.pace.last = now
	}
	for i := range each {
		line := &p.queue.lines[i]
		if line.pace = each[i]; line.length > 0 {
			line.pace.last = now
		}
	}
}

// scale foretells the pace of all lines with another number of workers.
func (p *Pool) scale(from, to int) {
	p.pace.scale(from, to)
	for i := range p.queue.lines {
		p.queue.lines[i].pace.scale(from, to)
	}
}

// workers is the number in force.
func (p *Pool) workers() int { return int(limitOf(p.word.Load())) }

// Acquire waits for a free worker and makes the caller its work: Release must follow. Without error at once or after a wait in
// line, else the context's error or one of the package's. It is AcquireFor with the zero Claim.
func (p *Pool) Acquire(ctx context.Context) error { return p.AcquireFor(ctx, Claim{}) }

// TryAcquire takes a free worker, if nobody waits for it; Release must follow if it reports true. It never waits.
func (p *Pool) TryAcquire() bool { return p.take(queued | closed) }

// AcquireFor is Acquire for a claim, which counts only if the caller has to wait: more important callers are served first, the routes of
// one priority in turns, the clients of one route in turns, and each client's callers in the order of their arrival. Of all hand-overs,
// the next less important line has at least one in 16, and the least important one at least one in 64. If the queue is full, the last of
// the least important line makes room for somebody more important, and that of a client or a route with many places for one with few.
func (p *Pool) AcquireFor(ctx context.Context, claim Claim) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if p.take(queued | closed) {
		return nil
	}
	_, err := p.wait(ctx, claim)
	return err
}

// Release gives the worker of a successful Acquire back. It panics if there was none.
func (p *Pool) Release() {
	word := p.word.Add(math.MaxUint64)
	if busyOf(word) == maxInWord {
		p.word.Add(1)
		panic("pool: Release without Acquire")
	}
	if word&(queued|closed|wantedElsewhere) != 0 {
		p.freed(false)
	}
}

// Do calls f in the caller's goroutine as soon as a worker is free and returns its error, or that of Acquire without calling it.
// A panic of f passes through and leaves the pool in order.
func (p *Pool) Do(ctx context.Context, f func(context.Context) error) error {
	if err := p.Acquire(ctx); err != nil {
		return err
	}
	defer p.Release()
	return f(ctx)
}

// take makes one more worker busy if there is one and none of the flags in unless is up.
func (p *Pool) take(unless uint64) bool {
	for {
		word := p.word.Load()
		if word&unless != 0 || busyOf(word) >= limitOf(word) {
			return false
		}
		if p.word.CompareAndSwap(word, word+1) {
			return true
		}
	}
}

// freed hands a worker that has become free to whoever waits. Given a worker's own goroutine, it returns the job that the
// goroutine runs next, if a job was waiting.
func (p *Pool) freed(worker bool) *Job {
	p.mu.Lock()
	next := p.dispatch(worker)
	p.settle()
	word := p.word.Load()
	spare := next == nil && word&(queued|wantedElsewhere) == wantedElsewhere && busyOf(word) < limitOf(word)
	p.mu.Unlock()
	if spare {
		p.neighbors.Freed()
	}
	return next
}

// settle tells Close when the last worker is done. The lock is held.
func (p *Pool) settle() {
	if word := p.word.Load(); word&closed == 0 || busyOf(word) > 0 || p.queue.length > 0 {
		return
	}
	select {
	case <-p.idle:
	default:
		close(p.idle)
	}
}

// now is the time on the pool's own clock.
func (p *Pool) now() time.Duration { return time.Since(p.start) }
