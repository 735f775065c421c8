// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"slices"
	"strconv"
	"time"
)

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

func (q *fifo) pushFront(r *request) {
	q.push(r) // makes room
	q.items[(q.head+q.length-1)%len(q.items)] = nil
	q.head = (q.head + len(q.items) - 1) % len(q.items)
	q.items[q.head] = r
}

func (q *fifo) first() *request { return q.items[q.head] }

func (q *fifo) pop() *request {
	r := q.items[q.head]
	q.items[q.head] = nil
	q.head = (q.head + 1) % len(q.items)
	q.length--
	return r
}

// Pod runs requests: those with a worker share the cores in the order of Go's scheduler, the others queue for a worker.
type Pod struct {
	world            *World
	number           int
	created, readyAt float64
	ready            bool
	leaving          bool
	stopping         bool

	cores, busy int
	runnable    fifo // have a worker and wait for a core
	running     int  // have a worker
	queue       fifo // wait for a worker
	sharing

	// what the pod's metrics count
	requests, served, failed, limited, moved float64
	serviceSeconds, durationSeconds, cpu     float64
	buckets                                  []float64 // by the world's bounds

	// excess are requests that have come and cannot be worked on yet, where requests flow.
	excess float64

	// requestSeconds is the integral of the requests inside over time, up to since.
	requestSeconds, since float64
}

// Name of the pod; no other one of the same simulation has it.
func (p *Pod) Name() string { return "pod-" + strconv.Itoa(p.number) }

// Created is when the pod was created, ReadyAt since when it serves; zero before.
func (p *Pod) Created() time.Time { return simTime(p.created) }

// ReadyAt is since when the pod serves; zero before.
func (p *Pod) ReadyAt() time.Time {
	if !p.ready {
		return time.Time{}
	}
	return simTime(p.readyAt)
}

// Ready says that the pod serves or has served, Leaving that it is being removed.
func (p *Pod) Ready() bool { return p.ready }

// Leaving says that the pod is being removed.
func (p *Pod) Leaving() bool { return p.leaving }

// CPUSeconds that the pod has used since its start.
func (p *Pod) CPUSeconds() float64 { return p.cpu }

// Requests that the pod has answered or turned away since its start.
func (p *Pod) Requests() float64 { return p.requests }

// Inside is how many requests are in the pod, working or queued.
func (p *Pod) Inside() int { return p.inside() }

// RequestSeconds is the integral of the requests inside over time; its growth by time is the mean concurrency.
func (p *Pod) RequestSeconds() float64 {
	p.integrate(p.world.now)
	return p.requestSeconds
}

// defaultBounds of the pods' histograms of durations in seconds.
var defaultBounds = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 10}

// boundsWith adds one at exactly the threshold, as the operator has it done.
func boundsWith(threshold float64) []float64 {
	bounds := append([]float64{threshold}, defaultBounds...)
	slices.Sort(bounds)
	return slices.Compact(bounds)
}

func (p *Pod) inside() int { return p.running + p.queue.length + p.beside.length }

// integrate brings requestSeconds up to now; to be called before the number inside changes.
func (p *Pod) integrate(now float64) {
	p.requestSeconds += float64(p.inside()) * (now - p.since)
	p.since = now
}

func (p *Pod) accept(w *World, r *request) {
	p.integrate(w.now)
	p.expire(w)
	switch {
	case p.hasWorker(w) && p.queue.length == 0:
		p.start(w, r)
	case p.queue.length < w.depth:
		p.queue.push(r)
		p.waits(w)
	case p.shares(w):
		p.offer(w, r)
	default:
		p.lose(w, r)
	}
}

// expire turns away those who have waited too long.
func (p *Pod) expire(w *World) {
	for p.queue.length > 0 && w.now-p.queue.first().arrived > w.queueTimeout {
		p.lose(w, p.queue.pop())
	}
	for p.beside.length > 0 && w.now > p.beside.first().offered {
		p.lose(w, p.beside.pop())
		p.pause = min(max(2*p.pause, firstPause), longestPause)
		p.mayOffer = w.now + p.pause
	}
}

func (p *Pod) lose(w *World, r *request) {
	p.requests++
	p.failed++
	p.durationSeconds += w.now - r.arrived
	w.ended(r, true)
}

func (p *Pod) start(w *World, r *request) {
	r.started = w.now
	p.running++
	if p.busy < p.cores {
		p.busy++
		p.slice(w, r)
		return
	}
	p.runnable.push(r)
}

func (p *Pod) slice(w *World, r *request) {
	w.schedule(min(r.cpu, quantum), event{kind: sliceDone, pod: p, request: r})
}

func (p *Pod) sliceDone(w *World, r *request) {
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

func (p *Pod) finish(w *World, r *request) {
	p.integrate(w.now)
	p.served++
	p.serviceSeconds += w.now - r.started
	p.worked(w.now - r.started)
	p.running--
	if r.origin != nil {
		p.answer(w, r)
	} else {
		p.answered(w, r)
	}
	p.next(w)
	if p.stopping {
		w.collect(p)
	}
}

// answered is what the pod in which a request came in counts.
func (p *Pod) answered(w *World, r *request) {
	took := w.now - r.arrived
	p.requests++
	p.durationSeconds += took
	for i, bound := range w.bounds {
		if took <= bound {
			p.buckets[i]++
			break
		}
	}
	w.ended(r, false)
}

// next lets those in line have the workers that are free, and others' requests what is left.
func (p *Pod) next(w *World) {
	p.expire(w)
	for p.hasWorker(w) && p.queue.length > 0 {
		p.start(w, p.queue.pop())
	}
	for p.queue.length < w.depth && p.beside.length > 0 {
		if r := p.beside.pop(); p.hasWorker(w) {
			p.start(w, r)
		} else {
			p.queue.push(r)
		}
	}
	p.grant(w)
}
