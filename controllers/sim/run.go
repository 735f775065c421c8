// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"math"
	"time"

	"goservice.dev/operator/controllers/plan"
)

// Default is a small service as many teams have it: 5 ms of CPU and 5 ms of waiting for others, and a promise of 100 ms.
func Default() Service {
	return Service{
		CPUTime: 5 * time.Millisecond, Variation: 1, Wait: 5 * time.Millisecond, Cores: 2,
		Threshold: 100 * time.Millisecond, Percentile: 0.99,
		MinReplicas: 2, MaxReplicas: 40, StartupFrom: 5 * time.Second, StartupTo: 10 * time.Second,
	}
}

// Algorithms by name, in the order of the table; the last one is the operator.
var Algorithms = []string{"HPA 50 %", "HPA 70 %", "KPA", "GoService"}

// Ours is the name of the operator among the Algorithms.
const Ours = "GoService"

func newAutoscaler(name string, s Service) autoscaler {
	switch name {
	case "HPA 50 %":
		return &hpa{target: 0.5}
	case "HPA 70 %":
		return &hpa{target: 0.7}
	case "KPA":
		return &kpa{target: concurrencyAt(kpaUtilization, s)}
	}
	return &operator{}
}

// kpaUtilization of a pod at Knative's target: of 30, 40, 50, 60 and 70 % the one with the fewest bad seconds in the default
// shapes.
const kpaUtilization = 0.5

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

// Result of one simulation; the warm-up is left out.
type Result struct {
	Shape, Algorithm string
	// BadSeconds are those in which more requests were slow or lost than the objective allows, and at least two.
	BadSeconds int
	// Lost and Slow requests of all.
	Requests, Lost, Slow int
	// CoreSeconds are the cores of the pods that existed, whether used or not.
	CoreSeconds float64
	// Used core-seconds are what the requests needed.
	Used float64
	// Actions are changes of the wanted number of pods.
	Actions int
	// Seconds of the simulation, warm-up included, for pictures.
	seconds []second
	rate    func(float64) float64
}

// Run simulates one shape with one algorithm.
func Run(service Service, shape Shape, algorithm string, seed uint64) Result {
	w := newWorld(service, shape, seed)
	spec := specOf(service)
	pool := plan.Compute(&spec, plan.Observed{})
	w.workers, w.depth = int(pool.Workers.Value), int(pool.QueueDepth.Value)
	w.queueTimeout = pool.QueueTimeout.Value.Seconds()
	// Enough pods for the first rate at 70 % are there from the start.
	first := int(math.Ceil(shape.Rate(0) * service.CPUTime.Seconds() / (0.7 * float64(service.Cores))))
	w.wanted = min(max(first, service.MinReplicas), service.MaxReplicas)
	for range w.wanted {
		p := w.create()
		p.ready = true
		w.serving = append(w.serving, p)
	}
	w.events = w.events[:0] // they need not become ready
	newAutoscaler(algorithm, service).begin(w)
	w.every(0.5, 1, func() { s := w.second(w.now); s.Wanted, s.Ready = w.wanted, len(w.serving) })
	var before struct {
		core, used float64
		actions    int
	}
	w.after(warmUp, func() {
		before.core, before.used, before.actions = w.existing(), w.busyArea, w.actions
	})
	w.run()
	result := Result{
		Shape: shape.Name, Algorithm: algorithm, Actions: w.actions - before.actions,
		CoreSeconds: w.coreTime - before.core, Used: w.busyArea - before.used, seconds: w.seconds, rate: shape.Rate,
	}
	budget := 1 - service.Percentile
	for _, s := range w.seconds[min(warmUp, len(w.seconds)):] {
		result.Requests += s.Arrived
		result.Lost += s.Lost
		result.Slow += s.Slow
		if bad := s.Slow + s.Lost; bad >= 2 && float64(bad) > budget*float64(s.Arrived) {
			result.BadSeconds++
		}
	}
	return result
}

// existing is what the pods have cost so far, with those that still exist.
func (w *world) existing() float64 {
	sum := w.coreTime
	for _, p := range w.pods {
		sum += (w.now - p.created) * float64(p.cores)
	}
	return sum
}
