// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"math"
	"time"
)

const (
	// StableWindow and PanicWindow are those of Knative's autoscaler: long enough to smooth, short enough to see a step.
	StableWindow = 60 * time.Second
	PanicWindow  = 6 * time.Second
	// podDemandOver smooths the demand of single pods: little, so that a part that is not used any more moves soon.
	podDemandOver = 2 * time.Second
	// memory of samples; the trend and the cost of a request are read from no more than that.
	memory = 5 * time.Minute
	// minServed requests tell what a request costs; below that, what the process does beside them would count as theirs.
	minServed = 100
	// quorum of the pods that were asked must have answered for a sample to speak for the service.
	quorum = 0.5
)

// Report is the answer of one pod: its counters, or nil where it could not be asked.
type Report struct {
	Pod      string
	Counters *Counters
}

// Estimator turns successive reports of a service's pods into rates. The zero value is ready. It is not safe for concurrent use.
type Estimator struct {
	pods    map[string]Counters
	seen    map[string]time.Time
	taken   map[string]time.Time // when pods' counters were: their own times if they have some
	last    time.Time
	samples []sample

	cpuTime, serviceTime, selfTime ewma
	demand                         map[string]float64
	podsNow                        []podGauges
}

type podGauges struct {
	busy, workers, queued, processors, heap, gogc float64
}

// sample is what all pods together did between two observations.
type sample struct {
	at   time.Time
	span float64 // seconds

	arrivals, requests, served, rejected, failed, limited float64
	serviceSeconds, durationSeconds, cpuSeconds           float64
	buckets                                               []Bucket
	// complete says that a quorum of the pods is in it.
	complete bool
}

// Observe takes in one round of reports, one of each pod that was asked. total is how many pods run; those that answered stand
// for the others.
func (e *Estimator) Observe(at time.Time, total int, reports []Report) {
	if e.pods == nil {
		e.pods, e.seen, e.taken, e.demand = map[string]Counters{}, map[string]time.Time{}, map[string]time.Time{}, map[string]float64{}
	}
	if !e.last.IsZero() && !at.After(e.last) {
		return
	}
	s := sample{at: at}
	if !e.last.IsZero() {
		s.span = at.Sub(e.last).Seconds()
	}
	answered, counted, fresh := 0, 0, 0
	e.podsNow = e.podsNow[:0]
	for _, report := range reports {
		if report.Counters == nil {
			delete(e.demand, report.Pod)
			continue
		}
		answered++
		now, taken := report.Counters, report.Counters.At
		if taken.IsZero() {
			taken = at
		}
		e.podsNow = append(e.podsNow, podGauges{now.Busy, now.Workers, now.Queued, now.Processors, now.HeapLiveBytes, now.GOGC})
		if d, span, known := e.since(report.Pod, now, at, taken); known {
			counted++
			e.add(&s, report.Pod, d, span)
		} else {
			fresh++
		}
		e.pods[report.Pod], e.seen[report.Pod], e.taken[report.Pod] = *now, at, taken
	}
	e.forget(at)
	s.complete = counted > 0 && float64(answered) >= quorum*float64(len(reports))
	s.scale(scaleOf(total, answered, counted, fresh))
	e.last = at
	if s.span > 0 {
		e.samples = append(e.samples, s)
		e.learn(&s)
	}
	for len(e.samples) > 0 && at.Sub(e.samples[0].at) > memory {
		e.samples = e.samples[1:]
	}
}

// since is what a pod did since it was last heard of. A pod that is new here counts from its own start if that was after the
// last round; else nothing is known of it yet.
func (e *Estimator) since(pod string, now *Counters, at, taken time.Time) (d Counters, span float64, known bool) {
	if before, exists := e.pods[pod]; exists {
		return delta(&before, now), taken.Sub(e.taken[pod]).Seconds(), true
	}
	if e.last.IsZero() || now.StartSeconds == 0 || time.UnixMilli(int64(now.StartSeconds*1000)).Before(e.last) {
		return Counters{}, 0, false
	}
	return *now, at.Sub(e.last).Seconds(), true
}

