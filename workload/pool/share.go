// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import "time"

// Neighbors are other pools that could do this pool's work, and have work that it could do.
type Neighbors interface {
	// Waits is called when somebody who may move has joined the queue, with the time that they are expected to wait.
	Waits(expected time.Duration, priority Priority)
	// Freed is called when a worker may be free that nobody here waits for, as long as Want(true) holds.
	Freed()
}

// Share tells the neighbors what happens here. It must be called before the pool is used.
func (p *Pool) Share(with Neighbors) { p.neighbors = with }

// Want says whether a neighbor wants a worker: then Neighbors.Freed is called for each that becomes free. Those who come and go here
// pay for it only as long as it holds.
func (p *Pool) Want(wanted bool) {
	if wanted {
		p.word.Or(wantedElsewhere)
	} else {
		p.word.And(^uint64(wantedElsewhere))
	}
}

// Workers is how many there are.
func (p *Pool) Workers() int { return p.workers() }

// Patience is the longest wait in line of those who are not critical; 0 without a bound.
func (p *Pool) Patience() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.config.QueueTimeout
}

// Queued reports whether somebody waits.
func (p *Pool) Queued() bool { return p.word.Load()&queued != 0 }

// Free reports whether a worker is free that nobody waits for.
func (p *Pool) Free() bool {
	word := p.word.Load()
	return word&(queued|closed) == 0 && busyOf(word) < limitOf(word)
}

// Move takes the first of those who wait and may move out of the queue: its Acquire returns the error, which says where to. It
// reports false if there is none.
func (p *Pool) Move(to error) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	p.expire(now)
	for w := p.queue.firstMovable(); w != nil; w = p.queue.firstMovable() {
		if err := w.ctx.Err(); err != nil {
			p.rejected.Canceled++
			p.refuse(w, err)
			continue
		}
		line := w.flow.line
		p.queue.granted(w)
		p.pace.observe(now, p.workers())
		line.pace.observe(now, p.workers())
		p.dispatch(false)
		p.settle()
		w.ready <- to
		return true
	}
	return false
}

// Movable is how many wait and may move, the priority of the first of them, and for how long the oldest of all who wait has done so.
func (p *Pool) Movable() (waiting int, priority Priority, oldest time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	for class := range p.queue.lines {
		if line := &p.queue.lines[class]; line.oldest != nil {
			oldest = max(oldest, now-line.oldest.since)
		}
	}
	if w := p.queue.firstMovable(); w != nil {
		for class := range p.queue.lines {
			if w.flow.line == &p.queue.lines[class] {
				priority = Critical - Priority(class)
			}
		}
	}
	return p.queue.movable, priority, oldest
}

// firstMovable is whom the next worker would be for among those who may move; nil if there is none among the first ones of each turn.
func (q *queue) firstMovable() *waiter {
	if q.movable == 0 {
		return nil
	}
	if w := q.first(); w.movable {
		return w
	}
	for class := range q.lines {
		line := &q.lines[class]
		for route, i := line.routes.turn, 0; i < min(looked, line.routes.length); route, i = route.next, i+1 {
			for client, j := route.clients.turn, 0; j < min(looked, route.clients.length); client, j = client.next, j+1 {
				for w, k := client.head, 0; w != nil && k < looked; w, k = w.behind, k+1 {
					if w.movable {
						return w
					}
				}
			}
		}
	}
	return nil
}
