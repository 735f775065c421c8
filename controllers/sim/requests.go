// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

const (
	// requestsScrape is how often a Prometheus reads the counter of requests, requestsScrapes over how many of these pauses it takes the
	// rate: a short window, as somebody would choose it whose autoscaler has to be quick.
	requestsScrape  = 10.0
	requestsScrapes = 3
)

// RequestMetrics is what a Prometheus knows of a service's requests per second, those that are lost among them. The zero value is ready
// for Begin.
type RequestMetrics struct{ counts []float64 }

// Begin schedules the scrapes.
func (m *RequestMetrics) Begin(w *World) {
	m.counts = nil
	w.every(w.random.autoscaler.Float64()*requestsScrape, requestsScrape, func() {
		w.settle()
		m.counts = append(m.counts, w.arrived)
		m.counts = m.counts[max(len(m.counts)-requestsScrapes-1, 0):]
	})
}

// PerSecond is the mean rate over the window, or over what there is of it; false before there are two scrapes.
func (m *RequestMetrics) PerSecond() (rate float64, known bool) {
	n := len(m.counts)
	if n < 2 {
		return 0, false
	}
	return (m.counts[n-1] - m.counts[0]) / (requestsScrape * float64(n-1)), true
}
