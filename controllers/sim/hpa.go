// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"math"
	"time"
)

// The HorizontalPodAutoscaler as kube-controller-manager has it with its default flags, and metrics-server with its default
// resolution (k8s.io/kubernetes/pkg/controller/podautoscaler, release 1.37). TestTheModelIsKubernetes compares it with the real
// controller.
const (
	// hpaSync is a period and the millisecond that a look takes, so that what happened a period ago is longer ago than a policy of one.
	hpaSync      = 15*time.Second + time.Millisecond
	hpaTolerance = 0.1
	// hpaInitialization is --horizontal-pod-autoscaler-cpu-initialization-period.
	hpaInitialization = 300 * time.Second
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
	return HPARules{Window: defaultWindow, Policies: []HPAPolicy{{Percent: 100, Period: 15}}, Tolerance: hpaTolerance}
}

// HPA is a HorizontalPodAutoscaler that steers for a CPU use relative to the request.
type HPA struct {
	// Target is a share, above 0 to 1. Where RequestsPerPod is above 0, that counts instead: so many requests per second for each pod, as
	// an external metric says it (AverageValue).
	Target, RequestsPerPod float64
	// Plain says that there is no behavior: Up and Down do not count, but what applies without any.
	Plain    bool
	Up, Down HPARules
	// Floor is minReplicas, if somebody moves it above the service's.
	Floor int
	// replicas computes the number by what the metrics say, before any rule of the behavior; nil is modelReplicas. It is false where they
	// say nothing.
	replicas func(w *World, h *HPA, current int) (int, bool)

	metrics         CPUMetrics
	requests        RequestMetrics
	recommendations []stamped
	added, removed  []stamped // pods, for the policies
}

// defaultWindow of stabilization before pods are removed, in seconds.
const defaultWindow = 300

// StockHPA is an autoscaler that leaves everything but its target to Kubernetes; if the scale-down window in seconds is not the
// default, it has a behavior that says so.
func StockHPA(target, downWindow float64) *HPA {
	h := &HPA{Target: target, Plain: downWindow == defaultWindow, Up: stockUp(), Down: stockDown()}
	h.Down.Window = downWindow
	return h
}

// Begin schedules metrics-server's rounds and the autoscaler's.
func (h *HPA) Begin(w *World) {
	h.metrics.Begin(w)
	if h.RequestsPerPod > 0 {
		h.requests.Begin(w)
	}
	w.Every(time.Duration(w.random.autoscaler.Float64()*float64(hpaSync)), hpaSync, func() { h.sync(w) })
}

type stamped struct {
	at    float64
	value int
}

func (h *HPA) sync(w *World) {
	current := w.wanted
	desired := h.decide(w, current)
	h.note(w.now, desired-current)
	w.ScaleFrom(current, desired)
}

// decide is one look. Bounds are enforced without a look at the metrics.
func (h *HPA) decide(w *World, current int) int {
	if h.recommendations == nil { // what it finds is its first recommendation
		h.recommendations = []stamped{{w.now, current}}
	}
	lowest := max(w.service.MinReplicas, h.Floor)
	if current < lowest {
		return lowest
	}
	if current > w.service.MaxReplicas {
		return w.service.MaxReplicas
	}
	replicas := h.replicas
	switch {
	case replicas != nil:
	case h.RequestsPerPod > 0:
		replicas = requestReplicas
	default:
		replicas = modelReplicas
	}
	recommended, known := replicas(w, h, current)
	if !known {
		return current
	}
	desired := 0
	if h.Plain {
		desired = h.withoutBehavior(w.now, current, recommended)
	} else {
		desired = h.withBehavior(w.now, current, recommended)
	}
	return min(max(desired, lowest), w.service.MaxReplicas)
}

// withoutBehavior takes the highest recommendation of the window, also where it is above the present one because the growth was
// limited, and grows to double or four.
func (h *HPA) withoutBehavior(now float64, current, recommended int) int {
	desired, kept := recommended, h.recommendations[:0]
	for _, r := range h.recommendations {
		if now-r.at < defaultWindow {
			desired = max(desired, r.value)
			kept = append(kept, r)
		}
	}
	h.recommendations = append(kept, stamped{now, recommended})
	return min(desired, max(2*current, 4))
}

