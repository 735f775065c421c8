// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package console

import (
	"fmt"
	"strconv"
	"time"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/show"
)

// quantities of a service: demand, replicas, and latency.
func quantities(service *v1alpha1.GoService, s seen) []quantity {
	var demand, latency []Series
	replicas := []Series{{Name: "floor", Class: "b", Points: floors(service), Steps: true}}
	if s.measured != nil && s.measured.Failed == "" {
		demand = append(demand, Series{Name: "demand", Class: "a", Points: s.measured.Demand})
		replicas = append(replicas, Series{Name: "pods", Class: "a", Points: s.measured.Pods, Steps: true})
		latency = append(latency, Series{Name: "p99", Class: "a", Points: s.measured.P99})
	} else {
		hourly := tallies(service.Status.Learned)
		ready := Series{Name: "ready", Class: "a", Steps: true}
		p99 := Series{Name: "p99", Class: "a"}
		for _, sample := range s.samples {
			ready.Points = append(ready.Points, Point{sample.At, float64(sample.ReadyReplicas)})
			p99.Points = append(p99.Points, Point{sample.At, float64(sample.P99Seconds)})
			hourly = append(hourly, Point{sample.At, float64(sample.Demand)})
		}
		demand = append(demand, Series{Name: "demand", Class: "a", Points: hourly, Steps: true})
		replicas, latency = append(replicas, ready), append(latency, p99)
	}
	if slo := service.Spec.SLO; slo != nil {
		if slo.Load != nil {
			demand = append(demand, level("declared peak", float64(slo.Load.PeakRequestsPerSecond)))
		}
		if slo.Latency != nil {
			latency = append(latency, level("objective", slo.Latency.Threshold.Seconds()))
		}
	}
	if limit := service.Spec.RateLimit; limit != nil && limit.Scope != v1alpha1.ScopePod {
		demand = append(demand, level("rate limit", float64(limit.RequestsPerSecond)))
	}
	return []quantity{
		{"Demand, req/s", demand, show.Rate},
		{"Replicas", replicas, func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }},
		{"Latency", latency, milliseconds},
	}
}

func milliseconds(seconds float64) string {
	if seconds >= 1 {
		return fmt.Sprintf("%.3g s", seconds)
	}
	return fmt.Sprintf("%.3g ms", 1000*seconds)
}

// level is a line at one value.
func level(name string, value float64) Series {
	return Series{Name: name, Class: "limit", Points: []Point{{time.Unix(0, 0), value}}, Steps: true}
}

// tallies are the mean demand of each interval that the operator counted, an hour at most.
func tallies(learned *v1alpha1.LearnedStatus) []Point {
	if learned == nil {
		return nil
	}
	var points []Point
	for i, tally := range learned.Budget {
		end := learned.At.Time
		if i+1 < len(learned.Budget) {
			end = learned.Budget[i+1].Start.Time
		}
		value := -1.0
		if took := end.Sub(tally.Start.Time); took > 0 && took <= 2*time.Hour {
			value = float64(tally.Total) / took.Seconds()
		}
		points = append(points, Point{tally.Start.Time, value})
	}
	return points
}

// floors of the replicas, by the decisions that the status still has.
func floors(service *v1alpha1.GoService) []Point {
	var points []Point
	for _, d := range service.Status.Decisions {
		if d.What != "replica floor" {
			continue
		}
		if from, err := strconv.ParseFloat(d.From, 64); err == nil && points == nil {
			points = append(points, Point{d.At.Add(-24 * time.Hour), from})
		}
		if to, err := strconv.ParseFloat(d.To, 64); err == nil {
			points = append(points, Point{d.At.Time, to})
		}
	}
	return points
}
