// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"math"

	"goservice.dev/operator/controllers/tuner"
)

// queueing tells how long requests take in a pod by how busy it is. What was computed is kept: there are few states, and a week has
// millions of moments.
type queueing struct {
	servers     int     // of the pod
	shared      int     // of all pods that share their queue with it, and its own
	serverTime  float64 // that a request keeps one of them
	serviceTime float64 // of a request that waits for nobody
	threshold   float64 // infinite without a latency objective
	durations   []tuner.Bucket
	workers     int     // of the pod
	longest     float64 // wait in a pod, beyond which requests are turned away
	known       map[queueState]queued
}

type queueState struct{ busy, delay int }

// queued are the shares of requests that are slower than the threshold, that are turned away because too many wait already, and that move to
// another pod, and the mean wait for a core in seconds.
type queued struct{ slow, lost, moved, wait float64 }

const (
	// Utilizations and delays are told apart in so many steps, delays up to the threshold.
	busySteps, delaySteps = 500, 50
	// mostUsed bounds the utilization at which a wait is estimated, which has no end at 1: beyond it, what is in excess is counted.
	mostUsed = 0.98
)

// newQueueing of a pod, one of so many that share their queue.
func newQueueing(s Service, durations []tuner.Bucket, pods int) *queueing {
	servers := max(int(s.usable()), 1)
	q := &queueing{
		servers: servers, shared: pods * servers, serviceTime: (s.CPUTime + s.Wait).Seconds(), threshold: s.Threshold.Seconds(),
		durations: durations, known: map[queueState]queued{},
	}
	q.serverTime = s.CPUTime.Seconds() * float64(q.servers) / s.usable()
	if q.threshold == 0 {
		q.threshold = math.Inf(1)
	}
	if len(durations) == 0 {
		q.durations = durationsOf(s)
	}
	return q
}

// limit the workers, and the wait in seconds.
func (q *queueing) limit(workers int, longest float64) {
	if workers != q.workers || longest != q.longest {
		q.workers, q.longest = workers, longest
		clear(q.known)
	}
}

// at a utilization, with requests that wait for those in excess by a delay in seconds first.
func (q *queueing) at(utilization, delay float64) queued {
	state := queueState{busy: int(math.Round(min(utilization, mostUsed) * busySteps))}
	if !math.IsInf(q.threshold, 1) {
		state.delay = min(int(math.Ceil(delay/q.threshold*delaySteps)), delaySteps)
	}
	result, known := q.known[state]
	if !known {
		rho := float64(state.busy) / busySteps
		result = queued{slow: q.slow(rho, q.threshold*float64(state.delay)/delaySteps), lost: q.lost(rho), moved: q.moved(rho), wait: min(q.meanWait(rho), q.longest)}
		q.known[state] = result
	}
	return result
}

// slow is the share of requests that take longer than the threshold, by themselves or with their wait: a delay, and then that for a core.
func (q *queueing) slow(rho, delay float64) float64 {
	if math.IsInf(q.threshold, 1) {
		return 0
	}
	total, longer, lower, share := q.durations[len(q.durations)-1].Count, 1.0, 0.0, 0.0
	for _, b := range q.durations {
		left, upper := max(1-b.Count/total, 0), b.UpperBound
		if math.IsInf(upper, 1) {
			upper = 2 * lower
		}
		// Within a bucket, the share of longer ones falls exponentially: more of them are at its lower end.
		const parts, least = 8, 0.01
		falls := math.Pow(max(left/max(longer, 1e-12), least), 1.0/parts)
		scale := (longer - left) / (1 - math.Pow(falls, parts))
		for i := range parts {
			if longer <= left {
				break
			}
			took := lower + (upper-lower)*(float64(i)+0.5)/parts
			share += scale * (math.Pow(falls, float64(i)) - math.Pow(falls, float64(i+1))) * q.waits(rho, q.threshold-took-delay, q.longest-delay)
		}
		lower, longer = upper, left
	}
	return min(share, 1)
}

