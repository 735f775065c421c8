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
}

// flow is what one client has in line at one priority. It exists only while that is something, so the memory that clients take is
// bounded by the places in the queue, whatever keys they come with.
type flow struct {
	client         string
	line           *line
	head, tail     *waiter
	length         int
	previous, next *flow // in the circle of those who take turns
}

// line is what waits at one priority: its clients take turns.
type line struct {
	flows          map[string]*flow
	turn           *flow   // whose turn it is; nil if nobody waits
	oldest, newest *waiter // in the order of arrival
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
	lines  [classes]line
	length int
	grants uint // which decide when less important lines have their share
	spare  *flow
	spares int
}

// The least that waiting work of less priority gets of all hand-overs, so that no line starves: the line below the most important
// one that waits, and the least important one.
const (
	shareBelow  = 16
	shareLowest = 64
)

// maxSpareFlows are kept for reuse.
const maxSpareFlows = 256

func (q *queue) push(w *waiter, class int, client string) {
	l := &q.lines[class]
	f := l.flows[client]
	if f == nil {
		f = q.newFlow(l, client)
	}
	w.flow, w.ahead, w.behind = f, f.tail, nil
	if f.tail != nil {
		f.tail.behind = w
	} else {
		f.head = w
	}
	f.tail = w
	f.length++
	l.length++
	w.earlier, w.later = l.newest, nil
	if l.newest != nil {
		l.newest.later = w
	} else {
		l.oldest = w
	}
	l.newest = w
	q.length++
}

// newFlow adds a client, whose turn comes after all others'.
func (q *queue) newFlow(l *line, client string) *flow {
	f := q.spare
	if f != nil {
		q.spare, f.next = f.next, nil
		q.spares--
	} else {
		f = &flow{}
	}
	f.client, f.line = client, l
	if l.turn == nil {
		f.previous, f.next = f, f
		l.turn = f
	} else {
		f.previous, f.next = l.turn.previous, l.turn
		f.previous.next, f.next.previous = f, f
	}
	if l.flows == nil {
		l.flows = map[string]*flow{}
	}
	l.flows[client] = f
	return f
}

func (q *queue) remove(w *waiter) {
	f, l := w.flow, w.flow.line
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
	w.flow, w.ahead, w.behind, w.earlier, w.later = nil, nil, nil, nil, nil
	f.length--
	l.length--
	q.length--
	if f.length == 0 {
		q.endFlow(f)
	}
}

func (q *queue) endFlow(f *flow) {
	l := f.line
	delete(l.flows, f.client)
	if l.turn == f {
		l.turn = f.next
	}
	if l.turn == f {
		l.turn = nil
	}
	f.previous.next, f.next.previous = f.next, f.previous
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
	case grant%shareLowest == 0:
		class = lowest
	case grant%shareBelow == 0 && class < lowest:
		for class++; q.lines[class].length == 0; {
			class++
		}
	}
	return q.lines[class].turn.head
}

// granted takes w, which was first, out of line and passes the turn on.
func (q *queue) granted(w *waiter) {
	f := w.flow
	f.line.turn = f.next
	q.grants++
	q.remove(w)
}

// before is how many hand-overs of a line come before and with that of one more request of the client: all that wait, or as many
// rounds of all clients as the client itself has requests in line.
func (l *line) before(client string) int {
	own, clients := 0, len(l.flows)
	if f := l.flows[client]; f != nil {
		own = f.length
	} else {
		clients++
	}
	return min(l.length, (own+1)*clients-1) + 1
}

// looked bounds the search for the client with the most places.
const looked = 8

// victim is who has to make room for one more request of the client when the queue is full: the last of a less important line, or of
// a client of the same line that has more places. Nil: nobody has to.
func (q *queue) victim(class int, client string) *waiter {
	for lower := classes - 1; lower > class; lower-- {
		if l := &q.lines[lower]; l.length > 0 {
			return l.longest().tail
		}
	}
	l := &q.lines[class]
	if l.length == 0 {
		return nil
	}
	own := 0
	if f := l.flows[client]; f != nil {
		own = f.length
	}
	if most := l.longest(); most.length > own+1 {
		return most.tail
	}
	return nil
}

// longest is the client with the most places among the next ones whose turn it is, and the last.
func (l *line) longest() *flow {
	most := l.turn.previous
	for f, i := l.turn, 0; i < min(looked, len(l.flows)); f, i = f.next, i+1 {
		if f.length > most.length {
			most = f
		}
	}
	return most
}
