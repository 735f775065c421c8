// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"context"

	"goservice.dev/operator/workload/panics"
)

// Job is work that was handed to Submit.
type Job struct {
	ctx  context.Context
	run  func(context.Context) error
	stop func() bool // ends the watch over the context of a job that waits; nil if it never waited
	done chan struct{}
	err  error
}

// Submit has f called with ctx on a goroutine of the pool as soon as a worker is free. It does not wait for that: the answer is
// a Job, or an error if all workers are busy and the queue turns the job away. A job whose context ends while it is queued is not
// run. A job that panics fails with a *panics.Error and hurts nobody else.
//
// To run many jobs at the pace of the pool rather than have the queue turn them away, call Do from a fan-out.
func (p *Pool) Submit(ctx context.Context, f func(context.Context) error) (*Job, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	j := &Job{ctx: ctx, run: f, done: make(chan struct{})}
	if p.take(queued | closed) {
		go p.work(j)
		return j, nil
	}
	w := &waiter{ctx: ctx, job: j}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.enqueue(w, Claim{}); err != nil {
		return nil, err
	}
	if w.flow != nil && ctx.Done() != nil {
		j.stop = context.AfterFunc(ctx, func() { p.abandon(w) })
	}
	return j, nil
}

// Done is closed when the job has run or will not run any more.
func (j *Job) Done() <-chan struct{} { return j.done }

// Err returns the job's error once Done is closed: what the function returned, a *panics.Error, panics.ErrGoexit, or why the job was
// not run (ErrQueueTimeout, ErrClosed or the error of its context). Before, it returns nil.
func (j *Job) Err() error {
	select {
	case <-j.done:
		return j.err
	default:
		return nil
	}
}

// Wait waits for the end of the job and returns its error, or the error of ctx if that ends first. The job goes on then: its own
// context is what stops it.
func (j *Job) Wait(ctx context.Context) error {
	select {
	case <-j.done:
		return j.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (j *Job) finish(err error) {
	j.err = err
	close(j.done)
}

// work runs j and then, as long as jobs are next in line, those.
func (p *Pool) work(j *Job) {
	for j != nil {
		j = p.runOne(j)
	}
}

// runOne runs j, frees its worker and returns the job that was next in line for it.
func (p *Pool) runOne(j *Job) (next *Job) {
	if j.stop != nil {
		j.stop()
	}
	err, goesOn := panics.ErrGoexit, false // stands unless the function returns or panics
	defer func() {
		if value := recover(); value != nil {
			err, goesOn = panics.Recovered(value), true
		}
		// The worker is free before the caller learns that the job ended: a caller that submits again at once finds it free.
		next = p.releaseTo(goesOn)
		j.finish(err)
	}()
	err = j.run(j.ctx)
	goesOn = true
	return nil
}

// releaseTo is Release for a worker's goroutine, which takes over the next job unless it is about to end.
func (p *Pool) releaseTo(goesOn bool) *Job {
	if p.word.Add(^uint64(0))&(queued|closed|wantedElsewhere) == 0 {
		return nil
	}
	return p.freed(goesOn)
}

// abandon takes a queued job whose context has ended out of line.
func (p *Pool) abandon(w *waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.flow != nil {
		p.rejected.Canceled++
		p.refuse(w, w.ctx.Err())
		p.dispatch(false)
		p.settle()
	}
}
