// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import "math"

// clairvoyant knows the load until the pods that it starts now serve, and how busy pods may be. It cannot be built; it says how few
// core-seconds and bad seconds there can be with requests that reach pods at random, which share their queue.
type clairvoyant struct{ utilization float64 }

const clairvoyantTick = 1.0

// Begin looks each second.
func (c clairvoyant) Begin(w *World) {
	w.every(0, clairvoyantTick, func() { w.Scale(c.needed(w)) })
}

// needed are the pods for the highest rate until a pod that is created after this look, or the next, is sure to serve.
func (c clairvoyant) needed(w *World) int {
	highest := 0.0
	until := w.now + decisionDelay + w.service.StartupTo.Seconds() + clairvoyantTick
	for at := w.now; at <= until; at += 0.25 {
		highest = math.Max(highest, w.shape.Rate(at))
	}
	return int(math.Ceil(highest * w.service.CPUTime.Seconds() / (c.utilization * float64(w.service.Cores)) * (1 - 1e-9)))
}

// HighestUtilization is how busy the pods of a service may be, in percent, so that under a steady load at most a quarter of the bad
// seconds that the objective allows are bad. It is found by trying; requests reach pods at random, which share
// their queue or do not.
func HighestUtilization(s Service, pool Pool, sharing bool) int {
	const pods, seconds = 6, 400
	low, high := 30, 99
	for low < high {
		percent := (low + high + 1) / 2
		rate := float64(percent) / 100 * float64(pods*s.Cores) / s.CPUTime.Seconds()
		steady := Shape{Name: "steady", Seconds: warmUp + seconds, Rate: func(float64) float64 { return rate }}
		fixed := s
		fixed.MinReplicas, fixed.MaxReplicas = pods, pods
		r := Run(fixed, pool, steady, Contender{Sharing: sharing, Autoscaler: func(Service) Autoscaler { return idle{} }}, 1)
		if float64(r.BadSeconds) <= (1-s.Percentile)/4*float64(r.Seconds) {
			low = percent
		} else {
			high = percent - 1
		}
	}
	return low
}

// idle leaves the pods as they are.
type idle struct{}

// Begin does nothing.
func (idle) Begin(*World) {}

// Clairvoyant is the contender of a service whose pods may be busy by so many percent.
func Clairvoyant(percent int) Contender {
	return Contender{Name: "clairvoyant", Role: Bound, Sharing: true, Autoscaler: func(Service) Autoscaler {
		return clairvoyant{float64(percent) / 100}
	}}
}
