// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import "time"

// Service is what is simulated.
type Service struct {
	// CPUTime of a request is log-normal with the given coefficient of variation; Wait, for others than the CPU, is exponential.
	CPUTime   time.Duration
	Variation float64
	Wait      time.Duration
	// Cores of a pod.
	Cores int
	// Usable and Requested are the cores that a pod may use, and those that it asks for and costs, where those are no whole ones; 0 is
	// Cores. Only a service whose requests flow can have others.
	Usable, Requested float64
	// Threshold that Percentile of the requests must keep.
	Threshold  time.Duration
	Percentile float64
	// MinReplicas and MaxReplicas bound every autoscaler.
	MinReplicas, MaxReplicas int
	// StartupFrom and StartupTo bound the time from a pod's creation until requests reach it.
	StartupFrom, StartupTo time.Duration
}

// Default is a small service as many teams have it: 5 ms of CPU and 5 ms of waiting for others, and a promise of 100 ms. Its pods
// take 5 to 10 s to start.
func Default() Service {
	return Service{
		CPUTime: 5 * time.Millisecond, Variation: 1, Wait: 5 * time.Millisecond, Cores: 2,
		Threshold: 100 * time.Millisecond, Percentile: 0.99,
		MinReplicas: 2, MaxReplicas: 40, StartupFrom: 5 * time.Second, StartupTo: 10 * time.Second,
	}
}

// Slow is the same service with pods that take 20 to 40 s to start.
func (s Service) Slow() Service {
	s.StartupFrom, s.StartupTo = 20*time.Second, 40*time.Second
	return s
}

func (s Service) usable() float64 {
	if s.Usable > 0 {
		return s.Usable
	}
	return float64(s.Cores)
}

func (s Service) requested() float64 {
	if s.Requested > 0 {
		return s.Requested
	}
	return float64(s.Cores)
}
