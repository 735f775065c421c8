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
	// DemandSince is the part of Demand since the last step in the stable window; all of it without one.
	DemandSince Rate
	// Trend of the demand over the stable window in requests per second per second; 0 unless it is significant.
	Trend float64
	// TrendError is the standard error of Trend.
	TrendError float64
	// Backlog is how many requests wait for a worker.
	Backlog float64
	// Done requests were answered and not turned away, in the last round and in the one before it.
	Done, DoneBefore Rate
	// Rejected is how many requests were turned away in the last round, Refused how many over the stable window, but for those above a rate limit.
	Rejected, Refused float64
	// ServiceTime of a request by itself, without any wait; CPUTime that it uses. 0 while unknown.
	ServiceTime, CPUTime time.Duration
	// Pooled is the share of the requests done that held a worker; 1 while unknown.
	Pooled float64
	// Concurrency is the mean number of requests in the service over the stable window, by Little's law.
	Concurrency float64
	// CPU is how many cores all pods used together over the stable window. NoCPU says that pods which answered requests told of none.
	CPU   float64
	NoCPU bool
	// Objectives over the stable window.
	Objectives Tally
	// P99 of the durations over the stable window; 0 without requests.
	P99 time.Duration
	// Saturation is the busy share of all workers, in the last round.
	Saturation float64
	// Workers of a pod on average, in the last round; 0 where it has no pool.
	Workers float64
	// MostWorkers that the pool of every pod may have; 0 while a pod does not say, whose pool does not size itself.
	MostWorkers float64
	// Processors that one pod may use at once, HeapLiveBytes of the fullest pod, GOGC in force.
	Processors, HeapLiveBytes, GOGC float64
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

// mean is the rate, or in a window that is too young for one what there is at least.
func (r Rate) mean() float64 {
	if r.Seconds < StableWindow.Seconds()/2 {
		return r.AtLeast()
	}
	return r.PerSecond()
}

// AtLeast is a rate that the true one is not below with 98% certainty, for events that are independent of each other.
func (r Rate) AtLeast() float64 {
	if r.Seconds <= 0 {
		return 0
	}
	return max(r.Events-2*math.Sqrt(r.Events), 0) / r.Seconds
}

// Tally counts requests by what they mean for the objectives. Rate-limited requests are not among them: they were refused
// because the user said so. Unjudged ones did not fail, and were not compared with the threshold that Slow is counted against.
type Tally struct{ Total, Failed, Slow, Unjudged float64 }

// and another tally.
func (t Tally) and(other Tally) Tally {
	return Tally{t.Total + other.Total, t.Failed + other.Failed, t.Slow + other.Slow, t.Unjudged + other.Unjudged}
}

// unjudged is the tally before anything was compared with a threshold.
func (t Tally) unjudged() Tally {
	return Tally{Total: t.Total, Failed: t.Failed, Unjudged: max(t.Total-t.Failed, 0)}
}

// Judged requests did not fail, and were compared with the threshold.
func (t Tally) Judged() float64 { return max(t.Total-t.Failed-t.Unjudged, 0) }

// SlowShare of the requests that did not fail, as far as they were judged.
func (t Tally) SlowShare() float64 {
	if t.Judged() == 0 {
		return 0
	}
	return min(max(t.Slow/t.Judged(), 0), 1)
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
	if threshold > 0 {
		t.Slow = s.durations.total() - s.durations.within(threshold)
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
		At: e.last, ServiceTime: e.selfTime.mean(), CPUTime: e.cpuTime.mean(),
	}
	if result.ServiceTime == 0 {
		result.ServiceTime = e.serviceTime.mean()
	}
	if result.Pooled = 1; e.cpuTime.weight > 0 {
		result.Pooled = min(e.serviceTime.weight/e.cpuTime.weight, 1)
	}
	e.gauges(&result)
	var durations histogram
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
			result.Done, result.Rejected = Rate{s.done, s.span}, max(s.rejected-s.refused, 0)
		case len(e.samples) - 2:
			result.DemandBefore, result.DoneBefore = Rate{s.arrivals, s.span}, Rate{s.done, s.span}
		}
		if age < PanicWindow {
			result.DemandPanic.Events += s.arrivals
			result.DemandPanic.Seconds += s.span
		}
		result.Demand.Events += s.arrivals
		result.Demand.Seconds += s.span
		stable.durationSeconds += s.durationSeconds
		stable.cpuSeconds += s.cpuSeconds
		stable.done += s.done
		result.Refused += max(s.rejected-s.refused, 0)
		result.Objectives = result.Objectives.and(s.tally(threshold))
		durations.merge(s.durations)
	}
	result.Known = rounds > 0 && complete == rounds
	if seconds := result.Demand.Seconds; seconds > 0 {
		result.Concurrency = stable.durationSeconds / seconds
		result.CPU = stable.cpuSeconds / seconds
		result.NoCPU = stable.cpuSeconds == 0 && stable.done >= minServed && seconds >= StableWindow.Seconds()/2
	}
	result.P99 = durations.quantile(0.99)
	var since time.Time
	result.Trend, result.TrendError, since = e.trend()
	result.DemandSince = result.Demand
	if !since.IsZero() {
		result.DemandSince = e.arrivalsSince(since)
	}
	return result
}

