// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"iter"
	"math"
	"math/rand/v2"
	"time"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
	"goservice.dev/operator/controllers/tuner"
)

// Flow is a load that is too much to simulate request by request: a week of a busy service. What pods count then follows from how many
// requests each of them gets between two moments, at most a second: Poisson arrivals, pods chosen at random, and within a pod the waits of an M/M/m queue,
// beside what is in excess of what the pod can do. Pods that share their queue get equal parts, and a request waits for its own pod and then as in the M/M/m
// queue of all. Everything else is as it is with single requests: the autoscalers, their metrics, the start and end of pods.
type Flow struct {
	// Durations of requests that wait for nobody, cumulative by seconds; nil: as the Service has them, with exponential waits for others.
	Durations []tuner.Bucket
	// Limit is how many requests per second all pods together let in, with Burst at once; 0 without one. Those that are turned away count
	// neither as bad nor as good.
	Limit, Burst float64
}

// RunFlow is Run for a flow.
func RunFlow(service Service, load Flow, pool Pool, shape Shape, contender Contender, seed uint64) Result {
	w := newWorld(service, shape, seed)
	w.flow = newFlow(w, load)
	return w.play(pool, contender, seed)
}

// FlowPool is the pool to which the operator sizes the pods of a service under a steady load, as FittedPool; pods of other images have no
// pool, and nothing bounds who waits in them but the time that clients wait.
func FlowPool(service Service, spec *v1alpha1.GoServiceSpec, load Flow) Pool {
	figures := plan.Compute(spec, plan.Observed{})
	switch {
	case !figures.OnToolkit:
		const many = 1 << 20
		return Pool{many, many, figures.RequestTimeout.Value}
	case !figures.Autoscaled:
		return Pool{int(figures.Workers.Value), int(figures.QueueDepth.Value), figures.QueueTimeout.Value}
	}
	w := newWorld(service, Shape{Name: "steady", Seconds: warmUp / 4, Rate: func(float64) float64 { return 1.4 * service.usable() / service.CPUTime.Seconds() }}, 1)
	w.flow = newFlow(w, load)
	w.start(OperatorOf("", spec, true, nil))
	w.run()
	return Pool{w.workers, w.depth, time.Duration(w.queueTimeout * float64(time.Second))}
}

// flow is the state of one.
type flow struct {
	Flow
	// queues of pods that share with as many others, or with none.
	queues map[int]*queueing
	at     float64
	tokens float64
	// left of the requests of the present second, and the rate at which they come.
	left int
	rate float64
	// split are random numbers for what differs between contenders, so that arrivals stay the same for all.
	split *rand.Rand
}

func newFlow(w *World, load Flow) *flow {
	return &flow{Flow: load, queues: map[int]*queueing{}, tokens: load.Burst, split: w.random.balancing}
}

// runFlow until the shape ends.
func (w *World) runFlow() {
	for len(w.events) > 0 && w.events[0].at <= w.shape.Seconds {
		e := w.events.pop()
		w.now = e.at
		if e.kind != timer {
			w.settle()
		}
		w.handle(e)
	}
	w.now = w.shape.Seconds
	w.settle()
	for _, f := range w.atEnd {
		f()
	}
}

// settle brings what pods have counted up to now; without a flow, it is already.
func (w *World) settle() {
	for f := w.flow; f != nil && f.at < w.now-1e-9; {
		second := math.Floor(f.at + 1e-9)
		until := min(second+1, w.now)
		if f.at-second < 1e-9 {
			f.rate = w.shape.Rate(second)
			f.left = int(poisson(w.random.arrivals, f.rate))
		}
		arrivals := f.left
		if rest := second + 1 - f.at; until < second+1-1e-9 {
			arrivals = binomial(f.split, f.left, (until-f.at)/rest)
		}
		f.left -= arrivals
		f.step(w, arrivals, until-f.at)
		f.at = until
	}
}

// step lets requests come within some seconds.
func (f *flow) step(w *World, arrivals int, seconds float64) {
	now := w.second(f.at)
	w.arrived += float64(arrivals)
	admitted, rate := f.admit(arrivals, seconds)
	f.refuse(w, arrivals-admitted)
	now.Arrived += admitted
	w.hopTime += float64(admitted) * w.hopCPU
	if len(w.serving) == 0 {
		now.Lost += admitted
		return
	}
	perPod := rate / float64(len(w.serving))
	shared := w.sharing && len(w.serving) > 1
	if shared {
		w.levelExcess()
	}
	for i, p := range w.serving {
		n := binomial(f.split, admitted, 1/float64(len(w.serving)-i))
		if shared {
			n = admitted / (len(w.serving) - i)
		}
		admitted -= n
		f.work(w, p, n, perPod, seconds)
	}
	for _, p := range w.pods {
		if p.leaving && p.ready {
			f.drain(w, p, seconds)
		}
	}
}

// levelExcess of pods that share their queue: what waits is in the one queue of all.
func (w *World) levelExcess() {
	sum := 0.0
	for _, p := range w.serving {
		sum += p.excess
	}
	for _, p := range w.serving {
		p.excess = sum / float64(len(w.serving))
	}
}

