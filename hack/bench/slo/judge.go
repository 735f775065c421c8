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
	Requests, Slow, Lost int
	BadSeconds, Seconds  int
	// LastBad is when the last bad second ended, from the beginning of the stretch; 0 without one.
	LastBad time.Duration
}

// missed is the percentage of all requests that were slow, refused or failed.
func (v verdict) missed() float64 {
	return 100 * float64(v.Slow+v.Lost) / float64(max(v.Requests, 1))
}

// keeps says that the objective is kept in all these trials together: of the requests no larger share missed it than it allows.
func keeps(outcomes []outcome, s settings) bool {
	requests, bad := 0, 0
	for _, o := range outcomes {
		requests += o.After.Requests
		bad += o.After.Slow + o.After.Lost
	}
	return requests > 0 && float64(bad) <= s.allowed*float64(requests)
}

// fewestBad requests make a second bad: a single one may be chance.
const fewestBad = 2

// judge counts the requests that were due from start to before end, second by second.
func (j *journal) judge(start, end time.Time, s settings) verdict {
	j.mu.Lock()
	defer j.mu.Unlock()
	v := verdict{Seconds: int(end.Sub(start) / time.Second)}
	type second struct{ all, bad int }
	seconds := make([]second, v.Seconds)
	for _, request := range j.seen {
		at := int(request.Due.Sub(start) / time.Second)
		if request.Due.Before(start) || at >= len(seconds) {
			continue
		}
		v.Requests++
		seconds[at].all++
		switch {
		case !request.Accepted():
			v.Lost++
			seconds[at].bad++
		case request.Took > s.threshold:
			v.Slow++
			seconds[at].bad++
		}
	}
	for i, second := range seconds {
		if second.bad >= fewestBad && float64(second.bad) > s.allowed*float64(second.all) {
			v.BadSeconds++
			v.LastBad = time.Duration(i+1) * time.Second
		}
	}
	return v
}

// watched notes what the samples from a moment to another one say.
func (o *outcome) watched(samples []sample, from, until time.Time) {
	o.PodsBefore, o.CoreSeconds = samples[0].wanted, coreSeconds(samples, from, until)
	o.Wanted, o.Ready = map[int32]time.Duration{}, map[int32]time.Duration{}
	for _, s := range samples {
		o.Most = max(o.Most, s.wanted)
		for moments, pods := range map[*map[int32]time.Duration]int32{&o.Wanted: s.wanted, &o.Ready: s.ready} {
			for n := int32(1); n <= pods; n++ {
				if _, before := (*moments)[n]; !before {
					(*moments)[n] = max(0, s.at.Sub(from))
				}
			}
		}
	}
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
