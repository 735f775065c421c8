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
	// Workers is how much may run at once, at least 1; smaller values count as 1.
	Workers int
	// QueueDepth is how many may wait when all workers are busy; 0 or less turns everybody away instead.
	QueueDepth int
	// QueueTimeout is the longest that anybody waits; 0 or less sets no bound beyond the caller's context.
	QueueTimeout time.Duration
}

// The word holds all that a worker's comings and goings change: how many are busy, how many may be, and whether somebody has to
// be told of a change.
const (
	busyBits  = 31
	maxInWord = 1<<busyBits - 1

	queued = 1 << 63 // somebody waits: nobody passes them, and a free worker must be handed over
	closed = 1 << 62 // nobody new comes in, and the last one out must say so
)

func busyOf(word uint64) uint64  { return word & maxInWord }
func limitOf(word uint64) uint64 { return word >> busyBits & maxInWord }

// Pool is a budget of workers with a queue before it. Make one with New.
type Pool struct {
	word atomic.Uint64

	_     [56]byte // keeps the word's traffic off what the queue uses
	start time.Time

	mu       sync.Mutex
	config   Config
	line     line
	pace     pace
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
// to those who wait at once. Whoever already waits beyond a smaller depth may stay, a shorter timeout counts for them too.
func (p *Pool) Set(config Config) {
	config.Workers = min(max(config.Workers, 1), maxInWord)
	config.QueueDepth = max(config.QueueDepth, 0)
	config.QueueTimeout = max(config.QueueTimeout, 0)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pace.scale(p.config.Workers, config.Workers)
	p.config = config
	for {
		word := p.word.Load()
		if p.word.CompareAndSwap(word, word&^(maxInWord<<busyBits)|uint64(config.Workers)<<busyBits) {
			break
		}
	}
	pace := p.pace
	p.dispatch(false)
	p.pace = pace // hand-overs to new workers say nothing about how long work takes
	p.pace.begin(p.now())
	p.watchHead()
}

// Acquire waits for a free worker and makes the caller its work: Release must follow. Without error at once or after a wait in
// line, else the context's error or one of the package's.
func (p *Pool) Acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if p.take(queued | closed) {
		return nil
	}
	_, err := p.wait(ctx)
	return err
}

// Release gives the worker of a successful Acquire back. It panics if there was none.
func (p *Pool) Release() {
	word := p.word.Add(math.MaxUint64)
	if busyOf(word) == maxInWord {
		p.word.Add(1)
		panic("pool: Release without Acquire")
	}
	if word&(queued|closed) != 0 {
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
	defer p.mu.Unlock()
	next := p.dispatch(worker)
	p.settle()
	return next
}

// settle tells Close when the last worker is done. The lock is held.
func (p *Pool) settle() {
	if word := p.word.Load(); word&closed == 0 || busyOf(word) > 0 || p.line.head != nil {
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
