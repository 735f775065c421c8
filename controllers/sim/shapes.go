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
	// Slower is the factor by which requests that arrive at a time wait longer for others than the service says; nil: 1.
	Slower func(at float64) float64
}

// warmUp is the time before figures count: every autoscaler settles at the first rate.
const warmUp = 300

// number is one of those that make a shape: the usual one, or one between two bounds.
type number func(usual, from, to float64) float64

func usual(usual, _, _ float64) float64 { return usual }

// drawn is a number of a seed, all between the bounds with the same chance. The shapes' bounds stand where they are drawn.
func drawn(seed uint64) number {
	random := rand.New(rand.NewPCG(seed, 0x5a))
	return func(_, from, to float64) float64 { return from + random.Float64()*(to-from) }
}

// numbers of a seed: drawn ones where shapes vary, else the usual ones.
func numbers(seed uint64, vary bool) number {
	if vary {
		return drawn(seed)
	}
	return usual
}

// Scenarios are the built-in ones: six shapes for a service, five of them for its slow starters too, and the repository's own traces.
// base is the lowest rate of the shapes in requests per second. If they vary, when something happens, how long it takes, and how high
// it goes differ by the seed.
func Scenarios(service Service, base float64, vary bool) ([]Scenario, error) {
	var all []Scenario
	for _, starts := range []struct {
		suffix  string
		service Service
	}{{"", service}, {", slow starts", service.Slow()}} {
		for _, s := range []struct {
			name    string
			shape   func(base float64, number number, seed uint64) Shape
			gradual bool
		}{{"step", step, false}, {"ramp", ramp, true}, {"spike", spike, false}, {"day", diurnal, true}, {"bursts", bursty, false}} {
			all = append(all, Scenario{
				Name: s.name + starts.suffix, Service: starts.service, Gradual: s.gradual,
				Shape: func(seed uint64) Shape { return s.shape(base, numbers(seed, vary), seed) },
			})
		}
	}
	all = append(all, Scenario{
		Name: "dependency", Service: service, Slowest: slowestDependency,
		Shape: func(seed uint64) Shape { return dependency(base, numbers(seed, vary)) },
	})
	traces, err := ownScenarios(service, vary)
	return append(all, traces...), err
}

// step to four times the rate, for ten minutes.
func step(base float64, number number, _ uint64) Shape {
	from, factor := warmUp+number(120, 60, 240), number(4, 2, 6)
	until := from + number(600, 300, 780)
	return Shape{Name: "step", Seconds: warmUp + 1200, Rate: func(at float64) float64 {
		if at >= from && at < until {
			return factor * base
		}
		return base
	}}
}

// ramp to four times the rate within five minutes and back.
func ramp(base float64, number number, _ uint64) Shape {
	factor, takes := number(4, 2, 6), number(300, 150, 450)
	return Shape{Name: "ramp", Seconds: warmUp + 1200, Rate: func(at float64) float64 {
		up := min(max((at-warmUp-120)/takes, 0), 1)
		down := min(max((at-warmUp-720)/takes, 0), 1)
		return base * (1 + (factor-1)*(up-down))
	}}
}

// spike to five times the rate for half a minute.
func spike(base float64, number number, _ uint64) Shape {
	from, factor := warmUp+number(300, 60, 900), number(5, 3, 8)
	until := from + number(30, 15, 90)
	return Shape{Name: "spike", Seconds: warmUp + 1200, Rate: func(at float64) float64 {
		if at >= from && at < until {
			return factor * base
		}
		return base
	}}
}

// diurnal is two days of a quarter of an hour each, from the rate to four times it.
func diurnal(base float64, number number, _ uint64) Shape {
	day, factor := number(900, 600, 1200), number(4, 2, 6)
	return Shape{Name: "day", Seconds: warmUp + 2*day, Rate: func(at float64) float64 {
		if at < warmUp {
			return base
		}
		return base * (1 + (factor-1)/2*(1-math.Cos(2*math.Pi*(at-warmUp)/day)))
	}}
}

// bursty alternates at random between the rate, for a minute on average, and three times it, for 15 s on average (a
// Markov-modulated Poisson process).
func bursty(base float64, number number, seed uint64) Shape {
	random := rand.New(rand.NewPCG(seed, 0xb))
	quiet, burst, factor := number(60, 30, 180), number(15, 8, 40), number(3, 2, 5)
	const length = warmUp + 1200
	var changes []float64 // odd stretches are bursts
	for at := float64(warmUp); at < length; {
		mean := quiet
		if len(changes)%2 == 1 {
			mean = burst
		}
		at += random.ExpFloat64() * mean
		changes = append(changes, at)
	}
	return Shape{Name: "bursts", Seconds: length, Rate: func(at float64) float64 {
		low, high := 0, len(changes)
		for low < high {
			if middle := (low + high) / 2; changes[middle] <= at {
				low = middle + 1
			} else {
				high = middle
			}
		}
		if low%2 == 1 {
			return factor * base
		}
		return base
	}}
}

// slowestDependency is the highest factor of dependency.
const slowestDependency = 3.5

// dependency is a steady load of three times the rate, whose requests wait three times as long for others for five minutes.
func dependency(base float64, number number) Shape {
	from, factor := warmUp+number(300, 120, 480), number(3, 2, slowestDependency)
	until := from + number(300, 120, 600)
	return Shape{
		Name: "dependency", Seconds: warmUp + 1200, Rate: func(float64) float64 { return 3 * base },
		Slower: func(at float64) float64 {
			if at >= from && at < until {
				return factor
			}
			return 1
		},
	}
}

// slower is the factor at a time.
func (s Shape) slower(at float64) float64 {
	if s.Slower == nil {
		return 1
	}
	return s.Slower(at)
}

// peak is the highest rate, looked for at every tenth of a second.
func (s Shape) peak() float64 {
	highest := 1e-9
	for at := 0.0; at <= s.Seconds; at += 0.1 {
		highest = max(highest, s.Rate(at))
	}
	return highest
}
