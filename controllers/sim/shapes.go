// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strconv"
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

// Shapes are the loads that are simulated by default; base is the lowest rate in requests per second.
func Shapes(base float64, seed uint64) []Shape {
	return []Shape{
		step(base), ramp(base), spike(base), diurnal(base), bursty(base, seed),
	}
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
	return Shape{"diurnal", warmUp + 2*day, func(at float64) float64 {
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
	return Shape{"bursty", length, func(at float64) float64 {
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

// Trace reads a shape from CSV: time in seconds and the requests that came since the row before, with or without a header.
func Trace(name string, from io.Reader) (Shape, error) {
	rows := csv.NewReader(from)
	rows.FieldsPerRecord = 2
	rows.TrimLeadingSpace = true
	var times, rates []float64
	last := math.NaN()
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Shape{}, fmt.Errorf("reading the trace: %w", err)
		}
		line, _ := rows.FieldPos(0)
		at, errAt := strconv.ParseFloat(row[0], 64)
		requests, errRequests := strconv.ParseFloat(row[1], 64)
		if errAt != nil || errRequests != nil {
			if line == 1 {
				continue // the header
			}
			return Shape{}, fmt.Errorf("trace, line %d: %q is not a time in seconds and a number of requests", line, row)
		}
		if at <= last || requests < 0 {
			return Shape{}, fmt.Errorf("trace, line %d: times must rise and requests not be negative", line)
		}
		if !math.IsNaN(last) {
			times = append(times, at)
			rates = append(rates, requests/(at-last))
		}
		last = at
	}
	if len(times) == 0 {
		return Shape{}, errors.New("the trace needs at least two rows: seconds,requests")
	}
	start := times[0]
	first := rates[0]
	return Shape{name, warmUp + times[len(times)-1] - start, func(at float64) float64 {
		if at < warmUp {
			return first
		}
		at += start - warmUp
		low, high := 0, len(times)-1
		for low < high {
			if middle := (low + high) / 2; times[middle] < at {
				low = middle + 1
			} else {
				high = middle
			}
		}
		return rates[low]
	}}, nil
}
