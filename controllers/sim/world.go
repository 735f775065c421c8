// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"math"
	"math/rand/v2"
	"time"
)

const (
	// quantum after which Go's scheduler lets the next goroutine run.
	quantum = 0.010
	// endpointDelay until a leaving pod gets no more requests, preStop how long it keeps serving at least.
	endpointDelay = 1.0
	preStop       = 5.0
	// decisionDelay is what asking pods and writing a decision take, for every autoscaler.
	decisionDelay = 0.3
)

// request on its way.
type request struct {
	arrived, started float64
	cpu              float64 // that it still needs
	wait             float64
	origin           *Pod    // where it came in, while it is elsewhere
	tries            int     // invitations that it has followed
	offered          float64 // until when it waits beside a full queue
}

// second holds what became of the requests that arrived within one.
type second struct {
	Arrived, Slow, Lost int
	// Wanted pods, those that get requests, and all that exist.
	Wanted, Ready, Pods int
}

// World is one simulated service as an Autoscaler sees and changes it. Time is simulated; nothing in it is safe for concurrent
// use.
type World struct {
	service Service
	shape   Shape
	now     float64
	events  eventHeap
	count   uint64
	random  streams
	spare   []*request
	atEnd   []func()
	flow    *flow // nil: requests are simulated one by one

	balancing Balancing
	hopCPU    float64 // per request, in seconds
	sharing   bool    // pods share their queue
	pods      []*Pod  // that exist
	serving   []*Pod  // that requests reach
	wanted    int
	created   int
	started   int // pods that became ready
	actions   int
	coreTime  float64 // of pods that are gone
	hopTime   float64 // CPU seconds of proxies between client and pod

	// pool of every pod; changes reach running pods.
	workers, depth int
	queueTimeout   float64
	bounds         []float64 // of the pods' histograms

	mu, sigma float64 // of the logarithm of a request's CPU time
	seconds   []second
	arrived   float64 // requests so far
	busyArea  float64
}

// streams are the random numbers of a simulation. Each purpose has its own, so that two autoscalers with the same seed see the
// same requests at the same moments and start the same pods, however differently they decide (common random numbers).
type streams struct {
	arrivals, costs, balancing, starts, autoscaler, sharing *rand.Rand
}

func streamsOf(seed uint64) streams {
	stream := func(number uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, number)) }
	return streams{arrivals: stream(0x60), costs: stream(0x61), balancing: stream(0x62), starts: stream(0x63), autoscaler: stream(0x64), sharing: stream(0x65)}
}

func newWorld(service Service, shape Shape, seed uint64) *World {
	variance := math.Log(1 + service.Variation*service.Variation)
	return &World{
		mu: math.Log(service.CPUTime.Seconds()) - variance/2, sigma: math.Sqrt(variance),
		service: service, shape: shape, random: streamsOf(seed), bounds: boundsWith(service.Threshold.Seconds()),
		seconds: make([]second, int(math.Ceil(shape.Seconds))),
	}
}

// Service that is simulated.
func (w *World) Service() Service { return w.service }

// Now is the simulated time. A simulation starts at the first moment of 2026, UTC.
func (w *World) Now() time.Time { return simTime(w.now) }

// Random numbers for the autoscaler's own use, such as the phase of its period.
func (w *World) Random() *rand.Rand { return w.random.autoscaler }

// Pods that exist: starting, serving, and leaving ones, the oldest first. The slice is the caller's.
func (w *World) Pods() []*Pod { return append([]*Pod(nil), w.pods...) }

// Wanted is how many pods were asked for, Ready how many get requests.
func (w *World) Wanted() int { return w.wanted }

// Ready is how many pods get requests.
func (w *World) Ready() int { return len(w.serving) }

// Balance changes how requests find their pod, from now on.
func (w *World) Balance(b Balancing) { w.balancing = b }

// Scale asks for a number of pods; it is limited to the service's bounds and takes effect after the 0.3 s that a decision takes.
func (w *World) Scale(wanted int) {
	w.after(decisionDelay, func() { w.scaleNow(wanted) })
}

// ScaleFrom is Scale for an autoscaler that has read the present number: where that is what it wants nothing is written, and where somebody
// else has changed it meanwhile the API server refuses the write as a conflict.
func (w *World) ScaleFrom(present, wanted int) {
	if wanted == present {
		return
	}
	w.after(decisionDelay, func() {
		if w.wanted == present {
			w.scaleNow(wanted)
		}
	})
}

// Every calls f now and then: first after offset, then each period (above 0), until the simulation ends.
func (w *World) Every(offset, period time.Duration, f func()) {
	w.every(offset.Seconds(), period.Seconds(), f)
}

// AtEnd calls f once, when the simulation has ended: an autoscaler that holds something outside of the World lets go of it.
func (w *World) AtEnd(f func()) { w.atEnd = append(w.atEnd, f) }

// After calls f once, after a delay.
func (w *World) After(delay time.Duration, f func()) { w.after(delay.Seconds(), f) }

func (w *World) schedule(delay float64, e event) {
	e.at, e.sequence = w.now+delay, w.count
	w.count++
	w.events.push(e)
}

func (w *World) every(offset, period float64, f func()) {
	var again func()
	again = func() {
		f()
		w.schedule(period, event{kind: timer, call: again})
	}
	w.schedule(offset, event{kind: timer, call: again})
}

func (w *World) after(delay float64, f func()) { w.schedule(delay, event{kind: timer, call: f}) }

