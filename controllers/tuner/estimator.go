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
	// minServed requests tell what a request costs; below that, what the process does beside them would count as theirs.
	minServed = 100
	// Quorum of the pods that were asked must have answered for a sample to speak for the service.
	Quorum = 0.5
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
	empty   bool      // the last round spoke of no pod: the time since then is no measured calm
	samples []sample  // of the stable window
	bounds  []float64 // of the newest histogram
	bare    bool      // what was answered last was counted without a histogram

	cpuTime, serviceTime, selfTime ewma
	podsNow                        []podGauges
	standsFor                      float64 // pods, each of podsNow
}

type podGauges struct {
	busy, workers, mostWorkers, queued, processors, heap, gogc float64
}

// sample is what all pods together did between two observations.
type sample struct {
	at   time.Time
	span float64 // seconds

	arrivals, requests, served, rejected, refused, failed, limited float64
	done                                                           float64 // was neither turned away nor without a route
	serviceSeconds, durationSeconds, cpuSeconds                    float64
	durations                                                      histogram
	// complete says that a Quorum of the pods is in it.
	complete bool
}

// Observe takes in one round of reports, one of each pod that was asked. total is how many pods run; those that answered stand
// for the others.
func (e *Estimator) Observe(at time.Time, total int, reports []Report) {
	if e.pods == nil {
		e.pods, e.seen, e.taken = map[string]Counters{}, map[string]time.Time{}, map[string]time.Time{}
	}
	if !e.last.IsZero() && !at.After(e.last) {
		return
	}
	s := sample{at: at}
	if e.continues() {
		s.span = at.Sub(e.last).Seconds()
	}
	answered, counted, fresh := 0, 0, 0
	e.podsNow = e.podsNow[:0]
	for _, report := range reports {
		now, taken := report.Counters, at
		if now != nil && !now.At.IsZero() {
			taken = now.At
		}
		if now == nil || e.contradicts(report.Pod, now, at, taken) {
			continue
		}
		answered++
		e.podsNow = append(e.podsNow, podGauges{now.Busy, now.Workers, now.MostWorkers, now.Queued, now.Processors, now.HeapLiveBytes, now.GOGC})
		if d, span, known := e.since(report.Pod, now, at, taken); known {
			counted++
			e.add(&s, d, span)
		} else {
			fresh++
		}
		e.pods[report.Pod], e.seen[report.Pod], e.taken[report.Pod] = *now, at, taken
	}
	e.standsFor = float64(max(total, answered)) / float64(max(answered, 1))
	e.forget(at)
	s.complete = counted > 0 && float64(answered) >= Quorum*float64(len(reports))
	if s.complete { // few do not speak for all
		s.scale(scaleOf(total, answered, counted, fresh))
	}
	e.last, e.empty = at, total == 0 && len(reports) == 0
	if s.span > 0 {
		e.samples = append(e.samples, s)
		e.learn(&s)
	}
	e.drop(at)
}

// drop samples that nothing reads any more: old ones, and those that are not complete and neither recent nor one of the last two.
func (e *Estimator) drop(at time.Time) {
	kept := e.samples[:0]
	for i := range e.samples {
		s := &e.samples[i]
		age, latest := at.Sub(s.at), i >= len(e.samples)-2
		if age < StableWindow && (s.complete || age < PanicWindow || latest) {
			kept = append(kept, *s)
		}
	}
	clear(e.samples[len(kept):])
	e.samples = kept
}

// contradicts says that counters are less than they were although the process is the same, as where a part of an answer is
// missing. Such a report tells nothing, and what was known before stays: the next whole one speaks for both rounds.
func (e *Estimator) contradicts(pod string, now *Counters, at, taken time.Time) bool {
	before, exists := e.pods[pod]
	return exists && now.wentBack(&before) && !now.restarted(&before, e.taken[pod], later(at, taken))
}

// continues says that the time since the last round is known.
func (e *Estimator) continues() bool { return !e.last.IsZero() && !e.empty }

