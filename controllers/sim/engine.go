// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"math"
	"math/rand/v2"
	"time"
)

// Service is what is simulated.
type Service struct {
	// CPUTime of a request is log-normal with the given coefficient of variation; Wait, for others than the CPU, is exponential.
	CPUTime   time.Duration
	Variation float64
	Wait      time.Duration
	// Cores of a pod.
	Cores int
	// Threshold that Percentile of the requests must keep.
	Threshold  time.Duration
	Percentile float64
	// MinReplicas and MaxReplicas bound every autoscaler.
	MinReplicas, MaxReplicas int
	// StartupFrom and StartupTo bound the time from a pod's creation until requests reach it.
	StartupFrom, StartupTo time.Duration
}

const (
	// quantum after which Go's scheduler lets the next goroutine run.
	quantum = 0.010
	// endpointDelay until a leaving pod gets no more requests, preStop how long it keeps serving at least.
	endpointDelay = 1.0
	preStop       = 5.0
	// decisionDelay is what asking pods and writing a decision take, of every autoscaler.
	decisionDelay = 0.3
)

// kinds of events.
const (
	sliceDone = iota
	waitDone
	podReady
	podRemoved
	podGone
	timer
)

type event struct {
	at       float64
	sequence uint64
	kind     int
	pod      *pod
	request  *request
	call     func()
}

// eventHeap is a binary heap by time, then by sequence. container/heap would box every event.
type eventHeap []event

func (h eventHeap) less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].sequence < h[j].sequence
}

func (h *eventHeap) push(e event) {
	*h = append(*h, e)
	s := *h
	for i := len(s) - 1; i > 0; {
		parent := (i - 1) / 2
		if !s.less(i, parent) {
			break
		}
		s[i], s[parent] = s[parent], s[i]
		i = parent
	}
}

func (h *eventHeap) pop() event {
	s := *h
	top := s[0]
	last := len(s) - 1
	s[0] = s[last]
	s[last] = event{}
	s = s[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			break
		}
		if child+1 < last && s.less(child+1, child) {
			child++
		}
		if !s.less(child, i) {
			break
		}
		s[i], s[child] = s[child], s[i]
		i = child
	}
	*h = s
	return top
}

// request on its way.
type request struct {
	arrived, started float64
	cpu              float64 // that it still needs
	wait             float64
}

// second holds what became of the requests that arrived within one.
type second struct {
	Arrived, Slow, Lost int
	Wanted, Ready       int
}

// world is the simulation's state.
type world struct {
	service Service
	shape   Shape
	now     float64
	events  eventHeap
	count   uint64
	random  *rand.Rand
	spare   []*request

	pods     []*pod // that exist
	serving  []*pod // that requests reach
	wanted   int
	created  int
	actions  int
	coreTime float64

	// pool of every pod; changes reach running pods.
	workers, depth int
	queueTimeout   float64

	seconds  []second
	busyArea float64
}

func newWorld(service Service, shape Shape, seed uint64) *world {
	w := &world{
		service: service, shape: shape, random: rand.New(rand.NewPCG(seed, 0x60)),
		seconds: make([]second, int(math.Ceil(shape.Seconds))),
	}
	return w
}

func (w *world) schedule(delay float64, e event) {
	e.at, e.sequence = w.now+delay, w.count
	w.count++
	w.events.push(e)
}

// every calls f now and then each period, first after offset.
func (w *world) every(offset, period float64, f func()) {
	var again func()
	again = func() {
		f()
		w.schedule(period, event{kind: timer, call: again})
	}
	w.schedule(offset, event{kind: timer, call: again})
}

func (w *world) after(delay float64, f func()) { w.schedule(delay, event{kind: timer, call: f}) }

// run until the shape ends.
func (w *world) run() {
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
		if w.random.Float64()*peak < w.shape.Rate(w.now) {
			w.arrive()
		}
		next = w.now + w.gap(peak)
	}
	w.now = w.shape.Seconds
	for _, p := range w.pods {
		w.coreTime += (w.now - p.created) * float64(w.service.Cores)
	}
}

func (w *world) gap(rate float64) float64 { return w.random.ExpFloat64() / rate }

func (w *world) handle(e event) {
	switch e.kind {
	case sliceDone:
		e.pod.sliceDone(w, e.request)
	case waitDone:
		e.pod.finish(w, e.request)
	case podReady:
		if !e.pod.leaving {
			e.pod.ready, e.pod.readyAt = true, w.now
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

// arrive sends a request to a random pod, as a Service does with its connections.
func (w *world) arrive() {
	s := w.second(w.now)
	s.Arrived++
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
	*r = request{arrived: w.now, cpu: w.cpuTime(), wait: w.random.ExpFloat64() * w.service.Wait.Seconds()}
	w.serving[w.random.IntN(len(w.serving))].accept(w, r)
}

// cpuTime is log-normal: exp(μ + σ·z) with σ² = ln(1 + cv²) and μ = ln(mean) − σ²/2.
func (w *world) cpuTime() float64 {
	variance := math.Log(1 + w.service.Variation*w.service.Variation)
	return math.Exp(math.Log(w.service.CPUTime.Seconds()) - variance/2 + math.Sqrt(variance)*w.random.NormFloat64())
}

func (w *world) second(at float64) *second {
	return &w.seconds[min(int(at), len(w.seconds)-1)]
}

// ended notes what became of a request, in the second of its arrival.
func (w *world) ended(r *request, lost bool) {
	s := w.second(r.arrived)
	if lost {
		s.Lost++
	} else if w.now-r.arrived > w.service.Threshold.Seconds() {
		s.Slow++
	}
	w.spare = append(w.spare, r)
}

// scale sets the wanted number of pods.
func (w *world) scale(wanted int) {
	wanted = min(max(wanted, w.service.MinReplicas), w.service.MaxReplicas)
	if wanted == w.wanted {
		return
	}
	w.actions++
	w.wanted = wanted
	w.align()
}

func (w *world) align() {
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

func (w *world) create() *pod {
	from, to := w.service.StartupFrom.Seconds(), w.service.StartupTo.Seconds()
	p := &pod{number: w.created, created: w.now, cores: w.service.Cores}
	w.created++
	w.pods = append(w.pods, p)
	w.schedule(from+w.random.Float64()*(to-from), event{kind: podReady, pod: p})
	return p
}

func (w *world) leave(p *pod) {
	p.leaving = true
	if !p.ready {
		w.collect(p)
		return
	}
	w.schedule(endpointDelay, event{kind: podRemoved, pod: p})
	w.schedule(preStop, event{kind: podGone, pod: p})
}

func (w *world) withdraw(p *pod) {
	for i, other := range w.serving {
		if other == p {
			w.serving[i] = w.serving[len(w.serving)-1]
			w.serving = w.serving[:len(w.serving)-1]
			return
		}
	}
}

// collect removes a pod that has nothing left to do.
func (w *world) collect(p *pod) {
	if p.ready && (!p.stopping || p.running+p.queue.length > 0) {
		return
	}
	for i, other := range w.pods {
		if other == p {
			w.pods = append(w.pods[:i], w.pods[i+1:]...)
			w.coreTime += (w.now - p.created) * float64(p.cores)
			return
		}
	}
}
