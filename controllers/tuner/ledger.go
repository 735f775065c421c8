// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"slices"
	"time"
)

const (
	// hourly is for how long the ledger counts hour by hour; what is older is merged into oldIntervals parts of the window.
	hourly = 24 * time.Hour
	// oldIntervals and the hours together are never more than MaxIntervals.
	oldIntervals = 36
	// MaxIntervals of a ledger, whatever the window.
	MaxIntervals = 64
)

// Interval counts the requests from its start to the start of the next one.
type Interval struct {
	Start time.Time
	Tally Tally
}

// ledger adds up what counts for the objectives over the window in which they must hold: hour by hour for the last day,
// in longer intervals before. The first one starts when counting did. What it holds is small enough to be kept in a status.
type ledger struct {
	intervals []Interval
	// threshold that slow requests are counted against; 0 where none are.
	threshold time.Duration
}

// judge slow requests by a threshold from now on. By another one than before, nobody knows how many were slow.
func (l *ledger) judge(threshold time.Duration) {
	if threshold == l.threshold {
		return
	}
	l.threshold = threshold
	for i := range l.intervals {
		l.intervals[i].Tally = l.intervals[i].Tally.unjudged()
	}
}

func (l *ledger) add(at time.Time, window time.Duration, t Tally) {
	for n := len(l.intervals); n > 0 && l.intervals[n-1].Start.After(at.Add(time.Hour)); n-- { // by a clock that was ahead
		t, l.intervals = t.and(l.intervals[n-1].Tally), l.intervals[:n-1]
	}
	switch start, n := at.Truncate(time.Hour), len(l.intervals); {
	case n == 0:
		l.intervals = append(l.intervals, Interval{Start: at.Truncate(time.Second)})
	case l.intervals[n-1].Start.Before(start):
		l.intervals = append(l.intervals, Interval{Start: start})
		l.merge(at, window)
	}
	last := &l.intervals[len(l.intervals)-1]
	last.Tally = last.Tally.and(t)
	for len(l.intervals) > 1 && at.Sub(l.intervals[0].Start) > window {
		l.intervals = l.intervals[1:]
	}
}

// merge neighbors that are older than a day and fall into the same part of the window.
func (l *ledger) merge(at time.Time, window time.Duration) {
	width := max(window/oldIntervals, time.Hour)
	kept := l.intervals[:1]
	for _, next := range l.intervals[1:] {
		last := &kept[len(kept)-1]
		if at.Sub(next.Start) > hourly && last.Start.Truncate(width).Equal(next.Start.Truncate(width)) {
			last.Tally = last.Tally.and(next.Tally)
			continue
		}
		kept = append(kept, next)
	}
	if extra := len(kept) - MaxIntervals; extra > 0 { // after a change to a shorter window
		kept = kept[extra:]
	}
	l.intervals = slices.Clone(kept)
}

// since is when counting began; the zero time before that.
func (l *ledger) since() time.Time {
	if len(l.intervals) == 0 {
		return time.Time{}
	}
	return l.intervals[0].Start
}

func (l *ledger) sum() Tally {
	var t Tally
	for i := range l.intervals {
		t = t.and(l.intervals[i].Tally)
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
