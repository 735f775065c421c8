// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package replay puts the demand that a service had through the operator's own decisions, plan and tuner, and says what other settings
// would have done. It asks nobody: whoever uses it puts its Questions to a Prometheus. Where pods are needed that never existed, they are the
// simulator's.
package replay

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
	"goservice.dev/operator/controllers/tuner"
)

// Series is an answer: a value for each step, NaN where there is none.
type Series struct {
	Labels map[string]string
	Values []float64
}

// Recording is the past of a service.
type Recording struct {
	Service *v1alpha1.GoService
	// From is when the first of Steps begins, and Step how long each takes.
	From  time.Time
	Step  time.Duration
	Steps int
	// Histogram in which the requests were counted.
	Histogram string
	// Demand in requests per second, and Pods, of each step; NaN where nothing is known.
	Demand, Pods []float64
	// Counted requests per second, and those of them that missed the objectives: they failed, or were slow. Missed is nil if the objectives were not measured.
	Counted, Missed []float64
	// CPUTime and ServiceTime of a request, on average. ServiceIsMeasured says that the latter is no guess.
	CPUTime, ServiceTime time.Duration
	ServiceIsMeasured    bool
	// Durations of requests at quiet times, cumulative; nil where they are not known.
	Durations []tuner.Bucket
}

// Query asks for a query's values, one for each step.
type Query func(query string, step time.Duration) ([]Series, error)

const (
	// LeastSteps of a recording.
	LeastSteps = 30
	// ShortestRange and LongestStep: what the operator decides depends on minutes.
	ShortestRange = 30 * time.Minute
	LongestStep   = 5 * time.Minute
	// coarseSteps are enough for what hardly changes.
	coarseSteps = 168
)

// Check a range and a step before anything is asked.
func Check(spec *v1alpha1.GoServiceSpec, since, step time.Duration) error {
	scrape := plan.ScrapeInterval(spec)
	switch {
	case step%time.Second != 0 || step <= 0:
		return fmt.Errorf("a step of %s: it must be whole seconds, above 0s", step)
	case step < scrape:
		return fmt.Errorf("a step of %s: it must be at least the %s between two scrapes of this service", step, scrape)
	case step > LongestStep:
		return fmt.Errorf("a step of %s: it must be at most %s; the demand counts as constant within a step, and the operator decides in seconds", step, LongestStep)
	case since < max(ShortestRange, LeastSteps*step):
		return fmt.Errorf("a range of %s: it must be at least %s", since, max(ShortestRange, LeastSteps*step))
	}
	return nil
}

// Read the past of a service, from a time on.
func Read(service *v1alpha1.GoService, from time.Time, since, step time.Duration, query Query) (*Recording, error) {
	r := &Recording{Service: service, From: from, Step: step, Steps: int(since / step)}
	q, err := r.readDemand(query)
	if err != nil {
		return nil, err
	}
	coarse := max(step, (since / coarseSteps).Truncate(step))
	if err := r.readCost(q, query); err != nil {
		return nil, err
	}
	if err := r.readDurations(q, query, coarse); err != nil {
		return nil, err
	}
	return r, nil
}

// readDemand finds the histogram that has answers.
func (r *Recording) readDemand(query Query) (Questions, error) {
	var asked []string
	for _, q := range Ask(r.Service, r.Step) {
		asked = append(asked, q.Histogram)
		counted, err := r.one(query, q.Counted, r.Step)
		if err != nil {
			return q, err
		}
		if known(counted) == 0 {
			continue
		}
		r.Histogram, r.Counted = q.Histogram, counted
		if r.Demand, err = r.one(query, q.Demand, r.Step); err != nil {
			return q, err
		}
		if r.Pods, err = r.one(query, q.Pods, r.Step); err != nil {
			return q, err
		}
		if n := known(r.Demand); n < LeastSteps {
			return q, fmt.Errorf("%s{%s} has values in only %d steps of %s; at least %d are needed", q.Histogram, q.Selector, n, r.Step, LeastSteps)
		}
		if known(r.Pods) == 0 {
			return q, fmt.Errorf("there is no up{%s}, which says how many pods ran", q.Selector)
		}
		return q, nil
	}
	if len(asked) == 0 {
		return Questions{}, errors.New("spec.observability.metrics does not say in which histogram requests are counted")
	}
	return Questions{}, fmt.Errorf("this Prometheus has no %s{%s} in this time: does it scrape the pods, through the operator's ServiceMonitor?",
		alternatives(asked), Ask(r.Service, r.Step)[0].Selector)
}

func alternatives(names []string) string {
	text := names[0]
	for _, name := range names[1:] {
		text += ", or " + name
	}
	return text
}

