// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"math"
	"time"
)

// The HorizontalPodAutoscaler as kube-controller-manager has it with its default flags, and metrics-server with its default
// resolution (k8s.io/kubernetes/pkg/controller/podautoscaler, release 1.36).
const (
	hpaSync      = 15.0
	hpaTolerance = 0.1
	// hpaInitialization is --horizontal-pod-autoscaler-cpu-initialization-period.
	hpaInitialization = 300 * time.Second
	// metricsResolution of metrics-server, and the kubelet's own delay until a figure is in what it serves.
	metricsResolution = 15.0
	kubeletDelay      = 5.0
)

// HPAPolicy allows a change of so many pods, or of so many percent of them, within a period in seconds.
type HPAPolicy struct {
	Pods, Percent int
	Period        float64
}

// HPARules are one direction of a HorizontalPodAutoscaler's behavior.
type HPARules struct {
	// Window of stabilization in seconds.
	Window float64
	// Policies, of which the one that allows most counts; without one there is no bound.
	Policies []HPAPolicy
	// Tolerance is the relative distance from the target that is left alone.
	Tolerance float64
}

// stockUp and stockDown are what Kubernetes fills in where a behavior does not say otherwise.
func stockUp() HPARules {
	return HPARules{Policies: []HPAPolicy{{Pods: 4, Period: 15}, {Percent: 100, Period: 15}}, Tolerance: hpaTolerance}
}

func stockDown() HPARules {
	return HPARules{Window: 300, Policies: []HPAPolicy{{Percent: 100, Period: 15}}, Tolerance: hpaTolerance}
}

// HPA is a HorizontalPodAutoscaler that steers for a CPU use relative to the request.
type HPA struct {
	// Target is a share, above 0 to 1.
	Target   float64
	Up, Down HPARules
	// Floor is minReplicas, if somebody moves it above the service's.
	Floor int
	// Replicas computes the wanted number by what the metrics say, before any rule of the behavior; nil is this package's own model
	// of Kubernetes' replica calculator.
	Replicas func(w *World, h *HPA, current int) int

	samples         map[*Pod]CPUSample
	recommendations []stamped
	added, removed  []stamped // pods, for the policies
}

// StockHPA has the behavior that Kubernetes fills in, with a scale-down window in seconds.
func StockHPA(target, downWindow float64) *HPA {
	h := &HPA{Target: target, Up: stockUp(), Down: stockDown()}
	h.Down.Window = downWindow
	return h
}

type stamped struct {
	at    float64
	value int
}

// CPUSample is what metrics-server knows of a pod: its mean use in cores over a window that ended At.
type CPUSample struct {
	At     time.Time
	Window time.Duration
	Cores  float64

	at, total float64
	measured  bool // over a window; the first figure has none
}

// Sample is the last figure of a pod's CPU, if metrics-server has one.
func (h *HPA) Sample(p *Pod) (CPUSample, bool) {
	sample := h.samples[p]
	return sample, sample.measured
}

// Begin schedules metrics-server's rounds and the autoscaler's.
func (h *HPA) Begin(w *World) {
	h.samples = map[*Pod]CPUSample{}
	w.every(w.random.autoscaler.Float64()*metricsResolution, metricsResolution, func() { h.collect(w) })
	w.every(w.random.autoscaler.Float64()*hpaSync, hpaSync, func() { h.sync(w) })
}

// collect reads what every pod had used kubeletDelay ago; the figures of that moment are kept aside until then.
func (h *HPA) collect(w *World) {
	totals := make(map[*Pod]float64, len(w.pods))
	for _, p := range w.pods {
		totals[p] = p.cpu
	}
	at := w.now
	w.after(kubeletDelay, func() {
		next := make(map[*Pod]CPUSample, len(totals))
		for p, total := range totals {
			sample := CPUSample{at: at, At: simTime(at), total: total}
			if before, known := h.samples[p]; known {
				sample.Window = sample.At.Sub(before.At)
				sample.Cores = (total - before.total) / (at - before.at)
				sample.measured = true
			}
			next[p] = sample
		}
		h.samples = next
	})
}

func (h *HPA) sync(w *World) {
	current := w.wanted
	desired := h.decide(w, current)
	h.note(w.now, desired-current)
	w.Scale(desired)
}

// decide is one look. Bounds are enforced without a look at the metrics.
func (h *HPA) decide(w *World, current int) int {
	lowest := max(w.service.MinReplicas, h.Floor)
	if current < lowest {
		return lowest
	}
	if current > w.service.MaxReplicas {
		return w.service.MaxReplicas
	}
	replicas := h.Replicas
	if replicas == nil {
		replicas = modelReplicas
	}
	desired := h.stabilized(w.now, current, replicas(w, h, current))
	switch {
	case desired > current:
		desired = min(desired, max(h.mostBy(w.now, current), current))
	case desired < current:
		desired = max(desired, min(h.leastBy(w.now, current), current))
	}
	return min(max(desired, lowest), w.service.MaxReplicas)
}

