// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

// clientsPerTurn is how many hand-overs a route has at most before the others have their turn: one for each client that waits for it, so
// that a route which many clients wait for has more than one that a single client floods, but not so many that a flood from many
// addresses keeps the other routes waiting.
const clientsPerTurn = 4

// key of a flow: of the requests of a client to a route, or of all requests to the route.
type key struct {
	route, client string
	patient       bool
	all           bool // of the route
}

func (c Claim) key() key { return key{route: c.Route, client: c.Client, patient: c.Patient} }

// flow is who has a turn in a line: a route, and in each of its turns the clients that wait for it. It exists only while somebody waits,
// so the memory that keys take is bounded by the places in the queue, whatever keys callers come with.
type flow struct {
	key            key
	line           *line
	length         int // of those who wait
	previous, next *flow

	// of a route
	clients circle
	left    int // hand-overs of its turn; 0 before its turn

	// of a client
	route      *flow
	head, tail *waiter
}

// quantum is how many hand-overs a turn of the route has.
func (f *flow) quantum() int { return min(f.clients.length, clientsPerTurn) }

// circle is of those who take turns.
type circle struct {
	turn   *flow // whose turn it is; nil if nobody waits
	length int
}

// add somebody, whose turn comes after all others'.
func (c *circle) add(f *flow) {
	if c.turn == nil {
		f.previous, f.next, c.turn = f, f, f
	} else {
		f.previous, f.next = c.turn.previous, c.turn
		f.previous.next, f.next.previous = f, f
	}
	c.length++
}

func (c *circle) remove(f *flow) {
	if c.turn == f {
		c.turn = f.next
	}
	if c.turn == f {
		c.turn = nil
	}
	f.previous.next, f.next.previous = f.next, f.previous
	c.length--
}

// pass the turn on from who has got a worker to the next client of the route, and to the next route if its turn is over.
func (l *line) pass(f *flow) {
	route := f.route
	route.clients.turn = f.next
	if route.left == 0 {
		route.left = route.quantum()
	}
	if route.left--; route.left == 0 {
		l.routes.turn = route.next
	}
}

// spot is where one more request would wait: the flows of its route and its client are nil as long as nobody waits there.
type spot struct {
	key           key
	line          *line
	route, client *flow
}

func (l *line) spot(k key) spot {
	if client := l.flows[k]; client != nil {
		return spot{k, l, client.route, client}
	}
	return spot{k, l, l.flows[key{route: k.route, all: true}], nil}
}

// before is how many hand-overs of the line come before and with that of the request: all that wait, or as many turns of its route, and of
// the others, as it takes until it is the turn of its client's last request.
func (s spot) before() int {
	clients, others := 1, s.line.round
	if s.route != nil {
		others -= s.route.quantum()
		clients = s.route.clients.length
		if s.client == nil {
			clients++
		}
	}
	ahead := (s.client.places()+1)*clients - 1
	ahead += (ahead/min(clients, clientsPerTurn) + 1) * others
	return min(s.line.length, ahead) + 1
}

// looked bounds the search for the route and the client with the most places.
const looked = 8

// longest are the client and the route with the most places, among the next ones whose turn it is. Patient callers are not among them.
func (l *line) longest() (client, route *flow) {
	for r, i := l.routes.turn, 0; i < min(looked, l.routes.length); r, i = r.next, i+1 {
		if own := r.longest(); own != nil {
			if client == nil || own.length > client.length {
				client = own
			}
			if route == nil || r.length > route.length {
				route = r
			}
		}
	}
	return client, route
}

// longest is the route's client with the most places, among the next ones whose turn it is and the last; nil if all are patient.
func (f *flow) longest() (most *flow) {
	for c, i := f.clients.turn.previous, 0; i < min(looked+1, f.clients.length); c, i = c.next, i+1 {
		if !c.key.patient && (most == nil || c.length > most.length) {
			most = c
		}
	}
	return most
}

// victim is who has to make room for the request when the queue is full: the last of a less important line, of a client of the same line
// that has more places, or of a route that has. Nil: nobody has to.
func (q *queue) victim(class int, s spot) *waiter {
	for lower := classes - 1; lower > class; lower-- {
		if client, _ := q.lines[lower].longest(); client != nil {
			return client.tail
		}
	}
	client, route := s.line.longest()
	switch {
	case client == nil:
		return nil
	case client.length > s.client.places()+1:
		return client.tail
	case route != s.route && route.length > s.route.places()+1:
		return route.longest().tail
	}
	return nil
}

func (f *flow) places() int {
	if f == nil {
		return 0
	}
	return f.length
}
