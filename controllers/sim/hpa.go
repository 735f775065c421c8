// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import "math"

// An autoscaler sets the wanted number of pods of a world.
type autoscaler interface {
	// begin schedules what the autoscaler does.
	begin(w *world)
}

// The HorizontalPodAutoscaler as kube-controller-manager has it with its default flags, and metrics-server with its default
// resolution (k8s.io/kubernetes/pkg/controller/podautoscaler, release 1.36).
const (
	hpaSync           = 15.0
	hpaTolerance      = 0.1
	hpaDownWindow     = 300.0
	hpaUpPeriod       = 15.0
	hpaUpPods         = 4
	hpaUpPercent      = 100
	hpaInitialization = 300.0 // --horizontal-pod-autoscaler-cpu-initialization-period
	// metricsResolution of metrics-server, and the kubelet's own delay until a figure is in what it serves.
	metricsResolution = 15.0
	kubeletDelay      = 5.0
)

// hpa steers for a CPU use in percent of the request.
type hpa struct {
	target float64 // share, 0 to 1
	// floor is minReplicas, when somebody moves it.
	floor int
	// downWindow is the stabilization window of scaling down; 0: the default.
	downWindow float64

	samples         map[*pod]cpuSample
	recommendations []stamped
	ups             []stamped // pods added, for the rate of scaling up
}

type stamped struct {
	at    float64
	value int
}

// cpuSample is what metrics-server knows of a pod: its mean use over a window that ended at a time.
type cpuSample struct {
	at, total, use float64
	valid          bool
}

func (h *hpa) begin(w *world) {
	h.samples = map[*pod]cpuSample{}
	w.every(w.random.Float64()*metricsResolution, metricsResolution, func() { h.collect(w) })
	w.every(w.random.Float64()*hpaSync, hpaSync, func() { h.sync(w) })
}

// collect reads what every pod had used kubeletDelay ago; the figures of that moment are kept aside until then.
func (h *hpa) collect(w *world) {
	totals := make(map[*pod]float64, len(w.pods))
	for _, p := range w.pods {
		totals[p] = p.cpu
	}
	at := w.now
	w.after(kubeletDelay, func() {
		for p, total := range totals {
			before, known := h.samples[p]
			next := cpuSample{at: at, total: total}
			if known {
				next.use = (total - before.total) / (at - before.at)
				next.valid = true
			}
			h.samples[p] = next
		}
		for p := range h.samples {
			if _, exists := totals[p]; !exists {
				delete(h.samples, p)
			}
		}
	})
}

func (h *hpa) sync(w *world) {
	lowest := max(w.service.MinReplicas, h.floor)
	current := w.wanted
	if current < lowest { // without a look at the metrics
		h.noteUp(w.now, lowest-current)
		w.after(decisionDelay, func() { w.scale(lowest) })
		return
	}
	desired := h.replicas(w, current)
	window := hpaDownWindow
	if h.downWindow > 0 {
		window = h.downWindow
	}
	h.recommendations = append(h.recommendations, stamped{w.now, desired})
	for len(h.recommendations) > 0 && w.now-h.recommendations[0].at > window {
		h.recommendations = h.recommendations[1:]
	}
	stable := desired
	if desired < current {
		for _, r := range h.recommendations {
			stable = max(stable, r.value)
		}
		stable = min(stable, current)
	}
	if stable > current {
		added := 0
		for _, up := range h.ups {
			if w.now-up.at < hpaUpPeriod {
				added += up.value
			}
		}
		start := current - added
		limit := max(start+hpaUpPods, int(math.Ceil(float64(start)*(1+hpaUpPercent/100.0))))
		stable = min(stable, max(limit, current))
	}
	stable = min(max(stable, lowest), w.service.MaxReplicas)
	h.noteUp(w.now, stable-current)
	w.after(decisionDelay, func() { w.scale(stable) })
}

func (h *hpa) noteUp(at float64, pods int) {
	if pods > 0 {
		h.ups = append(h.ups, stamped{at, pods})
	}
	for len(h.ups) > 0 && at-h.ups[0].at >= hpaUpPeriod {
		h.ups = h.ups[1:]
	}
}

// replicas is the replica calculator's GetResourceReplicas: starting pods and pods without a figure are left out at first
// and then taken in on the side of caution.
func (h *hpa) replicas(w *world, current int) int {
	var use float64
	ready, starting, missing := 0, 0, 0
	for _, p := range w.pods {
		if p.leaving {
			continue
		}
		sample, known := h.samples[p]
		switch {
		case !known || !sample.valid:
			if p.ready && !h.isStarting(w, p, sample) {
				missing++
			} else {
				starting++
			}
		case h.isStarting(w, p, sample):
			starting++
		default:
			ready++
			use += sample.use
		}
	}
	if ready == 0 {
		return current
	}
	request := float64(w.service.Cores)
	ratio := use / (float64(ready) * request) / h.target
	up := ratio > 1
	if missing == 0 && !(starting > 0 && up) {
		if math.Abs(ratio-1) <= hpaTolerance {
			return current
		}
		return int(math.Ceil(ratio * float64(ready)))
	}
	counted := ready
	if !up {
		use += float64(missing) * request
	}
	counted += missing
	if up {
		counted += starting // as if they used nothing
	}
	again := use / (float64(counted) * request) / h.target
	if math.Abs(again-1) <= hpaTolerance || up != (again > 1) {
		return current
	}
	wanted := int(math.Ceil(again * float64(counted)))
	if up && wanted < current || !up && wanted > current {
		return current
	}
	return wanted
}

// isStarting says that a pod's figure is not of its serving time yet.
func (h *hpa) isStarting(w *world, p *pod, sample cpuSample) bool {
	if w.now-p.created > hpaInitialization {
		return !p.ready
	}
	return !p.ready || sample.at < p.readyAt+metricsResolution
}