// stabilized takes the lowest recommendation of the window upwards and the highest of the one downwards: it moves no further than
// all of them agree on.
func (h *HPA) stabilized(now float64, current, recommended int) int {
	up, down := recommended, recommended
	longest := math.Max(h.Up.Window, h.Down.Window)
	kept := h.recommendations[:0]
	for _, r := range h.recommendations {
		age := now - r.at
		if age < h.Up.Window {
			up = min(up, r.value)
		}
		if age < h.Down.Window {
			down = max(down, r.value)
		}
		if age < longest {
			kept = append(kept, r)
		}
	}
	h.recommendations = append(kept, stamped{now, recommended})
	return min(max(current, up), down)
}

// changed is how many pods events within the last seconds were about.
func changed(events []stamped, now, seconds float64) int {
	sum := 0
	for _, e := range events {
		if now-e.at < seconds {
			sum += e.value
		}
	}
	return sum
}

// mostBy is the number of pods up to which the policies allow to scale: each counts from what there was when its period began.
func (h *HPA) mostBy(now float64, current int) int {
	if len(h.Up.Policies) == 0 {
		return math.MaxInt
	}
	most := 0
	for _, p := range h.Up.Policies {
		start := float64(current - changed(h.added, now, p.Period) + changed(h.removed, now, p.Period))
		most = max(most, int(start)+p.Pods, int(math.Ceil(start*(1+float64(p.Percent)/100))))
	}
	return most
}

func (h *HPA) leastBy(now float64, current int) int {
	if len(h.Down.Policies) == 0 {
		return 0
	}
	least := math.MaxInt
	for _, p := range h.Down.Policies {
		start := float64(current + changed(h.removed, now, p.Period) - changed(h.added, now, p.Period))
		least = min(least, int(start)-p.Pods, int(start*(1-float64(p.Percent)/100)))
	}
	return least
}

// note remembers a change of so many pods for as long as a policy may ask.
func (h *HPA) note(at float64, change int) {
	longest := 0.0
	for _, p := range append(append([]HPAPolicy(nil), h.Up.Policies...), h.Down.Policies...) {
		longest = math.Max(longest, p.Period)
	}
	recent := func(events []stamped) []stamped {
		for len(events) > 0 && at-events[0].at >= longest {
			events = events[1:]
		}
		return events
	}
	h.added, h.removed = recent(h.added), recent(h.removed)
	if change > 0 {
		h.added = append(h.added, stamped{at, change})
	} else if change < 0 {
		h.removed = append(h.removed, stamped{at, -change})
	}
}

// modelReplicas is the replica calculator's GetResourceReplicas: pods that start and pods without a figure are left out at first
// and then taken in on the side of caution.
func modelReplicas(w *World, h *HPA, current int) int {
	request := float64(w.service.Cores)
	var use float64
	measured, starting, missing := 0, 0, 0
	for _, p := range w.pods {
		if p.leaving {
			continue
		}
		sample, known := h.Sample(p)
		switch {
		case !p.ready: // its container does not run yet: the pod is Pending
			starting++
		case !known:
			missing++
		case h.isStarting(w, p, sample):
			starting++
		default:
			measured++
			use += sample.Cores
		}
	}
	if measured == 0 {
		return current
	}
	ratio := h.ratio(use, request*float64(measured))
	up := ratio > 1
	if missing == 0 && (starting == 0 || !up) {
		if h.tolerated(ratio) {
			return current
		}
		return int(math.Ceil(ratio * float64(measured)))
	}
	counted := measured + missing
	if !up {
		use += float64(missing) * request // as if they used all that they ask for; upwards, as if they used nothing
	}
	if up {
		counted += starting // as if they used nothing
	}
	again := h.ratio(use, request*float64(counted))
	wanted := int(math.Ceil(again * float64(counted)))
	if h.tolerated(again) || up != (again > 1) || up && wanted < current || !up && wanted > current {
		return current
	}
	return wanted
}

// ratio of the utilization, which Kubernetes cuts to whole percent, to the target.
func (h *HPA) ratio(use, requested float64) float64 {
	return math.Floor(100*use/requested+1e-9) / (100 * h.Target)
}

func (h *HPA) tolerated(ratio float64) bool {
	return ratio >= 1-h.Down.Tolerance-1e-9 && ratio <= 1+h.Up.Tolerance+1e-9
}

// isStarting says that a ready pod's figure is not of its serving time alone.
func (h *HPA) isStarting(w *World, p *Pod, sample CPUSample) bool {
	return w.Now().Sub(p.Created()) < hpaInitialization && sample.At.Before(p.ReadyAt().Add(sample.Window))
}
