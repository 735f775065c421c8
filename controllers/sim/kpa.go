// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import "math"

// Knative's pod autoscaler with its default configuration (knative.dev/serving/pkg/autoscaler/scaling).
const (
	kpaTick           = 2.0
	kpaScrape         = 1.0
	kpaStable         = 60.0
	kpaPanic          = 6.0
	kpaPanicThreshold = 2.0
	kpaMaxUp          = 1000.0
	kpaMaxDown        = 2.0
)

// kpa steers for a number of requests inside each pod.
type kpa struct {
	target float64

	last       map[*pod]float64
	window     []float64 // mean concurrency of each second, the newest last
	panicSince float64   // negative: no panic
	panicPods  int
}

func (k *kpa) begin(w *world) {
	k.last, k.panicSince = map[*pod]float64{}, -1
	w.every(kpaScrape, kpaScrape, func() { k.scrape(w) })
	w.every(w.random.Float64()*kpaTick, kpaTick, func() { k.decide(w) })
}

func (k *kpa) scrape(w *world) {
	sum := 0.0
	for _, p := range w.pods {
		p.integrate(w.now)
		sum += (p.concurrency - k.last[p]) / kpaScrape
		k.last[p] = p.concurrency
	}
	k.window = append(k.window, sum)
	if extra := len(k.window) - int(kpaStable/kpaScrape); extra > 0 {
		k.window = k.window[extra:]
	}
}

func (k *kpa) mean(seconds float64) float64 {
	n := min(len(k.window), int(seconds/kpaScrape))
	sum := 0.0
	for _, value := range k.window[len(k.window)-n:] {
		sum += value
	}
	return sum / float64(max(n, 1))
}

func (k *kpa) decide(w *world) {
	ready := float64(max(len(w.serving), 1))
	highest := math.Ceil(kpaMaxUp * ready)
	lowest := math.Floor(ready / kpaMaxDown)
	bounded := func(concurrency float64) int {
		return int(min(max(math.Ceil(concurrency/k.target), lowest), highest))
	}
	stable, panicking := bounded(k.mean(kpaStable)), bounded(k.mean(kpaPanic))
	over := float64(panicking)/ready >= kpaPanicThreshold
	switch {
	case k.panicSince < 0 && over:
		k.panicSince, k.panicPods = w.now, 0
	case over:
		k.panicSince = w.now
	case k.panicSince >= 0 && w.now-k.panicSince > kpaStable:
		k.panicSince = -1
	}
	desired := stable
	if k.panicSince >= 0 {
		k.panicPods = max(k.panicPods, panicking, stable, len(w.serving)) // never down in a panic
		desired = k.panicPods
	}
	w.after(decisionDelay, func() { w.scale(desired) })
}
