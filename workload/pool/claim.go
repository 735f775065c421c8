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

// Claim says for whom a worker is wanted. The zero value is what Acquire asks for.
type Claim struct {
	Priority Priority
	// Client is a key for whoever waits, such as its address: the waiting clients of a priority are served in turns, however
	// many requests each of them has in the queue. All callers without a key count as one client.
	Client string
}
