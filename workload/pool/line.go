// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"context"
	"time"
)

// waiter is a place in line: of a goroutine that waits in Acquire, or of a job.
type waiter struct {
	flow           *flow // nil when the waiter is not in line
	ahead, behind  *waiter
	earlier, later *waiter
	ctx            context.Context
	since          time.Duration // on the pool's clock
	ready          chan error    // the answer to a goroutine; holds one, so answering never blocks
	job            *Job          // nil for a goroutine
	movable        bool
	expected       time.Duration // that a movable one was expected to wait
}

// line is what waits at one priority: routes take turns, and so do the clients of each.
type line struct {
	flows          map[key]*flow
	routes         circle
	round          int     // hand-overs in one turn of each route
	oldest, newest *waiter // of those who are not patient, in the order of arrival
	length         int
	pace           pace
	turnedAway     float64       // share of those who came lately that waited too long, or would have
	turnedAwayAt   time.Duration // the last of them, on the pool's clock
}

const (
	// overloadFrom is the share of callers turned away for their wait that makes an overload, by the mean over overloadOf callers.
	overloadFrom = 0.1
	overloadOf   = 64
	// overloadLasts at most, when nobody is turned away any more.
	overloadLasts = time.Second
)

// admitted notes that somebody may wait.
func (l *line) admitted() { l.turnedAway -= l.turnedAway / overloadOf }

// tooLong notes that somebody waited too long, or would have.
func (l *line) tooLong(now time.Duration) {
	if now-l.turnedAwayAt > overloadLasts {
		l.turnedAway = 0
	}
	l.turnedAway += (1 - l.turnedAway) / overloadOf
	l.turnedAwayAt = now
}

func (l *line) overloaded(now time.Duration) bool {
	return l.turnedAway > overloadFrom && now-l.turnedAwayAt <= overloadLasts
}

// queue holds all lines. Its links are in the waiters, so that anybody can leave from anywhere in constant time.
type queue struct {
	lines   [classes]line
	length  int
	patient int  // of them
	movable int  // of them
	grants  uint // which decide when less important lines have their share
	spare   *flow
	spares  int
}

// The least that waiting work of less priority gets of all hand-overs, so that no line starves: the line below the most important
// one that waits, and the least important one.
const (
	shareBelow  = 16
	shareLowest = 64
)

// maxSpareFlows are kept for reuse.
const maxSpareFlows = 256

func (q *queue) push(w *waiter, at spot) {
	l, f := at.line, at.client
	if f == nil {
		f = q.newClient(at)
	}
	w.flow, w.ahead, w.behind = f, f.tail, nil
	if f.tail != nil {
		f.tail.behind = w
	} else {
		f.head = w
	}
	f.tail = w
	f.count(1)
	if f.key.patient {
		q.patient++
	} else {
		l.arrive(w)
	}
	q.length++
	if w.movable {
		q.movable++
	}
}

// count who came or left.
func (f *flow) count(n int) {
	f.length += n
	f.route.length += n
	f.line.length += n
}

// arrive puts w at the end of the order of arrival, and depart takes it out.
func (l *line) arrive(w *waiter) {
	w.earlier, w.later = l.newest, nil
	if l.newest != nil {
		l.newest.later = w
	} else {
		l.oldest = w
	}
	l.newest = w
}

func (l *line) depart(w *waiter) {
	if w.earlier != nil {
		w.earlier.later = w.later
	} else {
		l.oldest = w.later
	}
	if w.later != nil {
		w.later.earlier = w.earlier
	} else {
		l.newest = w.earlier
	}
}

// newClient adds a client to the line, and its route if nobody waits for that.
func (q *queue) newClient(at spot) *flow {
	l, route := at.line, at.route
	if route == nil {
		route = q.newFlow(l, key{route: at.key.route, all: true})
		l.routes.add(route)
	}
	f := q.newFlow(l, at.key)
	f.route = route
	l.round -= route.quantum()
	route.clients.add(f)
	l.round += route.quantum()
	return f
}

func (q *queue) newFlow(l *line, k key) *flow {
	f := q.spare
	if f != nil {
		q.spare, f.next = f.next, nil
		q.spares--
	} else {
		f = &flow{}
	}
	f.key, f.line = k, l
	if l.flows == nil {
		l.flows = map[key]*flow{}
	}
	l.flows[k] = f
	return f
}

func (q *queue) remove(w *waiter) {
	f := w.flow
	if w.ahead != nil {
		w.ahead.behind = w.behind
	} else {
		f.head = w.behind
	}
	if w.behind != nil {
		w.behind.ahead = w.ahead
	} else {
		f.tail = w.ahead
	}
	if f.key.patient {
		q.patient--
	} else {
		f.line.depart(w)
	}
	w.flow, w.ahead, w.behind, w.earlier, w.later = nil, nil, nil, nil, nil
	f.count(-1)
	q.length--
	if w.movable {
		q.movable--
	}
	if f.length == 0 {
		q.endClient(f)
	}
}

func (q *queue) endClient(f *flow) {
	l, route := f.line, f.route
	l.round -= route.quantum()
	route.clients.remove(f)
	l.round += route.quantum()
	q.endFlow(f)
	if route.length == 0 {
		l.routes.remove(route)
		q.endFlow(route)
	}
}

func (q *queue) endFlow(f *flow) {
	delete(f.line.flows, f.key)
	*f = flow{}
	if q.spares < maxSpareFlows {
		f.next, q.spare = q.spare, f
		q.spares++
	}
}

// first is who gets the next worker; nil if nobody waits.
func (q *queue) first() *waiter {
	if q.length == 0 {
		return nil
	}
	class := 0
	for q.lines[class].length == 0 {
		class++
	}
	lowest := classes - 1
	for q.lines[lowest].length == 0 {
		lowest--
	}
	switch grant := q.grants + 1; {
	case grant%shareLowest == shareBelow/2: // between two that the next line has
		class = lowest
	case grant%shareBelow == 0 && class < lowest:
		for class++; q.lines[class].length == 0; {
			class++
		}
	}
	return q.lines[class].first()
}

// first of the client whose turn it is.
func (l *line) first() *waiter { return l.routes.turn.clients.turn.head }

// granted takes w, which was first, out of line and passes the turn on.
func (q *queue) granted(w *waiter) {
	w.flow.line.pass(w.flow)
	q.grants++
	q.remove(w)
}
