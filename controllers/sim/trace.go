// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
)

// Trace reads a shape from CSV: time in seconds and the requests that came since the row before, with or without a header.
func Trace(name string, from io.Reader) (Shape, error) {
	rows := csv.NewReader(from)
	rows.FieldsPerRecord = 2
	rows.TrimLeadingSpace = true
	var times, rates []float64 // of each row but the first: its end and its rate
	start, last := math.NaN(), math.NaN()
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
		if math.IsNaN(at) || math.IsInf(at, 0) || at <= last || !(requests >= 0) || math.IsInf(requests, 0) {
			return Shape{}, fmt.Errorf("trace, line %d: times must rise and requests not be negative", line)
		}
		if math.IsNaN(start) {
			start = at
		} else {
			times = append(times, at)
			rates = append(rates, requests/(at-last))
		}
		last = at
	}
	if len(times) == 0 {
		return Shape{}, errors.New("the trace needs at least two rows: seconds,requests")
	}
	first := rates[0] // also before the trace begins
	rate := func(at float64) float64 {
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
	}
	return Shape{Name: name, Seconds: warmUp + last - start, Rate: rate}, nil
}

// TraceScenario is a service under a trace. If its load needs more pods than the service may have, it may have twice as many as that.
func TraceScenario(s Service, trace Shape) Scenario {
	atPeak := int(math.Ceil(trace.peak() * s.CPUTime.Seconds() / float64(s.Cores)))
	s.MaxReplicas = max(s.MaxReplicas, 2*atPeak)
	return Scenario{Name: trace.Name, Service: s, Shape: func(uint64) Shape { return trace }}
}