// run until the shape ends.
func (w *World) run() {
	if w.flow != nil {
		w.runFlow()
		return
	}
	peak := w.shape.peak()
	next := w.gap(peak)
	for {
		if len(w.events) > 0 && w.events[0].at <= next {
			e := w.events.pop()
			if e.at > w.shape.Seconds {
				break
			}
			w.now = e.at
			w.handle(e)
			continue
		}
		if next > w.shape.Seconds {
			break
		}
		w.now = next
		// Thinning of a Poisson process (Lewis and Shedler 1979) gives one whose rate follows the shape.
		if w.random.arrivals.Float64()*peak < w.shape.Rate(w.now) {
			w.arrive()
		}
		next = w.now + w.gap(peak)
	}
	w.now = w.shape.Seconds
	for _, f := range w.atEnd {
		f()
	}
}

func (w *World) gap(rate float64) float64 { return w.random.arrivals.ExpFloat64() / rate }

func (w *World) handle(e event) {
	switch e.kind {
	case sliceDone:
		e.pod.sliceDone(w, e.request)
	case waitDone:
		e.pod.finish(w, e.request)
	case podReady:
		if !e.pod.leaving {
			e.pod.ready, e.pod.readyAt = true, w.now
			w.started++
			w.serving = append(w.serving, e.pod)
		}
	case podRemoved:
		w.withdraw(e.pod)
	case podGone:
		e.pod.stopping = true
		w.collect(e.pod)
	case timer:
		e.call()
	}
}

// arrive sends a request to a pod. What it costs and where chance leads it is drawn also where no pod serves, so that the next
// request is the same for every autoscaler.
func (w *World) arrive() {
	s := w.second(w.now)
	s.Arrived++
	w.arrived++
	w.hopTime += w.hopCPU
	cpu, wait := w.cpuTime(), w.random.costs.ExpFloat64()*w.service.Wait.Seconds()*w.shape.slower(w.now)
	first, second := w.random.balancing.Float64(), w.random.balancing.Float64()
	if len(w.serving) == 0 {
		s.Lost++
		return
	}
	var r *request
	if n := len(w.spare); n > 0 {
		r, w.spare = w.spare[n-1], w.spare[:n-1]
	} else {
		r = new(request)
	}
	*r = request{arrived: w.now, cpu: cpu, wait: wait}
	w.balancing.choose(w.serving, first, second).accept(w, r)
}

// cpuTime is log-normal: exp(μ + σ·z) with σ² = ln(1 + cv²) and μ = ln(mean) − σ²/2.
func (w *World) cpuTime() float64 { return math.Exp(w.mu + w.sigma*w.random.costs.NormFloat64()) }

func (w *World) second(at float64) *second {
	return &w.seconds[min(int(at), len(w.seconds)-1)]
}

// ended notes what became of a request, in the second of its arrival.
func (w *World) ended(r *request, lost bool) {
	s := w.second(r.arrived)
	if lost {
		s.Lost++
	} else if w.now-r.arrived > w.service.Threshold.Seconds() {
		s.Slow++
	}
	w.spare = append(w.spare, r)
}

// scaleNow sets the wanted number of pods.
func (w *World) scaleNow(wanted int) {
	wanted = min(max(wanted, w.service.MinReplicas), w.service.MaxReplicas)
	if wanted == w.wanted {
		return
	}
	w.actions++
	w.wanted = wanted
	w.align()
}

// align creates and removes pods until as many are present as are wanted.
func (w *World) align() {
	present := 0
	for _, p := range w.pods {
		if !p.leaving {
			present++
		}
	}
	for ; present < w.wanted; present++ {
		w.create()
	}
	// The newest pods go first, those that have not started yet before all others.
	for i := len(w.pods) - 1; i >= 0 && present > w.wanted; i-- {
		if p := w.pods[i]; !p.leaving {
			w.leave(p)
			present--
		}
	}
}

func (w *World) create() *Pod {
	from, to := w.service.StartupFrom.Seconds(), w.service.StartupTo.Seconds()
	p := &Pod{world: w, number: w.created, created: w.now, since: w.now, cores: w.service.Cores, buckets: make([]float64, len(w.bounds))}
	w.created++
	w.pods = append(w.pods, p)
	w.schedule(from+w.random.starts.Float64()*(to-from), event{kind: podReady, pod: p})
	return p
}

// createReady adds a pod that serves from the start.
func (w *World) createReady() *Pod {
	p := &Pod{world: w, number: w.created, created: w.now, readyAt: w.now, since: w.now, ready: true, cores: w.service.Cores, buckets: make([]float64, len(w.bounds))}
	w.created++
	w.pods = append(w.pods, p)
	w.serving = append(w.serving, p)
	return p
}

func (w *World) leave(p *Pod) {
	p.leaving = true
	if !p.ready {
		w.collect(p)
		return
	}
	w.schedule(endpointDelay, event{kind: podRemoved, pod: p})
	w.schedule(preStop, event{kind: podGone, pod: p})
}

func (w *World) withdraw(p *Pod) {
	for i, other := range w.serving {
		if other == p {
			w.serving[i] = w.serving[len(w.serving)-1]
			w.serving = w.serving[:len(w.serving)-1]
			return
		}
	}
}

// comings are how many pods have been created and how many of them have become ready.
func (w *World) comings() int { return w.created + w.started }

// collect removes a pod that has nothing left to do.
func (w *World) collect(p *Pod) {
	if p.ready && (!p.stopping || p.inside()+p.reserved+p.away > 0) {
		return
	}
	for i, other := range w.pods {
		if other == p {
			w.pods = append(w.pods[:i], w.pods[i+1:]...)
			w.coreTime += (w.now - p.created) * w.service.requested()
			return
		}
	}
}

// coreSeconds are what the pods and the proxies have cost so far: the cores of each pod from its creation until it was gone.
func (w *World) coreSeconds() float64 {
	sum := w.coreTime + w.hopTime
	for _, p := range w.pods {
		sum += (w.now - p.created) * w.service.requested()
	}
	return sum
}