func (h *HPA) withBehavior(now float64, current, recommended int) int {
	desired := h.stabilized(now, current, recommended)
	switch {
	case desired > current:
		desired = min(desired, max(h.mostBy(now, current), current))
	case desired < current:
		desired = max(desired, min(h.leastBy(now, current), current))
	}
	return desired
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

// note remembers a change of the autoscaler's own of so many pods, as Kubernetes does: it takes the place of the last one of the same
// direction that is older than any of that direction's policies, even where one of the other direction would still ask for it.
func (h *HPA) note(at float64, change int) {
	switch {
	case change > 0:
		h.added = remember(h.added, h.Up.Policies, stamped{at, change})
	case change < 0:
		h.removed = remember(h.removed, h.Down.Policies, stamped{at, -change})
	}
}

func remember(events []stamped, policies []HPAPolicy, event stamped) []stamped {
	longest := 0.0
	for _, p := range policies {
		longest = math.Max(longest, p.Period)
	}
	for i := len(events) - 1; i >= 0; i-- {
		if event.at-events[i].at >= longest {
			events[i] = event
			return events
		}
	}
	return append(events, event)
}

// modelReplicas is the replica calculator's GetResourceReplicas: pods that start and pods without a figure are left out at first
// and then taken in on the side of caution. Without any figure it knows nothing.
func modelReplicas(w *World, h *HPA, current int) (replicas int, known bool) {
	request := int64(math.Round(1000 * w.service.requested()))
	var use int64 // of measured pods, in thousandths of a core, as the request
	measured, starting, missing := 0, 0, 0
	for _, p := range w.pods {
		if p.leaving {
			continue
		}
		sample, sampled := h.metrics.Sample(p)
		switch {
		case !p.ready: // its container does not run yet: the pod is Pending
			starting++
		case !sampled:
			missing++
		case h.isStarting(w, p, sample):
			starting++
		default:
			measured++
			use += sample.Millicores()
		}
	}
	if measured == 0 {
		return 0, false
	}
	ratio := h.ratio(use, request*int64(measured))
	up := ratio > 1
	if missing == 0 && (starting == 0 || !up) {
		if h.tolerated(ratio) {
			return current, true
		}
		return int(math.Ceil(ratio * float64(measured))), true
	}
	counted := measured
	switch {
	case ratio < 1: // as if they used all that they ask for
		counted += missing
		use += int64(missing) * request
	case up: // as if they used nothing
		counted += missing + starting
	}
	again := h.ratio(use, request*int64(counted))
	wanted := int(math.Ceil(again * float64(counted)))
	if h.tolerated(again) || ratio < 1 && again > 1 || up && again < 1 || again > 1 && wanted < current || again < 1 && wanted > current {
		return current, true
	}
	return wanted, true
}

// requestReplicas is the replica calculator's GetExternalPerPodMetricReplicas: what all pods together have, in thousandths, over what each
// is to have.
func requestReplicas(_ *World, h *HPA, current int) (replicas int, known bool) {
	rate, known := h.requests.PerSecond()
	if !known {
		return 0, false
	}
	use, target := math.Round(1000*rate), float64(h.MilliRequestsPerPod())
	if h.tolerated(use / (target * float64(current))) {
		return current, true
	}
	return int(math.Ceil(use / target)), true
}

// MilliRequestsPerPod is RequestsPerPod in whole thousandths, as the API takes it.
func (h *HPA) MilliRequestsPerPod() int64 { return int64(math.Round(1000 * h.RequestsPerPod)) }

// ratio of the utilization, which Kubernetes cuts to whole percent, to the target. The order of operations is Kubernetes' own: the
// product with a number of pods is rounded up, where the last bit counts.
func (h *HPA) ratio(use, requested int64) float64 {
	return float64(100*use/requested) / math.Round(100*h.Target)
}

func (h *HPA) tolerated(ratio float64) bool {
	return ratio >= 1-h.Down.Tolerance && ratio <= 1+h.Up.Tolerance
}

// isStarting says that a ready pod's figure is not of its serving time alone.
func (h *HPA) isStarting(w *World, p *Pod, sample CPUSample) bool {
	return w.Now().Sub(p.Created()) < hpaInitialization && sample.At.Before(p.ReadyAt().Add(sample.Window))
}
