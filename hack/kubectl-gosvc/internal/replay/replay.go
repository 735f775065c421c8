// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package replay shows what settings of a service did and would have done, as text and as a picture.
package replay

import (
	"math"
	"time"

	"goservice.dev/operator/controllers/replay"
)

// Report of a replay. Fields are added in later versions, and neither renamed nor removed.
type Report struct {
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	From      time.Time `json:"from"`
	To        time.Time `json:"to"`
	// StepSeconds is how long each step takes within which the demand is taken as constant, WithoutDataSeconds how much of the time is not known.
	StepSeconds        int `json:"stepSeconds"`
	WithoutDataSeconds int `json:"withoutDataSeconds"`
	// Measured is what the replay begins with.
	Measured Measured `json:"measured"`
	// Outcomes by settings: what ran, what is declared, the rivals, and the alternatives.
	Outcomes []replay.Outcome `json:"outcomes"`

	recording *replay.Recording
}

// Measured of the service.
type Measured struct {
	Histogram             string  `json:"histogram"`
	Requests              float64 `json:"requests"`
	MeanRequestsPerSecond float64 `json:"meanRequestsPerSecond"`
	MostRequestsPerSecond float64 `json:"mostRequestsPerSecond"`
	CPUSecondsPerRequest  float64 `json:"cpuSecondsPerRequest"`
	// ServiceSecondsPerRequest is absent where the service does not tell it.
	ServiceSecondsPerRequest *float64 `json:"serviceSecondsPerRequest,omitempty"`
}

// New report on a recording.
func New(r *replay.Recording, outcomes []replay.Outcome) *Report {
	report := &Report{
		Namespace: r.Service.Namespace, Name: r.Service.Name, From: r.From.UTC(), To: r.From.Add(time.Duration(r.Steps) * r.Step).UTC(),
		StepSeconds: int(r.Step.Seconds()), Outcomes: outcomes, recording: r,
		Measured: Measured{Histogram: r.Histogram, CPUSecondsPerRequest: r.CPUTime.Seconds()},
	}
	if r.ServiceIsMeasured {
		took := r.ServiceTime.Seconds()
		report.Measured.ServiceSecondsPerRequest = &took
	}
	known := 0
	for _, demand := range r.Demand {
		if math.IsNaN(demand) {
			report.WithoutDataSeconds += report.StepSeconds
			continue
		}
		known++
		report.Measured.Requests += demand * r.Step.Seconds()
		report.Measured.MostRequestsPerSecond = max(report.Measured.MostRequestsPerSecond, demand)
	}
	report.Measured.MeanRequestsPerSecond = report.Measured.Requests / (float64(max(known, 1)) * r.Step.Seconds())
	return report
}

// columns of values, each the highest of those that it stands for, NaN where none is known.
func columns(values []float64, width int) []float64 {
	width = min(width, len(values))
	all := make([]float64, width)
	for i := range all {
		all[i] = math.NaN()
		for _, v := range values[i*len(values)/width : (i+1)*len(values)/width] {
			if !math.IsNaN(v) && !(v <= all[i]) {
				all[i] = v
			}
		}
	}
	return all
}

// known values of a series, and the highest.
func highest(values []float64) float64 {
	most := 0.0
	for _, v := range values {
		if v > most {
			most = v
		}
	}
	return most
}
