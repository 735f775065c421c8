// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"math"
	"time"
)

// Estimates of a service, from the last round of reports back.
type Estimates struct {
	// At is the time of the last round.
	At time.Time
	// Known says that a quorum of the pods answered in every round of the panic window, and that the windows hold something.
	Known bool
	// Demand in requests per second, rejected ones included: over the stable window, over the panic window, in the last round
	// and in the one before it.
	Demand, DemandPanic, DemandNow, DemandBefore Rate
	// Trend of the demand over the stable window in requests per second per second; 0 unless it is significant.
	Trend float64
	// Backlog is how many requests wait for a worker.
	Backlog float64
	// ServiceTime of a request by itself, without any wait; CPUTime that it uses. 0 while unknown.
	ServiceTime, CPUTime time.Duration
	// Concurrency is the mean number of requests in the service over the stable window, by Little's law.
	Concurrency float64
	// CPU is how many cores all pods used together over the stable window.
	CPU float64
	// Objectives over the stable window.
	Objectives Tally
	// P99 of the durations over the stable window; 0 without requests.
	P99 time.Duration
	// Saturation is the busy share of all workers, in the last round.
	Saturation float64
	// Processors that one pod may use at once, HeapLiveBytes of the fullest pod, GOGC in force.
	Processors, HeapLiveBytes, GOGC float64
	// PodDemand in requests per second, smoothed a little, of the pods that were asked and answered.
	PodDemand map[string]float64
}

// Rate is a number of events and the seconds in which they happened.
type Rate struct{ Events, Seconds float64 }

// PerSecond is the mean rate.
func (r Rate) PerSecond() float64 {
	if r.Seconds <= 0 {
		return 0
	}
	return r.Events / r.Seconds
}

// AtLeast is a rate that the true one is not below with 98 % certainty, for events that are independent of each other.
func (r Rate) AtLeast() float64 {
	if r.Seconds <= 0 {
		return 0
	}
	return max(r.Events-2*math.Sqrt(r.Events), 0) / r.Seconds
}

// Tally counts requests by what they mean for the objectives. Rate-limited requests are not among them: they were refused
// because the user said so.
type Tally struct{ Total, Failed, Slow float64 }

// SlowShare of the requests that did not fail.
func (t Tally) SlowShare() float64 {
	if t.Total-t.Failed <= 0 {
		return 0
	}
	return min(max(t.Slow/(t.Total-t.Failed), 0), 1)
}

// FailedShare of all requests.
func (t Tally) FailedShare() float64 {
	if t.Total <= 0 {
		return 0
	}
	return min(max(t.Failed/t.Total, 0), 1)
}

// tally counts against a threshold; 0 counts nothing as slow.
func (s *sample) tally(threshold time.Duration) Tally {
	t := Tally{Total: s.requests - s.limited, Failed: s.failed}
	if threshold > 0 && len(s.buckets) > 0 {
		t.Slow = s.buckets[len(s.buckets)-1].Count - within(s.buckets, threshold)
	}
	return t
}

// LastTally counts the last round against a threshold, for sums over longer times than the Estimator remembers.
func (e *Estimator) LastTally(threshold time.Duration) Tally {
	if len(e.samples) == 0 {
		return Tally{}
	}
	return e.samples[len(e.samples)-1].tally(threshold)
}

// Estimate sums up what is known at the time of the last round; threshold is that of the latency objective, or 0.
func (e *Estimator) Estimate(threshold time.Duration) Estimates {
	result := Estimates{
		At: e.last, ServiceTime: e.selfTime.mean(), CPUTime: e.cpuTime.mean(), PodDemand: e.demand,
	}
	if result.ServiceTime == 0 {
		result.ServiceTime = e.serviceTime.mean()
	}
	e.gauges(&result)
	var buckets []Bucket
	stable, complete, rounds := sample{}, 0, 0
	for i := len(e.samples) - 1; i >= 0; i-- {
		s := &e.samples[i]
		age := e.last.Sub(s.at)
		if age >= StableWindow {
			break
		}
		if age < PanicWindow {
			rounds++
			if s.complete {
				complete++
			}
		}
		if !s.complete {
			continue
		}
		switch i {
		case len(e.samples) - 1:
			result.DemandNow = Rate{s.arrivals, s.span}
		case len(e.samples) - 2:
			result.DemandBefore = Rate{s.arrivals, s.span}
		}
		if age < PanicWindow {
			result.DemandPanic.Events += s.arrivals
			result.DemandPanic.Seconds += s.span
		}
		result.Demand.Events += s.arrivals
		result.Demand.Seconds += s.span
		stable.durationSeconds += s.durationSeconds
		stable.cpuSeconds += s.cpuSeconds
		t := s.tally(threshold)
		result.Objectives.Total += t.Total
		result.Objectives.Failed += t.Failed
		result.Objectives.Slow += t.Slow
		buckets = addBuckets(buckets, s.buckets, 1)
	}
	result.Known = rounds > 0 && complete == rounds
	if seconds := result.Demand.Seconds; seconds > 0 {
		result.Concurrency = stable.durationSeconds / seconds
		result.CPU = stable.cpuSeconds / seconds
	}
	result.P99 = quantile(buckets, 0.99)
	result.Trend = e.trend()
	return result
}

func (e *Estimator) gauges(result *Estimates) {
	busy, workers := 0.0, 0.0
	for _, pod := range e.podsNow {
		busy += pod.busy
		workers += pod.workers
		result.Backlog += pod.queued
		result.Processors = max(result.Processors, pod.processors)
		result.HeapLiveBytes = max(result.HeapLiveBytes, pod.heap)
		result.GOGC = max(result.GOGC, pod.gogc)
	}
	if workers > 0 {
		result.Saturation = busy / workers
	}
}

// trend is the slope of a least-squares line through the demand of the stable window, where it is more than twice its own
// standard error and thus more than noise.
func (e *Estimator) trend() float64 {
	var n, sumT, sumY, sumTT, sumTY float64
	points := make([][2]float64, 0, 64)
	for i := len(e.samples) - 1; i >= 0 && e.last.Sub(e.samples[i].at) < StableWindow; i-- {
		s := &e.samples[i]
		if !s.complete {
			continue
		}
		t, y := s.at.Sub(e.last).Seconds(), s.arrivals/s.span
		points = append(points, [2]float64{t, y})
		n++
		sumT += t
		sumY += y
		sumTT += t * t
		sumTY += t * y
	}
	const fewest = 5
	spread := n*sumTT - sumT*sumT
	if n < fewest || spread <= 0 {
		return 0
	}
	slope := (n*sumTY - sumT*sumY) / spread
	level := (sumY - slope*sumT) / n
	residual := 0.0
	for _, p := range points {
		off := p[1] - level - slope*p[0]
		residual += off * off
	}
	standardError := math.Sqrt(residual / (n - 2) / (spread / n))
	if math.Abs(slope) <= 2*standardError {
		return 0
	}
	return slope
}
