// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"math"
	"slices"
	"time"
)

// Knative's pod autoscaler with its default configuration (knative.dev/serving/pkg/autoscaler/scaling, v0.49). TestTheModelIsKnative
// compares it with the real one.
const (
	kpaTick           = 2 * time.Second
	kpaScrape         = 1.0
	kpaStable         = 60.0
	kpaPanic          = 6.0
	kpaPanicThreshold = 2.0
	kpaMaxUp          = 1000.0
	kpaMaxDown        = 2.0
	// kpaBurst is target-burst-capacity, kpaTargetShare container-concurrency-target-percentage: the target of a pod is this share of
	// its capacity.
	kpaBurst       = 211.0
	kpaTargetShare = 0.7
	// KnativeHopCPU is what a request costs in Knative's queue-proxy v0.49 and the way through it, as `make bench-proxy` measures it: the
	// CPU of the proxy and a bare server, less that of the server without it, with 50 connections. Its memory, about 34 MiB a pod, and
	// what the activator uses are not charged.
	KnativeHopCPU = 70 * time.Microsecond
)

// Activator says when Knative's activator is between clients and pods; it sends a request to the better of two random pods
// (containerConcurrency 0). Otherwise connections reach pods at random.
type Activator int

const (
	// ActivatorByDefault is on the way while the pods' spare capacity is below target-burst-capacity.
	ActivatorByDefault Activator = iota
	// ActivatorAlways is on the way at all times (target-burst-capacity -1), ActivatorNever at none (0).
	ActivatorAlways
	ActivatorNever
)

// Balancing at the start of a simulation.
func (a Activator) Balancing() Balancing {
	if a == ActivatorAlways {
		return BetterOfTwo
	}
	return Random
}

// KPA steers for a number of requests inside each pod.
type KPA struct {
	// Target is that number.
	Target    float64
	Activator Activator
	// Delay is Knative's scale-down-delay in seconds: no fewer pods than at any time within it.
	Delay float64

	last       map[*Pod]float64
	window     []float64 // mean concurrency of each second, the newest last
	panicSince float64   // negative: no panic
	panicPods  int
	wanted     []int // by the decisions of the last Delay, the newest last
}

// Begin schedules the scrapes and the ticks.
func (k *KPA) Begin(w *World) {
	k.last = map[*Pod]float64{}
	k.start(w.now, len(w.serving))
	w.every(kpaScrape, kpaScrape, func() { k.scrape(w) })
	w.Every(time.Duration(w.random.autoscaler.Float64()*float64(kpaTick)), kpaTick, func() {
		if len(k.window) == 0 {
			return // without a figure there is no decision
		}
		w.Scale(k.decide(w.now, len(w.serving)))
		if k.Activator == ActivatorByDefault {
			w.balancing = Random
			if k.spare(len(w.serving)) < 0 {
				w.balancing = BetterOfTwo
			}
		}
	})
}

// start in a panic where there are several pods: nothing is known of their load yet.
func (k *KPA) start(now float64, readyPods int) {
	k.panicSince = -1
	if readyPods > 1 {
		k.panicSince, k.panicPods = now, readyPods
	}
}

func (k *KPA) scrape(w *World) {
	sum := 0.0
	last := make(map[*Pod]float64, len(w.pods))
	for _, p := range w.pods {
		total := p.RequestSeconds()
		sum += (total - k.last[p]) / kpaScrape
		last[p] = total
	}
	k.last = last
	k.observe(sum)
}

// observe takes in the mean concurrency of all pods over a second.
func (k *KPA) observe(concurrency float64) {
	k.window = append(k.window, concurrency)
	if extra := len(k.window) - int(kpaStable/kpaScrape); extra > 0 {
		k.window = k.window[extra:]
	}
}

// mean concurrency of the last seconds, or of those that there were, in millionths.
func (k *KPA) mean(seconds float64) float64 {
	n := min(len(k.window), int(seconds/kpaScrape))
	sum := 0.0
	for _, value := range k.window[len(k.window)-n:] {
		sum += value
	}
	return math.Round(1e6*sum/float64(max(n, 1))) / 1e6
}

// decide is one tick of the scaler's Scale.
func (k *KPA) decide(now float64, readyPods int) int {
	ready := float64(max(readyPods, 1))
	highest := math.Ceil(kpaMaxUp * ready)
	lowest := math.Floor(ready / kpaMaxDown)
	bounded := func(pods float64) int { return int(min(max(pods, lowest), highest)) }
	urgent := math.Ceil(k.mean(kpaPanic) / k.Target)
	over := urgent/ready >= kpaPanicThreshold
	switch {
	case over:
		k.panicSince = now
	case k.panicSince >= 0 && now-k.panicSince > kpaStable+1e-6: // exactly a window ago is not yet over
		k.panicSince, k.panicPods = -1, 0
	}
	desired := bounded(math.Ceil(k.mean(kpaStable) / k.Target))
	if k.panicSince >= 0 { // never down in a panic
		k.panicPods = max(k.panicPods, desired, bounded(urgent))
		desired = k.panicPods
	}
	return k.delayed(desired)
}

// delayed is the most that was wanted within the delay, counted in ticks.
func (k *KPA) delayed(desired int) int {
	if k.Delay <= 0 {
		return desired
	}
	k.wanted = append(k.wanted, desired)
	if extra := len(k.wanted) - int(math.Ceil(k.Delay/kpaTick.Seconds())); extra > 0 {
		k.wanted = k.wanted[extra:]
	}
	return slices.Max(k.wanted)
}

// spare is the excess burst capacity: what the pods that are ready can take beyond a burst and what is inside them now.
func (k *KPA) spare(ready int) float64 {
	return math.Floor(float64(ready)*k.Target/kpaTargetShare - kpaBurst - k.mean(kpaPanic))
}

// concurrencyAt is how many requests are inside a pod of the service at a utilization: what somebody who has measured well
// would set as Knative's target. By Little's law it is the load times the time inside: of the CPU as in an M/M/m queue, and
// of waiting.
func concurrencyAt(rho float64, s Service) float64 {
	offered := float64(s.Cores) * rho
	blocking := 1.0
	for k := 1; k <= s.Cores; k++ {
		blocking = offered * blocking / (float64(k) + offered*blocking)
	}
	waiting := blocking / (1 - rho*(1-blocking)) * rho / (1 - rho)
	return offered + waiting + offered/s.CPUTime.Seconds()*s.Wait.Seconds()
}
