// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package plan

import (
	"strings"
	"testing"
	"time"

	"goservice.dev/operator/api/v1alpha1"
)

// costs of a request that was measured, in pods that share their queue or do not.
func costs(service, cpu time.Duration, shared bool) Observed {
	return Observed{ServiceTime: service, CPUTime: cpu, Tuned: Tuned{QueueShared: shared}}
}

// served within a threshold, by containers with so many cores; fewest replicas are set by hand, and a CPU target, unless they are 0.
func served(threshold time.Duration, cores string, fewest, target int32) *v1alpha1.GoServiceSpec {
	spec := &v1alpha1.GoServiceSpec{
		SLO:       &v1alpha1.SLOSpec{Latency: latency(threshold, "99")},
		Resources: &v1alpha1.ResourcesSpec{Requests: quantities("cpu", cores), Limits: quantities("cpu", cores)},
	}
	if fewest > 0 || target > 0 {
		spec.Autoscaling = &v1alpha1.AutoscalingSpec{}
	}
	if fewest > 0 {
		spec.Autoscaling.MinReplicas = &fewest
	}
	if target > 0 {
		spec.Autoscaling.TargetCPUUtilization = &target
	}
	return spec
}

func TestPodsThatShareTheirQueueMayBeBusier(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		spec          *v1alpha1.GoServiceSpec
		service, cpu  time.Duration
		alone, shared int32
	}{
		"the bound": {served(100*ms, "2", 0, 0), 10 * ms, 5 * ms, 72, 85},
		"two small pods are as one with two cores": {served(100*ms, "1", 0, 0), 10 * ms, 10 * ms, 55, 74},
		"more pods are a larger queue":             {served(100*ms, "1", 8, 0), 10 * ms, 10 * ms, 55, 85},
		"a hand over would come too late":          {served(15*ms, "1", 0, 0), 10 * ms, 10 * ms, 30, 30},
		"no objective of latency":                  {&v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Availability: "99.9"}}, 10 * ms, 5 * ms, 70, 70},
		"set by hand":                              {served(100*ms, "2", 0, 60), 10 * ms, 5 * ms, 60, 60},
	} {
		t.Run(name, func(t *testing.T) {
			spec := c.spec
			alone, shared := Compute(spec, costs(c.service, c.cpu, false)), Compute(spec, costs(c.service, c.cpu, true))
			if alone.CPUTarget.Value != c.alone || shared.CPUTarget.Value != c.shared {
				t.Errorf("CPU targets %d%% alone and %d%% in one queue, want %d%% and %d%%: %s", alone.CPUTarget.Value, shared.CPUTarget.Value, c.alone, c.shared, shared.CPUTarget.Reason)
			}
			if alone.Replicas != shared.Replicas {
				t.Errorf("the range moves from %v to %v", alone.Replicas, shared.Replicas)
			}
			if up := shared.ScaleUpTolerance; up != nil && c.alone != c.shared && float64(shared.CPUTarget.Value)*(1+up.Value) > mostSharedCPU {
				t.Errorf("%d%% and %g of tolerance are more than %d%%", shared.CPUTarget.Value, up.Value, mostSharedCPU)
			}
			if got := SteeringOf(spec, shared).AloneUtilization; got != float64(c.alone)/100 {
				t.Errorf("a pod that is alone: %g, want %g", got, float64(c.alone)/100)
			}
			if got := SteeringOf(spec, alone).AloneUtilization; got != 0 {
				t.Errorf("a pod that is alone where no queue is shared: %g, want none", got)
			}
		})
	}
}

func TestTheReasonNamesTheSharedQueue(t *testing.T) {
	spec := served(100*time.Millisecond, "1", 3, 0)
	const words = " in one queue of 3 pods or more: above "
	for _, shared := range []bool{false, true} {
		if reason := Compute(spec, costs(10*time.Millisecond, 5*time.Millisecond, shared)).CPUTarget.Reason; strings.Contains(reason, words) != shared {
			t.Errorf("shared %t: %s", shared, reason)
		}
	}
}

// The bound of the number of pods is there for safety: links that break must not find it too low.
func TestTheUpperBoundDoesNotCountOnASharedQueue(t *testing.T) {
	spec := served(100*time.Millisecond, "1", 0, 0)
	spec.SLO.Load = load(9000)
	alone, shared := Compute(spec, costs(10*time.Millisecond, 5*time.Millisecond, false)), Compute(spec, costs(10*time.Millisecond, 5*time.Millisecond, true))
	if alone.Replicas != shared.Replicas {
		t.Errorf("%v, then %v", alone.Replicas, shared.Replicas)
	}
}

// Handlers that wait for a slow dependency break the objective by themselves: that many more pods make none of them faster.
func TestASlowDependencyLeavesTheTargetWhatItIsWorth(t *testing.T) {
	const ms = time.Millisecond
	for _, service := range []time.Duration{5 * ms, 10 * ms, 40 * ms, 70 * ms, 76 * ms, 80 * ms, 92 * ms, 99 * ms, 100 * ms, 300 * ms} {
		for _, shared := range []bool{false, true} {
			target := Compute(served(100*ms, "2", 0, 0), costs(service, 5*ms, shared)).CPUTarget
			always := strings.Contains(target.Reason, "23.75ms always count as left for that, since more pods make no handler faster")
			if target.Value < 55 || always != (service > 77*ms) {
				t.Errorf("%s, in one queue %t: %d%%: %s", service, shared, target.Value, target.Reason)
			}
		}
	}
	if computing := Compute(served(10*ms, "1", 0, 0), costs(15*ms, 15*ms, false)).CPUTarget; computing.Value != minCPUTarget || strings.Contains(computing.Reason, "always") {
		t.Errorf("CPU time beyond the threshold: %d%%: %s", computing.Value, computing.Reason)
	}
}
