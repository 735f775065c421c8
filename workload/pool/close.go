// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"context"
	"fmt"
	"time"
)

// Stats is a pool at one moment.
type Stats struct {
	// Workers and QueueDepth are the budget in force. A pool that sizes itself has MinWorkers to MaxWorkers, else both are Workers.
	Workers, MinWorkers, MaxWorkers, QueueDepth int
	// Busy is how many run; above Workers for a while after the pool was made smaller.
	Busy int
	// Queued is how many wait.
	Queued int
	// Rejected counts those turned away since the pool was made.
	Rejected Rejected
}

// Rejected counts by reason.
type Rejected struct {
	QueueFull, QueueTimeout, WouldMissDeadline, Closed uint64
	// Canceled is how many left the queue because their context ended.
	Canceled uint64
}

// Stats returns the pool's figures. They are of the same moment but for Busy, which may be of the next.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	stats := Stats{
		Workers: p.workers(), QueueDepth: p.config.QueueDepth,
		Busy: int(busyOf(p.word.Load())), Queued: p.queue.length, Rejected: p.rejected,
	}
	stats.MinWorkers, stats.MaxWorkers = stats.Workers, stats.Workers
	if p.sizing.on {
		stats.MinWorkers, stats.MaxWorkers = int(p.sizing.min), int(p.sizing.max)
	}
	return stats
}

// RetryAfter is the time in which those who wait now will have got their workers, by the pace of the queue; 0 if nobody waits.
func (p *Pool) RetryAfter() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pace.wait(p.queue.length, p.now())
}

// Close turns everybody new away with ErrClosed and waits until all that runs or waits is done. If the context ends before that,
// those who still wait are turned away too, and the error says how many go on running: what they do is theirs to end. Close may be
// called again to wait on.
func (p *Pool) Close(ctx context.Context) error {
	p.mu.Lock()
	p.word.Or(closed)
	p.settle()
	p.mu.Unlock()
	select {
	case <-p.idle:
		return nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	cut := p.queue.length
	for i := range p.queue.lines {
		for line := &p.queue.lines[i]; line.length > 0; {
			p.rejected.Closed++
			p.refuse(line.first(), ErrClosed)
		}
	}
	p.dispatch(false)
	p.settle()
	busy := busyOf(p.word.Load())
	if busy == 0 && cut == 0 {
		return nil
	}
	return fmt.Errorf("pool: %d still running and %d turned away while waiting: %w", busy, cut, ctx.Err())
}
