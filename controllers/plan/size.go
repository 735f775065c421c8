// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package plan

import (
	"fmt"
	"math"

	corev1 "k8s.io/api/core/v1"

	"goservice.dev/operator/api/v1alpha1"
)

const (
	// largestAdvised in cores: beyond it, what a pod takes with it when it fails outweighs what is left to gain.
	largestAdvised = 8
	// worthAdvice is the share of the cores that larger pods must save to be mentioned.
	worthAdvice = 0.1
)

// largerPods says which size of pods would serve the same requests with fewer cores, and from how many of the present pods on; nothing
// where no size does. Pods of more cores are fewer queues for the same requests, which may be busier before waiting breaks the objective.
// It is said of what was measured only, by the queueing formula, and not of the demand of the moment, so that it stands still. Where a
// peak is declared that the present pods serve with fewer than that, nothing is said either.
func largerPods(spec *v1alpha1.GoServiceSpec, d demand) string {
	targetGiven := spec.Autoscaling != nil && spec.Autoscaling.TargetCPUUtilization != nil
	if d.threshold == 0 || !d.measured || !d.cpuMeasured || d.cores <= 0 || targetGiven {
		return ""
	}
	lowest, _ := minimumOf(spec)
	d.sharing = lowest
	now := cpuTargetFor(spec, d).Value
	best, bestCores := now, 0.0
	for cores := 2.0; cores <= largestAdvised; cores *= 2 {
		if cores <= d.cores {
			continue
		}
		if target := cpuTargetFor(spec, d.sized(spec, cores)).Value; target > best {
			best, bestCores = target, cores
		}
	}
	saved := 1 - float64(now)/float64(best)
	if saved < worthAdvice {
		return ""
	}
	from := math.Ceil(float64(lowest) * bestCores / d.cores * float64(best) / float64(now))
	if d.peak > 0 && math.Ceil(d.peak/capacityAt(d, float64(now)/100)) < from {
		return ""
	}
	return fmt.Sprintf("; pods of %s cores could be %d%% busy: a load that needs %s or more of the present ones would need %d%% fewer cores",
		shortest(bestCores), best, shortest(from), percentOf(saved))
}

// sized is the demand on pods of another size, whose CPU limit grows as their request does.
func (d demand) sized(spec *v1alpha1.GoServiceSpec, cores float64) demand {
	most := cores
	if spec.Resources != nil {
		if limit, limited := spec.Resources.Limits[corev1.ResourceCPU]; limited {
			most = limit.AsApproximateFloat64() * cores / d.cores
		}
	}
	d.cores, d.servers = cores, serversOf(most)
	return d
}
