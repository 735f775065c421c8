// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package plan

import (
	"fmt"
	"math"

	"goservice.dev/operator/api/v1alpha1"
)

const (
	// largestAdvised in cores: beyond it, what a pod takes with it when it fails outweighs what is left to gain.
	largestAdvised = 8
	// worthAdvice is the share of the cores that larger pods must save to be mentioned.
	worthAdvice = 0.1
	// nearlyBest is the part of the best target with which a smaller size is preferred.
	nearlyBest = 0.95
	// surelySaved is the part of what is saved on average that has to be left of it whatever the rounding to whole pods makes of it.
	surelySaved = 0.5
	// wellWithin is the part of the most pods that may be needed, or that the peak needs, within which the load has to be for which they save.
	wellWithin = 0.75
)

// largerPods says which size of pods would serve the same requests with fewer cores, and from how many of the present pods on; nothing
// where no size does. Pods of more cores are fewer queues for the same requests, which may be busier before waiting breaks the objective.
// It is said of measured costs only, by the queueing formula, and not of the demand of the moment, so that it stands still. Nothing is said
// of pods that share their queue, where measurements have lowered the target, or where so many pods are not allowed or never needed.
func (p *Plan) largerPods(spec *v1alpha1.GoServiceSpec, d demand) string {
	if !p.Autoscaled || targetIsFixed(spec) || d.threshold == 0 || !d.measured || !d.cpuMeasured || d.cores <= 0 || d.queueShared {
		return ""
	}
	now := cpuTargetFor(spec, d).Value
	cores, target := d.bestSize(spec, now)
	saved := 1 - float64(now)/float64(target)
	if saved < worthAdvice || p.CPUTarget.Value < now {
		return ""
	}
	most := float64(p.Replicas.Value.Max)
	if d.peak > 0 {
		most = min(most, math.Ceil(d.peak/capacityAt(d, float64(now)/100)))
	}
	from, lowest := 0.0, float64(p.Replicas.Value.Min)
	for pods := most; pods > 0; pods-- {
		load := pods * d.cores * float64(now)
		larger := max(math.Ceil(load/(cores*float64(target))-rounding), lowest)
		if larger*cores > (1-surelySaved*saved)*pods*d.cores {
			break
		}
		from = pods
	}
	if from == 0 || from > wellWithin*most {
		return ""
	}
	return fmt.Sprintf("; pods of %s cores could be %d%% busy: a load that needs %s or more of the present ones would need about %d%% fewer cores",
		shortest(cores), target, shortest(from), percentOf(saved))
}

// rounding is what floating point may add to a number of pods.
const rounding = 1e-9

// bestSize is the smallest size with nearly the highest CPU target of all, and that target; where no size has a higher one than the present
// target, that one.
func (d demand) bestSize(spec *v1alpha1.GoServiceSpec, now int32) (cores float64, target int32) {
	targets, best := map[float64]int32{}, now
	for size := 2.0; size <= largestAdvised; size *= 2 {
		if size > d.cores {
			larger := d
			larger.cores, larger.servers = size, max(d.servers, serversOf(size))
			targets[size] = cpuTargetFor(spec, larger).Value
			best = max(best, targets[size])
		}
	}
	for size := 2.0; size <= largestAdvised; size *= 2 {
		if target := targets[size]; target > now && float64(target) >= nearlyBest*float64(best) {
			return size, target
		}
	}
	return d.cores, now
}
