// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

// fifo is a queue of requests.
type fifo struct {
	items  []*request
	head   int
	length int
}

func (q *fifo) push(r *request) {
	if q.length == len(q.items) {
		grown := make([]*request, max(16, 2*len(q.items)))
		for i := range q.length {
			grown[i] = q.items[(q.head+i)%len(q.items)]
		}
		q.items, q.head = grown, 0
	}
	q.items[(q.head+q.length)%len(q.items)] = r
	q.length++
}

func (q *fifo) first() *request { return q.items[q.head] }

func (q *fifo) pop() *request {
	r := q.items[q.head]
	q.items[q.head] = nil
	q.head = (q.head + 1) % len(q.items)
	q.length--
	return r
}

// pod runs requests: those with a worker share the cores in the order of Go's scheduler, the others queue for a worker.
type pod struct {
	number           int
	created, readyAt float64
	ready            bool
	leaving          bool
	stopping         bool

	cores, busy int
	runnable    fifo // have a worker and wait for a core
	running     int  // have a worker
	queue       fifo // wait for a worker

	// what the pod's metrics count
	requests, served, failed             float64
	serviceSeconds, durationSeconds, cpu float64
	buckets                              [len(bounds)]float64

	// concurrency is the integral of the requests inside over time, for Knative's autoscaler.
	concurrency, since float64
}

// bounds of the histogram of durations in seconds; an exact one at the threshold is added where it is read.
var bounds = [...]float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 10}

func (p *pod) inside() int { return p.running + p.queue.length }

// integrate brings the concurrency up to now; to be called before the number inside changes.
func (p *pod) integrate(now float64) {
	p.concurrency += float64(p.inside()) * (now - p.since)
	p.since = now
}

func (p *pod) accept(w *world, r *request) {
	p.integrate(w.now)
	p.expire(w)
	switch {
	case p.running < w.workers:
		p.start(w, r)
	case p.queue.length < w.depth:
		p.queue.push(r)
	default:
		p.lose(w, r)
	}
}

// expire turns away those who have waited too long.
func (p *pod) expire(w *world) {
	for p.queue.length > 0 && w.now-p.queue.first().arrived > w.queueTimeout {
		p.lose(w, p.queue.pop())
	}
}

func (p *pod) lose(w *world, r *request) {
	p.requests++
	p.failed++
	p.durationSeconds += w.now - r.arrived
	w.ended(r, true)
}

func (p *pod) start(w *world, r *request) {
	r.started = w.now
	p.running++
	if p.busy < p.cores {
		p.busy++
		p.slice(w, r)
		return
	}
	p.runnable.push(r)
}

func (p *pod) slice(w *world, r *request) {
	w.schedule(min(r.cpu, quantum), event{kind: sliceDone, pod: p, request: r})
}

func (p *pod) sliceDone(w *world, r *request) {
	used := min(r.cpu, quantum)
	p.cpu += used
	w.busyArea += used
	r.cpu -= used
	if r.cpu > 1e-9 {
		p.runnable.push(r)
	} else {
		w.schedule(r.wait, event{kind: waitDone, pod: p, request: r})
	}
	if p.runnable.length > 0 {
		p.slice(w, p.runnable.pop())
	} else {
		p.busy--
	}
}

func (p *pod) finish(w *world, r *request) {
	p.integrate(w.now)
	took := w.now - r.arrived
	p.requests++
	p.served++
	p.serviceSeconds += w.now - r.started
	p.durationSeconds += took
	for i, bound := range bounds {
		if took <= bound {
			p.buckets[i]++
			break
		}
	}
	p.running--
	w.ended(r, false)
	p.expire(w)
	for p.running < w.workers && p.queue.length > 0 {
		p.start(w, p.queue.pop())
	}
	if p.stopping {
		w.collect(p)
	}
}
