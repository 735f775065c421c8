// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"math"
	"time"
)

const (
	// The demand of a round differs from that of the stable window by more than noise where it does so by more than
	// noiseDeviations standard deviations of independent events, and by more than noiseShare of it.
	noiseDeviations = 3
	noiseShare      = 0.1
)

// Moving says whether, by the last round, something moves so that another look is worth it soon: the demand, a figure, or
// how much is known at all.
func (t *Tuner) Moving() bool { return t.moving }

// movesAfter a round. While nothing is known soon after a start, something is about to be; later, looking more often would
// bring nothing.
func (t *Tuner) movesAfter(now time.Time, e Estimates, changes []Change) bool {
	if !e.Known {
		return now.Sub(t.started) < grace
	}
	return len(changes) > 0 || now.Before(t.decider.panicUntil) || e.moving()
}

func (e Estimates) moving() bool {
	if e.Rejected > 0 || e.Trend != 0 {
		return true
	}
	expected := e.Demand.PerSecond() * e.DemandNow.Seconds
	off := math.Abs(e.DemandNow.Events - expected)
	return off > noiseDeviations*math.Sqrt(max(expected, 1)) && off > noiseShare*expected
}