// waits is the share of requests that wait longer for a core, P(W > t) = C(m, ρ)·e^(−m(1−ρ)t/S) in an M/M/m queue (L. Kleinrock,
// Queueing Systems I, 1975, section 3.5), in which nobody waits for longer than longest. In pods that share their queue, a request first
// waits for its own pod, as long as it is patient, and then in the one queue of all.
func (q *queueing) waits(rho, longer, longest float64) float64 {
	switch {
	case longer <= 0:
		return 1
	case longer >= longest:
		return 0
	}
	alone := q.waitsFor(q.servers, rho, longer)
	if q.shared == q.servers || longer <= q.patience() {
		return alone
	}
	return min(alone, q.waitsFor(q.shared, rho, longer-q.patience()))
}

func (q *queueing) waitsFor(servers int, rho, longer float64) float64 {
	return haveToWait(servers, rho) * math.Exp(-float64(servers)*(1-rho)*longer/q.serverTime)
}

// patience in seconds, before a request is offered to other pods.
func (q *queueing) patience() float64 { return max(patientShare*q.serviceTime, patientHops*hop) }

// moved is the share of requests that another pod does: those that find all workers of their own taken, as in an M/M/m/K queue
// (Kleinrock 1975, section 3.6), since who would wait for one moves instead.
func (q *queueing) moved(rho float64) float64 {
	if q.shared == q.servers {
		return 0
	}
	taken := haveToWait(q.servers, rho) * math.Pow(rho, float64(max(q.workers-q.servers, 0)))
	return (1 - rho) * taken / (1 - rho*taken)
}

// lost is the share that finds the places taken. In an M/M/1/K queue, it is (1−ρ)·ρ^K/(1−ρ^(K+1)) (Kleinrock 1975, section 3.6); ρ^K is that
// of those who would wait longer without a bound.
func (q *queueing) lost(rho float64) float64 {
	longer := q.waits(rho, q.longest, math.Inf(1))
	return (1 - rho) * longer / (1 - rho*longer)
}

func (q *queueing) meanWait(rho float64) float64 {
	mean := func(servers int) float64 {
		return haveToWait(servers, rho) * q.serverTime / (float64(servers) * (1 - rho))
	}
	alone := mean(q.servers)
	if q.shared == q.servers {
		return alone
	}
	// Who waits for its own pod does so for an exponentially distributed time, of which patience cuts off the rest.
	rate := float64(q.servers) * (1 - rho) / q.serverTime
	return min(alone, alone*(1-math.Exp(-rate*q.patience()))+mean(q.shared))
}

// haveToWait is the share of requests that wait in an M/M/m queue, by the recursion of Erlang's formula B.
func haveToWait(servers int, rho float64) float64 {
	offered, blocking := float64(servers)*rho, 1.0
	for k := 1; k <= servers; k++ {
		blocking = offered * blocking / (float64(k) + offered*blocking)
	}
	return blocking / (1 - rho*(1-blocking))
}

// durationsOf the requests of a service that wait for nobody: a log-normal CPU time and an exponential wait for others.
func durationsOf(s Service) []tuner.Bucket {
	variance := math.Log(1 + s.Variation*s.Variation)
	mean, wait := s.CPUTime.Seconds(), s.Wait.Seconds()
	const quantiles, steps, finest = 4000, 80, 100
	costs := make([]float64, quantiles)
	for i := range costs {
		z := math.Sqrt2 * math.Erfinv(2*(float64(i)+0.5)/quantiles-1)
		costs[i] = mean * math.Exp(math.Sqrt(variance)*z-variance/2)
	}
	var all []tuner.Bucket
	for step := range steps { // from a hundredth of the mean to more than a hundred times as much
		bound := (mean + wait) / finest * math.Pow(1.125, float64(step))
		within := 0.0
		for _, cost := range costs {
			switch left := bound - cost; {
			case left > 0 && wait > 0:
				within += -math.Expm1(-left / wait)
			case left >= 0:
				within++
			}
		}
		all = append(all, tuner.Bucket{UpperBound: bound, Count: within / quantiles})
	}
	return append(all, tuner.Bucket{UpperBound: math.Inf(1), Count: 1})
}
