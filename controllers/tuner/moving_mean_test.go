// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"math"
	"testing"
	"time"
)

// What cannot be tells nothing: neither does a mean become anything but a duration, nor is what was known before lost.
func TestAMeanKeepsWhatCanBe(t *testing.T) {
	for name, odd := range map[string][2]float64{
		"an infinite sum":            {math.Inf(1), 100},
		"a sum that is not a number": {math.NaN(), 100},
		"a negative sum":             {-1, 100},
		"years for each request":     {1e300, 100},
		"infinitely many":            {1, math.Inf(1)},
		"more than can be":           {1, 1e300},
		"a number that is none":      {1, math.NaN()},
		"time of no request":         {1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var m ewma
			m.add(odd[0], odd[1], 2)
			if got := m.mean(); got != 0 {
				t.Errorf("at first %s", got)
			}
			m.add(5, 1000, 2)
			m.add(odd[0], odd[1], 2)
			if got := m.mean(); got != 5*time.Millisecond {
				t.Errorf("after requests of 5 ms %s", got)
			}
		})
	}
}

func TestAQuantileIsADuration(t *testing.T) {
	var h histogram
	h.add([]Bucket{{0.1, 1}, {1e300, 100}, {math.Inf(1), 100}}, 1, nil)
	if got := h.quantile(0.99); got != maxCost {
		t.Errorf("%s, want at most %s", got, maxCost)
	}
}