// add a pod's part. A pod that was silent for some rounds did its work over all of them, of which this round has its share;
// so has a round of what was counted at other moments than its own.
func (e *Estimator) add(s *sample, pod string, d Counters, span float64) {
	share := 1.0
	if span > 0 && s.span > 0 {
		share = s.span / span
	}
	// What came in is what was answered and what is under way in addition: requests that hang are demand, too.
	arrivals := max(d.Requests+d.Active, 0) * share
	s.arrivals += arrivals
	s.requests += d.Requests * share
	s.served += d.Served * share
	s.rejected += d.Rejected * share
	s.failed += d.Failed * share
	s.limited += d.RateLimited * share
	s.serviceSeconds += d.ServiceSeconds * share
	s.durationSeconds += d.DurationSeconds * share
	s.cpuSeconds += d.CPUSeconds * share
	s.buckets = addBuckets(s.buckets, d.Buckets, share)
	if s.span > 0 {
		weight := 1 - math.Exp(-s.span/podDemandOver.Seconds())
		before, known := e.demand[pod]
		if !known {
			before = arrivals / s.span
		}
		e.demand[pod] = before + weight*(arrivals/s.span-before)
	}
}

// scaleOf the counted pods to all of them. Pods of which nothing is known because they are new have had no traffic to speak
// of, so they are not scaled to.
func scaleOf(total, answered, counted, fresh int) float64 {
	if counted == 0 {
		return 0
	}
	others := float64(max(total-answered, 0)) // neither counted nor known to be new
	return 1 + others/float64(counted+fresh)
}

func (s *sample) scale(factor float64) {
	for _, field := range []*float64{
		&s.arrivals, &s.requests, &s.served, &s.rejected, &s.failed, &s.limited,
		&s.serviceSeconds, &s.durationSeconds, &s.cpuSeconds,
	} {
		*field *= factor
	}
	for i := range s.buckets {
		s.buckets[i].Count *= factor
	}
}

// forget pods that nobody has heard of for a stable window.
func (e *Estimator) forget(at time.Time) {
	for pod, seen := range e.seen {
		if at.Sub(seen) > StableWindow {
			delete(e.seen, pod)
			delete(e.taken, pod)
			delete(e.pods, pod)
			delete(e.demand, pod)
		}
	}
}

// ewma is a mean that weighs what is old less and less, by the number of requests instead of by time, so that a quiet night
// forgets nothing.
type ewma struct {
	sum, weight float64
}

// learnedOver is how many seconds' worth of the present traffic a cost is averaged over.
const learnedOver = 60

func (m *ewma) add(sum, weight, span float64) {
	keep := math.Exp(-span / learnedOver)
	m.sum, m.weight = m.sum*keep+sum, m.weight*keep+weight
}

func (m *ewma) mean() time.Duration {
	if m.weight <= 0 {
		return 0
	}
	return time.Duration(m.sum / m.weight * float64(time.Second))
}

// learn what a request costs. Samples with little traffic teach nothing: what the process does beside requests, such as
// answering this very scrape, would count as their cost.
func (e *Estimator) learn(s *sample) {
	if !s.complete || s.served < minServed*s.span/learnedOver {
		return
	}
	e.cpuTime.add(s.cpuSeconds, s.served, s.span)
	e.serviceTime.add(s.serviceSeconds, s.served, s.span)
	// While pods are overloaded, requests wait for a processor inside their handlers: what a request takes by itself is seen
	// only while nobody has to queue.
	if s.rejected-s.limited <= 0 && !e.queueing() {
		e.selfTime.add(s.serviceSeconds, s.served, s.span)
	}
}

func (e *Estimator) queueing() bool {
	for _, pod := range e.podsNow {
		if pod.queued > 0 {
			return true
		}
	}
	return false
}

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
