// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

// Balancing is how a request finds its pod.
type Balancing int

const (
	// Random pods, as a Service gives to connections.
	Random Balancing = iota
	// BetterOfTwo is the pod of two random ones that has fewer requests inside, as Knative's activator chooses for a service
	// without containerConcurrency (M. Mitzenmacher, The Power of Two Choices in Randomized Load Balancing, 2001).
	BetterOfTwo
)

// choose a pod by two random numbers from 0 to below 1.
func (b Balancing) choose(pods []*Pod, first, second float64) *Pod {
	one := pods[int(first*float64(len(pods)))]
	if b == Random || len(pods) == 1 {
		return one
	}
	// Another one than the first, each with the same chance.
	at := int(second * float64(len(pods)-1))
	if at >= int(first*float64(len(pods))) {
		at++
	}
	if other := pods[at]; other.inside() < one.inside() {
		return other
	}
	return one
}