// readCost of a request: its CPU time, and the time that it takes without waiting for a worker.
func (r *Recording) readCost(q Questions, query Query) error {
	cpu, err := r.one(query, q.CPU, r.Step)
	if err != nil {
		return err
	}
	used, requests := 0.0, 0.0
	for i, cores := range cpu {
		if n := r.Counted[i]; !math.IsNaN(cores) && n > 0 {
			used, requests = used+cores, requests+n
		}
	}
	if used <= 0 || requests <= 0 {
		return fmt.Errorf("this Prometheus has no process_cpu_seconds_total{%s} beside requests: what a request costs is not known", q.Selector)
	}
	r.CPUTime = fromSeconds(used / requests)
	r.ServiceTime = r.CPUTime
	if q.ServiceTime == "" {
		return nil
	}
	took, err := r.one(query, q.ServiceTime, r.Step)
	if err != nil {
		return err
	}
	sum, weight := 0.0, 0.0
	for i, value := range took {
		if n := r.Counted[i]; !math.IsNaN(value) && n > 0 {
			sum, weight = sum+value*n, weight+n
		}
	}
	if weight > 0 && sum > 0 {
		r.ServiceTime, r.ServiceIsMeasured = max(fromSeconds(sum/weight), r.CPUTime), true
	}
	return nil
}

// readDurations of quiet times, and how many requests missed the objectives.
func (r *Recording) readDurations(q Questions, query Query, coarse time.Duration) error {
	series, err := query(q.Durations, coarse)
	if err != nil {
		return err
	}
	bounds := bucketsOf(series, q.unit)
	r.Durations = r.quiet(bounds, coarse)
	failed, err := r.one(query, q.Failed, r.Step)
	if err != nil {
		return err
	}
	slow := make([]float64, len(r.Demand))
	if threshold := steeringOf(&r.Service.Spec).Threshold; threshold > 0 {
		i := slices.IndexFunc(bounds, func(b bucketSeries) bool { return b.upper >= threshold.Seconds()-1e-9 })
		if i < 0 || math.IsInf(bounds[i].upper, 1) || bounds[i].upper > plan.MostLenient*threshold.Seconds() {
			return nil // latency is not measured
		}
		within, err := r.one(query, q.Bucket(bounds[i].text), r.Step)
		if err != nil {
			return err
		}
		good, err := r.one(query, q.Bucket(bounds[len(bounds)-1].text), r.Step)
		if err != nil {
			return err
		}
		for i := range slow {
			slow[i] = max(good[i]-within[i], 0)
		}
	}
	r.Missed = slow
	for i := range slow {
		if !math.IsNaN(failed[i]) {
			r.Missed[i] += failed[i]
		}
	}
	return nil
}

type bucketSeries struct {
	upper  float64
	text   string
	values []float64
}

// bucketsOf an answer, by rising bound; nil unless the last one is infinite.
func bucketsOf(series []Series, unit time.Duration) []bucketSeries {
	var all []bucketSeries
	for _, s := range series {
		upper, err := strconv.ParseFloat(s.Labels["le"], 64)
		if err == nil && !math.IsNaN(upper) {
			all = append(all, bucketSeries{upper * unit.Seconds(), s.Labels["le"], s.Values})
		}
	}
	slices.SortFunc(all, func(a, b bucketSeries) int { return cmp.Compare(a.upper, b.upper) })
	if n := len(all); n < 2 || !math.IsInf(all[n-1].upper, 1) {
		return nil
	}
	return all
}

// quiet is the histogram of the third of the time in which pods had the least to do.
func (r *Recording) quiet(bounds []bucketSeries, coarse time.Duration) []tuner.Bucket {
	type moment struct {
		index int
		load  float64
	}
	var moments []moment
	if len(bounds) == 0 {
		return nil
	}
	ratio := int(coarse / r.Step)
	for i, n := range bounds[len(bounds)-1].values {
		at := i * ratio
		if n > 0 && at < len(r.Pods) && r.Pods[at] > 0 {
			moments = append(moments, moment{i, n / r.Pods[at]})
		}
	}
	slices.SortFunc(moments, func(a, b moment) int { return cmp.Compare(a.load, b.load) })
	buckets := make([]tuner.Bucket, len(bounds))
	for i, b := range bounds {
		buckets[i].UpperBound = b.upper
		for _, m := range moments[:(len(moments)+2)/3] {
			if value := b.values[m.index]; value > 0 {
				buckets[i].Count += value
			}
		}
	}
	if buckets[len(buckets)-1].Count <= 0 {
		return nil
	}
	return buckets
}

// one series of an answer that has at most one; without one, nothing is known at any step.
func (r *Recording) one(query Query, text string, step time.Duration) ([]float64, error) {
	series, err := query(text, step)
	switch {
	case err != nil:
		return nil, err
	case len(series) > 1:
		return nil, fmt.Errorf("%d series instead of one answer %s", len(series), text)
	case len(series) == 0:
		return slices.Repeat([]float64{math.NaN()}, r.Steps), nil
	case len(series[0].Values) != r.Steps:
		return nil, fmt.Errorf("%d values instead of %d answer %s", len(series[0].Values), r.Steps, text)
	}
	return series[0].Values, nil
}

// known values of a series.
func known(values []float64) int {
	n := 0
	for _, v := range values {
		if !math.IsNaN(v) {
			n++
		}
	}
	return n
}

func fromSeconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
