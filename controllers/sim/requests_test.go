// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import "testing"

// The rate is a mean of the last half minute, or of what there is of it, at most ten seconds old.
func TestRequestMetrics(t *testing.T) {
	var m RequestMetrics
	w := newWorld(Default(), Shape{Name: "step", Seconds: 100, Rate: func(float64) float64 { return 1e-9 }}, 1)
	w.every(0, 0.1, func() {
		if w.now < 60-1e-6 {
			w.arrived += 10
		} else {
			w.arrived += 40
		}
	})
	if _, known := m.PerSecond(); known {
		t.Error("a rate before the first scrape")
	}
	first := 0.0
	m.Begin(w)
	w.every(0.05, 0.1, func() {
		rate, known := m.PerSecond()
		if known && first == 0 {
			first = w.now
		}
		switch {
		case known && w.now < 60:
			near(t, "rate before the step", rate, 100, 0.012)
		case w.now > 61 && w.now < 70 && rate > 220:
			t.Errorf("%v at %v s: a window of 30 s has at most a third of the step", rate, w.now)
		case w.now > 100.0-1:
			near(t, "rate after the step", rate, 400, 0.02)
		}
	})
	w.run()
	if first < 10 || first > 20 || len(m.counts) != 4 {
		t.Errorf("first rate at %v s, %d counts", first, len(m.counts))
	}
}

// The cases are those of upstream's replica_calculator_test.go for external metrics by pod.
func TestReplicasByRequests(t *testing.T) {
	for name, c := range map[string]struct {
		perPod, rate  float64
		current, want int
	}{
		"on target":                       {50, 150, 3, 3},
		"above it":                        {50, 151 * 1.2, 3, 4},
		"a fraction is a pod":             {2.15, 8.6 + 1e-3, 3, 5},
		"below it":                        {50, 80, 3, 2},
		"within the tolerance":            {50, 164, 3, 3},
		"beyond it":                       {50, 166, 3, 4},
		"within the tolerance downwards":  {50, 451, 10, 10},
		"beyond that":                     {50, 449, 10, 9},
		"many":                            {10, 1000, 3, 100},
		"pods that start are no question": {100, 1000, 10, 10},
		"nothing comes":                   {100, 0, 10, 0},
	} {
		h := StockHPA(0.5, 60)
		h.RequestsPerPod = c.perPod
		h.requests.counts = []float64{0, c.rate * requestsScrape}
		if got, known := requestReplicas(nil, h, c.current); got != c.want || !known {
			t.Errorf("%s: %d (known: %v), want %d", name, got, known, c.want)
		}
	}
	h := StockHPA(0.5, 60)
	h.RequestsPerPod = 10
	w, _ := hpaWorld(times(3, podState{cores: 1}))
	if got := h.decide(w, 3); got != 3 {
		t.Errorf("%d pods while nothing is known, want the 3 that there are", got)
	}
	// Pods that are busy do not matter, nor those that are not measured.
	h.requests.counts = []float64{0, 50 * requestsScrape}
	w.now += hpaSync.Seconds()
	if got := h.decide(w, 3); got != 5 {
		t.Errorf("%d pods for 50 requests per second, want 5", got)
	}
}
