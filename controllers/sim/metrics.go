// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"math"
	"time"
)

const (
	// metricsResolution of metrics-server, and the kubelet's own delay until a figure is in what it serves.
	metricsResolution = 15.0
	kubeletDelay      = 5.0
)

// CPUMetrics is what metrics-server with its default resolution knows of the pods of a World. The zero value is ready for Begin.
type CPUMetrics struct{ samples map[*Pod]CPUSample }

// CPUSample is what metrics-server knows of a pod: its mean use in cores over a window that ended At.
type CPUSample struct {
	At     time.Time
	Window time.Duration
	Cores  float64

	at, total float64
	measured  bool // over a window; the first figure has none
}

// Millicores are the use as the API serves it: in whole thousandths of a core, rounded up.
func (s CPUSample) Millicores() int64 {
	return (int64(math.Round(s.Cores*1e9)) + 999_999) / 1_000_000
}

// Sample is the last figure of a pod's CPU, if there is one.
func (m *CPUMetrics) Sample(p *Pod) (CPUSample, bool) {
	sample := m.samples[p]
	return sample, sample.measured
}

// Begin schedules the rounds.
func (m *CPUMetrics) Begin(w *World) {
	m.samples = map[*Pod]CPUSample{}
	w.every(w.random.autoscaler.Float64()*metricsResolution, metricsResolution, func() { m.collect(w) })
}

// collect reads what every pod has used by now, which is served kubeletDelay later.
func (m *CPUMetrics) collect(w *World) {
	w.settle()
	totals := make(map[*Pod]float64, len(w.pods))
	for _, p := range w.pods {
		totals[p] = p.cpu
	}
	at := w.now
	w.after(kubeletDelay, func() {
		next := make(map[*Pod]CPUSample, len(totals))
		for p, total := range totals {
			sample := CPUSample{at: at, At: simTime(at), total: total}
			if before, known := m.samples[p]; known {
				sample.Window = sample.At.Sub(before.At)
				sample.Cores = (total - before.total) / (at - before.at)
				sample.measured = true
			}
			next[p] = sample
		}
		m.samples = next
	})
}
