// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import "time"

// ledger adds up what counts for the objectives, hour by hour, over the window in which they must hold.
type ledger struct {
	since time.Time
	hours []hour
}

type hour struct {
	start time.Time
	tally Tally
}

func (l *ledger) add(at time.Time, window time.Duration, t Tally) {
	if l.since.IsZero() {
		l.since = at
	}
	start := at.Truncate(time.Hour)
	if n := len(l.hours); n == 0 || l.hours[n-1].start.Before(start) {
		l.hours = append(l.hours, hour{start: start})
	}
	last := &l.hours[len(l.hours)-1].tally
	last.Total += t.Total
	last.Failed += t.Failed
	last.Slow += t.Slow
	for len(l.hours) > 1 && at.Sub(l.hours[0].start) > window {
		l.hours = l.hours[1:]
		l.since = l.hours[0].start
	}
}

func (l *ledger) sum() Tally {
	var t Tally
	for i := range l.hours {
		t.Total += l.hours[i].tally.Total
		t.Failed += l.hours[i].tally.Failed
		t.Slow += l.hours[i].tally.Slow
	}
	return t
}

// budgetLeft is the smaller rest of both error budgets as a share: 1 is untouched, below 0 overspent. A budget of 0 declares
// nothing.
func budgetLeft(t Tally, failedBudget, slowBudget float64) float64 {
	left := 1.0
	if failedBudget > 0 {
		left = min(left, 1-t.FailedShare()/failedBudget)
	}
	if slowBudget > 0 {
		left = min(left, 1-t.SlowShare()/slowBudget)
	}
	return left
}
