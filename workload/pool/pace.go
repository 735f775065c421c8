// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import "time"

const (
	// paceWindow is how many hand-overs the pace remembers, or paceRounds of each worker if that is more: workers that finish
	// together must not make it swing.
	paceWindow = 32
	paceRounds = 4
	// paceKnown is the number of hand-overs below which nobody is turned away for the pace.
	paceKnown = 8
)

// pace measures how fast a queue moves while there is one: the mean time between two hand-overs of a worker.
type pace struct {
	last   time.Duration // hand-over, or begin of the queue
	spent  time.Duration
	grants int
}

// begin starts the clock anew, as when somebody comes to wait in an empty queue.
func (c *pace) begin(now time.Duration) { c.last = now }

// observe counts a hand-over. Halving both sums when the window is full forgets the past without forgetting the mean.
func (c *pace) observe(now time.Duration, workers int) {
	c.spent += now - c.last
	c.last = now
	c.grants++
	if c.grants >= max(paceWindow, paceRounds*workers) {
		c.spent, c.grants = c.spent/2, c.grants/2
	}
}

// interval is the mean time from one hand-over to the next; 0 while it is not known. When the queue stands still, the time
// since the last hand-over counts as soon as it makes the mean worse.
func (c *pace) interval(now time.Duration) time.Duration {
	if c.grants < paceKnown {
		return 0
	}
	mean := c.spent / time.Duration(c.grants)
	return max(mean, (c.spent+now-c.last)/time.Duration(c.grants+1))
}

// scale foretells the pace with another number of workers.
func (c *pace) scale(from, to int) {
	if from != to {
		c.spent = time.Duration(float64(c.spent) * float64(from) / float64(to))
	}
}
