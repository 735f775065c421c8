// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import "time"

const (
	// paceWindow is how many hand-overs the pace remembers, or paceRounds of each worker if that is more: workers that finish
	// together must not make it swing. Nor must a pause of the process, so it remembers those of paceTime to twice that at least.
	paceWindow = 32
	paceRounds = 4
	paceTime   = 100 * time.Millisecond
	// paceKnown is the number of hand-overs below which nobody is turned away for the pace, nor within paceTime.
	paceKnown = 8
	// paceStays is how long a pace turns anybody away after the last hand-over, or paceRounds of them if that is longer: how slow work
	// was once is a guess at what comes much later.
	paceStays = 10 * time.Second
)

// pace measures how fast a queue moves while there is one: the mean time between two hand-overs of a worker.
type pace struct {
	last   time.Duration // hand-over, or begin of the queue
	spent  time.Duration
	grants int
	// former mean, of a time long ago.
	former time.Duration
}

// begin starts the clock anew, as when somebody comes to wait in an empty queue.
func (c *pace) begin(now time.Duration) {
	if c.grants > 0 {
		if mean := c.spent / time.Duration(c.grants); now-c.last > max(paceStays, paceRounds*mean) {
			c.spent, c.grants, c.former = 0, 0, mean
		}
	}
	c.last = now
}

// observe counts a hand-over. Halving both sums when the window is full forgets the past without forgetting the mean.
func (c *pace) observe(now time.Duration, workers int) {
	c.spent += now - c.last
	c.last = now
	c.grants++
	if c.grants >= max(paceWindow, paceRounds*workers) && c.spent >= 2*paceTime {
		c.spent, c.grants = c.spent/2, c.grants/2
	}
}

func (c *pace) known() bool { return c.grants >= paceKnown && c.spent >= paceTime }

// interval is the mean time from one hand-over to the next, or what it was long ago; 0 while it is not known.
func (c *pace) interval() time.Duration {
	if !c.known() {
		return c.former
	}
	return c.spent / time.Duration(c.grants)
}

// wait for so many hand-overs; 0 while the pace is not known. A queue that stands still is expected to do so for as long again.
func (c *pace) wait(turns int, now time.Duration) time.Duration {
	each := c.interval()
	if each == 0 || turns == 0 {
		return 0
	}
	return time.Duration(turns)*each + max(now-c.last-each, 0)
}

// scale foretells the pace with another number of workers.
func (c *pace) scale(from, to int) {
	if from != to {
		c.spent = time.Duration(float64(c.spent) * float64(from) / float64(to))
		c.former = time.Duration(float64(c.former) * float64(from) / float64(to))
	}
}