// queueOf a pod.
func (f *flow) queueOf(w *World) *queueing {
	pods := 1
	if w.sharing {
		pods = max(len(w.serving), 1)
	}
	q := f.queues[pods]
	if q == nil {
		q = newQueueing(w.service, f.Durations, pods)
		f.queues[pods] = q
	}
	return q
}

// admit what the limit lets in, and the rate of that.
func (f *flow) admit(arrivals int, seconds float64) (int, float64) {
	if f.Limit <= 0 {
		return arrivals, f.rate
	}
	f.tokens = min(f.tokens+f.Limit*seconds, f.Burst+f.Limit*seconds)
	admitted := min(arrivals, int(f.tokens))
	f.tokens = min(f.tokens-float64(admitted), f.Burst)
	return admitted, min(f.rate, f.Limit)
}

// refuse spreads what the limit turns away evenly.
func (f *flow) refuse(w *World, refused int) {
	for _, p := range w.serving {
		p.requests += float64(refused) / float64(len(w.serving))
		p.limited += float64(refused) / float64(len(w.serving))
	}
}

// drain what a pod that gets no more requests has left.
func (f *flow) drain(w *World, p *Pod, seconds float64) {
	for _, other := range w.serving {
		if other == p {
			return
		}
	}
	f.work(w, p, 0, 0, seconds)
	if p.stopping {
		w.collect(p)
	}
}

// work of a pod that gets n requests within some seconds, at an expected rate.
func (f *flow) work(w *World, p *Pod, n int, rate, seconds float64) {
	s, queue := w.service, f.queueOf(w)
	own := queue.serviceTime
	pace := min(s.usable()/s.CPUTime.Seconds(), float64(w.workers)/own) // requests per second at most
	most := func() float64 {
		return max(float64(w.workers)-pace*own, 0) + min(float64(w.depth), pace*w.queueTimeout)
	}
	queue.limit(w.workers, most()/pace) // which forgets all that it knows if it is another one
	at := queue.at(min(rate/pace, 1), p.excess/pace)
	if at.moved > 0 { // what moves takes CPU that requests would have had
		pace = min(s.usable()/(s.CPUTime.Seconds()+at.moved*moveCPU), pace)
		at = queue.at(min(rate/pace, 1), p.excess/pace)
	}
	before, done, lost := p.excess, 0.0, 0.0
	if rate < pace { // what chance makes of arrivals is in the queue's formulas; what was in excess before is worked off
		lost = float64(binomial(f.split, n, at.lost))
		done = float64(n) - lost + min(before, (pace-rate)*seconds)
	} else {
		done = min(before+float64(n), pace*seconds)
		lost = max(before+float64(n)-done-most(), 0)
	}
	p.excess = max(before+float64(n)-done-lost, 0)

	slow := binomial(f.split, int(math.Round(done)), at.slow)
	delay := (before + p.excess) / 2 / pace
	p.requests += done + lost
	p.failed += lost
	p.served += done
	used := done * (s.CPUTime.Seconds() + at.moved*moveCPU)
	p.cpu += used
	w.busyArea += used
	p.serviceSeconds += done * (own + at.wait + min(delay, float64(w.workers)/pace))
	p.durationSeconds += done * (own + at.wait + delay)
	p.count(w, done, float64(slow))
	p.integrate(f.at)
	inside := min(rate, pace)*(own+at.wait) + p.excess
	p.running = int(math.Round(min(inside, float64(w.workers))))
	p.queue.length = int(math.Round(max(inside-float64(w.workers), 0)))

	now := w.second(f.at)
	now.Slow += slow
	now.Lost += int(math.Floor(lost + f.split.Float64()))
}

// count durations: those that kept the threshold in its bucket, the others in the next one. Nothing that decides reads more of them.
func (p *Pod) count(w *World, done, slow float64) {
	slow = min(slow, done)
	threshold := 0
	for threshold < len(w.bounds)-2 && w.bounds[threshold] < w.service.Threshold.Seconds() {
		threshold++
	}
	p.buckets[threshold] += done - slow
	p.buckets[threshold+1] += slow
}

// few of something are drawn one by one; how many of more happen is close to Poisson or normal.
const few = 24

// binomial is how many of n happen that have a chance each.
func binomial(random *rand.Rand, n int, chance float64) int {
	switch {
	case n <= 0 || chance <= 0:
		return 0
	case chance >= 1:
		return n
	case chance > 0.5:
		return n - binomial(random, n, 1-chance)
	case float64(n)*chance <= few && n > few: // close to Poisson, and never more than there are
		return min(int(poisson(random, float64(n)*chance)), n)
	case n > few:
		mean := float64(n) * chance
		return min(max(int(math.Round(mean+math.Sqrt(mean*(1-chance))*random.NormFloat64())), 0), n)
	}
	k := 0
	for range n {
		if random.Float64() < chance {
			k++
		}
	}
	return k
}

// Moment is a second of a simulation.
type Moment struct {
	// Arrived requests, and those of them that were Slow or Lost.
	Arrived, Slow, Lost int
	// Wanted pods, those that are Ready, and all that exist.
	Wanted, Ready, Pods int
}

// Moments are the seconds after the warm-up.
func (r *Result) Moments() iter.Seq2[int, Moment] {
	return func(yield func(int, Moment) bool) {
		for i, s := range r.seconds[min(warmUp, len(r.seconds)):] {
			if !yield(i, Moment(s)) {
				return
			}
		}
	}
}