// since is what a pod did since it was last heard of. A pod that is new here counts from its own start if that was after the
// last round; else nothing is known of it yet.
func (e *Estimator) since(pod string, now *Counters, at, taken time.Time) (d Counters, span float64, known bool) {
	before, exists := e.pods[pod]
	switch {
	case exists && now.restarted(&before, e.taken[pod], later(at, taken)):
		return *now, taken.Sub(e.taken[pod]).Seconds(), true
	case exists:
		return delta(&before, now), taken.Sub(e.taken[pod]).Seconds(), true
	case e.continues() && now.startedWithin(e.last, later(at, taken)):
		return *now, later(at, taken).Sub(e.last).Seconds(), true
	}
	return Counters{}, 0, false
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// add a pod's part. A pod that was silent for some rounds did its work over all of them, of which this round has its share;
// so has a round of what was counted at other moments than its own.
func (e *Estimator) add(s *sample, d Counters, span float64) {
	share := 1.0
	if span > 0 && s.span > 0 {
		share = s.span / span
	}
	// What came in is what was answered and what is under way in addition: requests that hang are demand, too.
	arrivals := max(d.Requests+d.Active, 0) * share
	s.arrivals += max(arrivals-d.Unmatched*share, 0)
	s.done += max(d.Requests-d.Unmatched-d.Rejected, 0) * share
	s.requests += d.Requests * share
	s.served += d.Served * share
	s.rejected += d.Rejected * share
	s.refused += d.Refused * share
	s.failed += d.Failed * share
	s.limited += d.RateLimited * share
	s.serviceSeconds += d.ServiceSeconds * share
	s.durationSeconds += d.DurationSeconds * share
	s.cpuSeconds += d.CPUSeconds * share
	if d.Requests > d.Failed+d.RateLimited {
		e.bare = len(d.Buckets) == 0 && !d.Bucketed
	}
	s.durations.add(d.Buckets, share, e.bounds)
	e.bounds = s.durations.bounds
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
		&s.arrivals, &s.done, &s.requests, &s.served, &s.rejected, &s.refused, &s.failed, &s.limited,
		&s.serviceSeconds, &s.durationSeconds, &s.cpuSeconds,
	} {
		*field *= factor
	}
	s.durations.scale(factor)
}

// forget pods that nobody has heard of for a stable window.
func (e *Estimator) forget(at time.Time) {
	for pod, seen := range e.seen {
		if at.Sub(seen) > StableWindow {
			delete(e.seen, pod)
			delete(e.taken, pod)
			delete(e.pods, pod)
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

// mostRequests that are believed to have been answered in one round.
const mostRequests = 1e15

// presume a mean as if minServed requests had shown it.
func (m *ewma) presume(mean time.Duration) {
	m.sum, m.weight = mean.Seconds()*minServed, 0
	if mean > 0 {
		m.weight = minServed
	}
}

// add what some requests cost together. What cannot be – not finite, negative, more than maxCost for each – tells nothing, and
// would otherwise stay in the mean for good.
func (m *ewma) add(sum, weight, span float64) {
	if !(weight >= 0 && weight <= mostRequests && sum >= 0 && sum <= weight*maxCost.Seconds()) { // NaN is neither
		return
	}
	keep := math.Exp(-span / learnedOver)
	m.sum, m.weight = m.sum*keep+sum, m.weight*keep+weight
}

// mean is 0 until enough requests tell it.
func (m *ewma) mean() time.Duration {
	if m.weight < minServed/2 {
		return 0
	}
	return time.Duration(m.sum / m.weight * float64(time.Second))
}

// presume what a request costs from what was learned earlier, until requests say more.
func (e *Estimator) presume(cost Cost) {
	e.cpuTime.presume(cost.CPUTime)
	e.serviceTime.presume(cost.ServiceTime)
	e.selfTime.presume(cost.ServiceTime)
}

// learn what a request costs. Samples with little traffic teach nothing: what the process does beside requests, such as
// answering this very scrape, would count as their cost.
func (e *Estimator) learn(s *sample) {
	if !s.complete || s.done < minServed*s.span/learnedOver {
		return
	}
	// Routes without a worker are demand and use CPU as others do; what they wait for holds no worker.
	e.cpuTime.add(s.cpuSeconds, s.done, s.span)
	e.serviceTime.add(s.serviceSeconds, s.served, s.span)
	// While pods are overloaded, requests wait for a processor inside their handlers: what a request takes by itself is seen
	// only while nobody has to queue.
	if s.rejected-s.refused <= 0 && !e.queueing() {
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
