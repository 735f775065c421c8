// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"math"
	"math/rand/v2"
)

// Shape is a load over time.
type Shape struct {
	Name    string
	Seconds float64
	// Rate of requests per second at a time in seconds.
	Rate func(at float64) float64
}

// warmUp is the time before figures count: every autoscaler settles at the first rate.
const warmUp = 300

// Scenarios are the built-in ones: five shapes for a service, the same for its slow starters, and the repository's own traces. base
// is the lowest rate of the shapes in requests per second.
func Scenarios(service Service, base float64) ([]Scenario, error) {
	fixed := func(s Shape) func(uint64) Shape { return func(uint64) Shape { return s } }
	var all []Scenario
	for _, starts := range []struct {
		suffix  string
		service Service
	}{{"", service}, {", slow starts", service.Slow()}} {
		all = append(all,
			Scenario{"step" + starts.suffix, starts.service, fixed(step(base)), false},
			Scenario{"ramp" + starts.suffix, starts.service, fixed(ramp(base)), true},
			Scenario{"spike" + starts.suffix, starts.service, fixed(spike(base)), false},
			Scenario{"day" + starts.suffix, starts.service, fixed(diurnal(base)), true},
			Scenario{"bursts" + starts.suffix, starts.service, func(seed uint64) Shape { return bursty(base, seed) }, false},
		)
	}
	traces, err := ownScenarios(service)
	return append(all, traces...), err
}

// step to four times the rate, for ten minutes.
func step(base float64) Shape {
	return Shape{"step", warmUp + 1200, func(at float64) float64 {
		if at >= warmUp+120 && at < warmUp+720 {
			return 4 * base
		}
		return base
	}}
}

// ramp to four times the rate within five minutes and back.
func ramp(base float64) Shape {
	return Shape{"ramp", warmUp + 1200, func(at float64) float64 {
		up := min(max((at-warmUp-120)/300, 0), 1)
		down := min(max((at-warmUp-720)/300, 0), 1)
		return base * (1 + 3*(up-down))
	}}
}

// spike to five times the rate for half a minute.
func spike(base float64) Shape {
	return Shape{"spike", warmUp + 1200, func(at float64) float64 {
		if at >= warmUp+300 && at < warmUp+330 {
			return 5 * base
		}
		return base
	}}
}

// diurnal is two days of a quarter of an hour each, from the rate to four times it.
func diurnal(base float64) Shape {
	const day = 900
	return Shape{"day", warmUp + 2*day, func(at float64) float64 {
		if at < warmUp {
			return base
		}
		return base * (2.5 - 1.5*math.Cos(2*math.Pi*(at-warmUp)/day))
	}}
}

// bursty alternates at random between the rate, for a minute on average, and three times it, for 15 s on average (a
// Markov-modulated Poisson process).
func bursty(base float64, seed uint64) Shape {
	random := rand.New(rand.NewPCG(seed, 0xb))
	const length = warmUp + 1200
	var changes []float64 // odd stretches are bursts
	for at := float64(warmUp); at < length; {
		mean := 60.0
		if len(changes)%2 == 1 {
			mean = 15
		}
		at += random.ExpFloat64() * mean
		changes = append(changes, at)
	}
	return Shape{"bursts", length, func(at float64) float64 {
		low, high := 0, len(changes)
		for low < high {
			if middle := (low + high) / 2; changes[middle] <= at {
				low = middle + 1
			} else {
				high = middle
			}
		}
		if low%2 == 1 {
			return 3 * base
		}
		return base
	}}
}

// peak is the highest rate, looked for at every tenth of a second.
func (s Shape) peak() float64 {
	highest := 1e-9
	for at := 0.0; at <= s.Seconds; at += 0.1 {
		highest = max(highest, s.Rate(at))
	}
	return highest
}