func (e *Estimator) gauges(result *Estimates) {
	busy, workers := 0.0, 0.0
	for i, pod := range e.podsNow {
		if i == 0 || pod.mostWorkers < result.MostWorkers {
			result.MostWorkers = pod.mostWorkers
		}
		busy += pod.busy
		workers += pod.workers
		result.Backlog += pod.queued * e.standsFor
		result.Processors = max(result.Processors, pod.processors)
		result.HeapLiveBytes = max(result.HeapLiveBytes, pod.heap)
		result.GOGC = max(result.GOGC, pod.gogc)
	}
	if workers > 0 {
		result.Saturation, result.Workers = busy/workers, workers/float64(len(e.podsNow))
	}
}

func (e *Estimator) arrivalsSince(at time.Time) Rate {
	var sum Rate
	for i := len(e.samples) - 1; i >= 0 && !e.samples[i].at.Before(at); i-- {
		if s := &e.samples[i]; s.complete {
			sum.Events += s.arrivals
			sum.Seconds += s.span
		}
	}
	return sum
}

// point is the demand of one round.
type point struct {
	at   time.Time
	rate float64 // per second
	span float64 // seconds
}

// trendChance is how many standard errors of a line's slope may be chance.
const trendChance = 2

// trend is the slope of a least-squares line through the demand of the stable window, where it is more than twice its own
// standard error, which is returned too, and thus more than noise. A step is no trend: the line through it would go on rising. Instead the time of the
// first whole round after the last step is returned.
func (e *Estimator) trend() (slope, standardError float64, step time.Time) {
	var n, sumT, sumY, sumTT, sumTY float64
	points := make([]point, 0, 64)
	for i := len(e.samples) - 1; i >= 0 && e.last.Sub(e.samples[i].at) < StableWindow; i-- {
		s := &e.samples[i]
		if !s.complete {
			continue
		}
		t, y := s.at.Sub(e.last).Seconds(), s.arrivals/s.span
		points = append(points, point{s.at, y, s.span})
		n++
		sumT += t
		sumY += y
		sumTT += t * t
		sumTY += t * y
	}
	const fewest = 5
	spread := n*sumTT - sumT*sumT
	if n < fewest || spread <= 0 {
		return 0, 0, time.Time{}
	}
	slope = (n*sumTY - sumT*sumY) / spread
	if step = lastStep(points, slope); !step.IsZero() {
		return 0, 0, step
	}
	level := (sumY - slope*sumT) / n
	residual := 0.0
	for _, p := range points {
		off := p.rate - level - slope*p.at.Sub(e.last).Seconds()
		residual += off * off
	}
	standardError = math.Sqrt(residual / (n - 2) / (spread / n))
	if math.Abs(slope) <= trendChance*standardError {
		return 0, 0, time.Time{}
	}
	return slope, standardError, time.Time{}
}

const (
	// A step is a change of the demand between two times with one round between them, in the middle of which it may have begun,
	// by at least stepShare of it, by more standard deviations than stepChance, and by more than half of what the line through
	// the stable window rises or falls altogether.
	stepShare  = 0.2
	stepChance = 4
	// stepEvents are as many requests as tell the level before and after a step apart from chance. Each level is taken over the
	// rounds that hold as many, stepRounds at most: one where traffic is heavy, so that a steep rise is not taken for a step.
	stepEvents = 100
	stepRounds = 5
)

// lastStep is the time of the first whole round after the last step; points begin with the newest. Zero without one.
func lastStep(points []point, slope float64) time.Time {
	half := math.Abs(slope) * StableWindow.Seconds() / 2
	rounds := roundsOfALevel(points)
	for i := 1; i+1 < len(points); i++ { // the step begins within points[i]
		later, earlier := level(points[max(i-rounds, 0):i]), level(points[i+1:min(i+1+rounds, len(points))])
		now, before := later.PerSecond(), earlier.PerSecond()
		jump := math.Abs(now - before)
		noise := deviation(earlier, later)
		least := jump
		if rounds > 1 { // by chance, the step may be larger than what was counted
			least += stepChance / 2 * noise
		}
		if least > half && jump > stepChance*noise && jump > stepShare*math.Max(now, before) {
			return points[i-1].at
		}
	}
	return time.Time{}
}

// roundsOfALevel that tell it apart from chance.
func roundsOfALevel(points []point) int {
	most := 0.0
	for _, p := range points {
		most = max(most, p.rate*p.span)
	}
	return int(min(max(math.Ceil(stepEvents/max(most, 1)), 1), stepRounds))
}

// level of the demand over some rounds.
func level(points []point) Rate {
	var sum Rate
	for _, p := range points {
		sum.Events += p.rate * p.span
		sum.Seconds += p.span
	}
	return sum
}
