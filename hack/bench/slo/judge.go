// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"sync"
	"time"

	"goservice.dev/operator/hack/load/loadgen"
)

// journal of all requests.
type journal struct {
	mu   sync.Mutex
	seen []loadgen.Outcome
}

func (j *journal) note(outcome loadgen.Outcome) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.seen = append(j.seen, outcome)
}

// verdict on a stretch of time.
type verdict struct {
	requests, slow, lost int
	badSeconds, seconds  int
	// lastBad is when the last bad second ended, from the beginning of the stretch; 0 without one.
	lastBad time.Duration
}

// fewestBad requests make a second bad: a single one may be chance.
const fewestBad = 2

// judge counts the requests that were due from start to before end, second by second.
func (j *journal) judge(start, end time.Time, s settings) verdict {
	j.mu.Lock()
	defer j.mu.Unlock()
	v := verdict{seconds: int(end.Sub(start) / time.Second)}
	type second struct{ all, bad int }
	seconds := make([]second, v.seconds)
	for _, request := range j.seen {
		at := int(request.Due.Sub(start) / time.Second)
		if request.Due.Before(start) || at >= len(seconds) {
			continue
		}
		v.requests++
		seconds[at].all++
		switch {
		case !request.Accepted():
			v.lost++
			seconds[at].bad++
		case request.Took > s.threshold:
			v.slow++
			seconds[at].bad++
		}
	}
	for i, second := range seconds {
		if second.bad >= fewestBad && float64(second.bad) > s.allowed*float64(second.all) {
			v.badSeconds++
			v.lastBad = time.Duration(i+1) * time.Second
		}
	}
	return v
}

// first is how long after start a condition held first; negative if it never did.
func first(samples []sample, start time.Time, holds func(sample) bool) time.Duration {
	for _, s := range samples {
		if holds(s) {
			return max(0, s.at.Sub(start))
		}
	}
	return -1
}

// coreSeconds asked for from start to end: each sample counts until the next one.
func coreSeconds(samples []sample, start, end time.Time) float64 {
	total := 0.0
	for i, s := range samples {
		from, until := s.at, end
		if i == 0 {
			from = start
		}
		if i+1 < len(samples) && samples[i+1].at.Before(end) {
			until = samples[i+1].at
		}
		total += s.cores * max(0, until.Sub(from).Seconds())
	}
	return total
}
