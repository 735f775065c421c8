// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"fmt"
	"math"
	"testing"
	"time"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// fleet makes the counters of pods that share a steady load.
type fleet struct {
	at       time.Time
	counters map[string]*Counters
}

func newFleet(pods int) *fleet {
	f := &fleet{at: epoch, counters: map[string]*Counters{}}
	for i := range pods {
		f.start(fmt.Sprintf("p%d", i))
	}
	return f
}

func (f *fleet) start(pod string) {
	f.counters[pod] = &Counters{
		StartSeconds: float64(f.at.Unix()), Workers: 16, Processors: 2,
		Buckets: []Bucket{{0.05, 0}, {0.1, 0}, {math.Inf(1), 0}},
	}
}

// run lets every pod serve perPod requests per second for a while, a share of them slow, and returns the reports.
func (f *fleet) run(span time.Duration, perPod, slow float64) []Report {
	f.at = f.at.Add(span)
	n := perPod * span.Seconds()
	var reports []Report
	for pod, c := range f.counters {
		c.Requests += n
		c.Served += n
		c.ServiceSeconds += n * 0.010
		c.DurationSeconds += n * 0.012
		c.CPUSeconds += n * 0.005
		c.Buckets[0].Count += n * (1 - slow)
		c.Buckets[1].Count += n * (1 - slow)
		c.Buckets[2].Count += n
		now := *c
		now.Buckets = append([]Bucket(nil), c.Buckets...)
		reports = append(reports, Report{pod, &now})
	}
	return reports
}

const tick = 2 * time.Second

func (f *fleet) steady(e *Estimator, rounds int, perPod, slow float64) {
	for range rounds {
		reports := f.run(tick, perPod, slow)
		e.Observe(f.at, len(f.counters), reports)
	}
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.Abs(got-want) > tolerance*math.Abs(want)+1e-9 {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}
