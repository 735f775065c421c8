// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import "time"

// An Autoscaler sets the number of pods of a simulated service. It must decide by what it sees in its World and by random
// numbers from there alone, so that the same seed gives the same result.
type Autoscaler interface {
	// Begin is called once, when the simulation starts. It schedules what the autoscaler does later (World.Every), and keeps the
	// World for then.
	Begin(w *World)
}

// Role is what a contender's figures are compared as.
type Role int

const (
	// Ours is this operator.
	Ours Role = iota
	// OursAlone is this operator with pods that do not share their queue.
	OursAlone
	// Rival is another autoscaler whose requests are balanced as ours: at random.
	Rival
	// OwnBalancing is another autoscaler that brings its own balancing; it stands beside the rivals.
	OwnBalancing
	// Foreknowing is another autoscaler with a setting that only who knows the load beforehand can choose; it stands beside the rivals.
	Foreknowing
	// Bound is no autoscaler that anybody could build, and says how far one could get.
	Bound
)

// Contender is one row of the comparison.
type Contender struct {
	// Name of the row; no other contender of the same comparison has it.
	Name string
	Role Role
	// Autoscaler makes a new one for each simulation.
	Autoscaler func(s Service) Autoscaler
	// Balancing at the start.
	Balancing Balancing
	// Sharing says that pods share their queue.
	Sharing bool
	// HopCPU is what proxies between client and handler use for each request, in addition to the pods' cores. It is charged, but
	// takes no time.
	HopCPU time.Duration
}
