// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// journal of all requests: when they were sent, and when those that were admitted were answered.
type journal struct {
	mu             sync.Mutex
	sent, admitted []time.Time
	failed         int
	failure        error
}

func (j *journal) note(sent, answered time.Time, admitted bool, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.sent = append(j.sent, sent)
	if admitted {
		j.admitted = append(j.admitted, answered)
	}
	if err != nil {
		j.failed++
		j.failure = err
	}
}

// span of time in which something is judged, or happens.
type span struct{ from, until time.Time }

// verdict on a trial. All deviations are of what was admitted from the lesser of the limit and what was sent, as parts of that;
// those above are of the limit.
type verdict struct {
	mean, under, over       float64
	changeUnder, changeOver float64
	sent, admitted, failed  int
	failure                 error
	// due is how many requests were to be sent on average, for the sender to be checked.
	due float64
	// busy is the share of the machine's processors that was used.
	busy float64
	// calm windows, and those about changes. Without any, there is no figure.
	calm, changing int
}

func (v verdict) String() string {
	return fmt.Sprintf("mean %+.1f%%, any 10 s %+.1f%% to %+.1f%%, about changes %+.1f%% to %+.1f%%",
		100*v.mean, 100*v.under, 100*v.over, 100*v.changeUnder, 100*v.changeOver)
}

const (
	window = 10 * time.Second
	step   = 100 * time.Millisecond
)

// judge all windows in the spans, of which those that end during a change or within after from its end are about it.
func (j *journal) judge(limit float64, spans, changes []span, after time.Duration) verdict {
	j.mu.Lock()
	defer j.mu.Unlock()
	slices.SortFunc(j.sent, time.Time.Compare)
	slices.SortFunc(j.admitted, time.Time.Compare)
	v := verdict{failed: j.failed, failure: j.failure}
	could, let := 0.0, 0.0
	for _, s := range spans {
		v.sent += between(j.sent, s.from, s.until)
		v.admitted += between(j.admitted, s.from, s.until)
		for end := s.from.Add(window); !end.After(s.until); end = end.Add(step) {
			most := limit * window.Seconds()
			admitted := float64(between(j.admitted, end.Add(-window), end))
			lesser := min(most, float64(between(j.sent, end.Add(-window), end)))
			if lesser == 0 {
				continue
			}
			could += lesser
			let += admitted
			under, over := admitted/lesser-1, admitted/most-1
			if about(end, changes, after) {
				v.changing++
				v.changeUnder, v.changeOver = min(v.changeUnder, under), max(v.changeOver, over)
			} else {
				v.calm++
				v.under, v.over = min(v.under, under), max(v.over, over)
			}
		}
	}
	if could > 0 {
		v.mean = let/could - 1
	}
	return v
}

func about(end time.Time, changes []span, after time.Duration) bool {
	return slices.ContainsFunc(changes, func(change span) bool { return end.After(change.from) && !end.After(change.until.Add(after)) })
}

// between counts moments in [from, until).
func between(sorted []time.Time, from, until time.Time) int {
	first, _ := slices.BinarySearchFunc(sorted, from, time.Time.Compare)
	last, _ := slices.BinarySearchFunc(sorted, until, time.Time.Compare)
	return last - first
}

// row is one case, and what became of the rivals that were measured, by their names.
type row struct {
	load
	ours   verdict
	rivals map[string]verdict
}

// worst of the verdicts; there is at least one.
func worst(verdicts []verdict) verdict {
	w := verdicts[0]
	for _, v := range verdicts[1:] {
		w.mean = min(w.mean, v.mean)
		w.under, w.over = min(w.under, v.under), max(w.over, v.over)
		w.changeUnder, w.changeOver = min(w.changeUnder, v.changeUnder), max(w.changeOver, v.changeOver)
	}
	return w
}
