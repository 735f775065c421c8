// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import "fmt"

// Priority decides who is served first and who is turned away first. The zero value is Normal.
type Priority int8

const (
	// Sheddable work is turned away first: prefetching, batches, crawlers, whatever its caller repeats later.
	Sheddable Priority = iota - 1
	// Normal is the priority of Acquire, Do and Submit.
	Normal
	// Critical work is turned away last: what users wait for and what keeps other services alive.
	Critical
)

// classes of work with a line each, the most important first.
const classes = int(Critical-Sheddable) + 1

// class is the priority's index among the lines; values out of range count as the nearest priority.
func (p Priority) class() int { return int(Critical - min(max(p, Sheddable), Critical)) }

// String returns critical, normal or sheddable.
func (p Priority) String() string {
	return [classes]string{"critical", "normal", "sheddable"}[p.class()]
}

// ParsePriority reads critical, normal or sheddable; the empty string is Normal.
func ParsePriority(text string) (Priority, error) {
	switch text {
	case "critical":
		return Critical, nil
	case "normal", "":
		return Normal, nil
	case "sheddable":
		return Sheddable, nil
	}
	return Normal, fmt.Errorf("priority %.40q: must be critical, normal or sheddable", text)
}

// Claim says for whom a worker is wanted, and for what. The zero value is what Acquire asks for. Keys are kept only while somebody waits.
type Claim struct {
	Priority Priority
	// Route is a key for what is wanted, such as the pattern of a request's route: the routes of a priority that callers wait for are served in
	// turns, however many wait for each. A turn has one worker for each client that waits for the route, at most 4.
	Route string
	// Client is a key for whoever waits, such as its address: the clients that wait for a route are served in turns, however many
	// requests each of them has in the queue. All callers without a key count as one client.
	Client string
	// Patient callers wait until their context ends or the pool is closed: QueueTimeout and QueueDepth do not apply to them, and nobody takes
	// their place. It is for work that was admitted before, such as the jobs of a batch. A client's patient callers have turns of their own.
	Patient bool
	// Movable says that a neighbor may do the work instead (Pool.Share): Acquire then returns the error that Pool.Move was given.
	Movable bool
}
