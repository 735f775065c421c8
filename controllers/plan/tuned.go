// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package plan

import (
	"math"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"

	"goservice.dev/operator/api/v1alpha1"
)

// Tuned holds figures that measurements have moved; nil and 0 leave what the formulas say. What the user has set by hand
// stays whatever is measured.
type Tuned struct {
	// ReplicaFloor is the number of pods that the demand needs.
	ReplicaFloor *Figure[int32]
	// Needed pods by the demand, where that is more than the bounds allow; 0 otherwise.
	Needed int32
	// Utilization to steer for, above 0 to 1: it only ever lowers the CPU target.
	Utilization *Figure[float64]
	// QueueShared says that a request which would wait in one pod runs in another one that is free.
	QueueShared bool
	// Workers that each pod's pool starts with, GOGC in percent.
	Workers, GOGC *Figure[int32]
	// Parts of the shared rate limit; nil divides it equally.
	Parts *Parts
}

// Parts of a rate limit in requests per second, by the name of the pod. Nothing in it is written to.
type Parts struct {
	Pods map[string]float64
	// Newcomer is the part of a pod that is not named.
	Newcomer float64
}

const (
	// StartupTime is what a pod takes from being wanted until it serves, where its image is on the node: scheduling, start,
	// the first probe and the way of its address to every node.
	StartupTime = 10 * time.Second
	// holdStartups is how many times as long a pod is held after it was needed: to start it again then costs little of what
	// holding it has cost.
	holdStartups = 6
	// floorHolds is the autoscaler's own window where a measured floor holds pods: one of its periods.
	floorHolds = autoscalerPeriod
)

// tune puts measured figures in the place of computed ones, within the bounds of the plan.
func (p *Plan) tune(spec *v1alpha1.GoServiceSpec, tuned Tuned) {
	p.ReplicaFloor = Figure[int32]{p.Replicas.Value.Min, "the minimum"}
	if p.Autoscaled && tuned.ReplicaFloor != nil {
		bounds := p.Replicas.Value
		p.ReplicaFloor = Figure[int32]{min(max(tuned.ReplicaFloor.Value, bounds.Min), bounds.Max), tuned.ReplicaFloor.Reason}
	}
	if p.CPUTarget != nil && tuned.Utilization != nil && !targetIsFixed(spec) {
		if percent := max(int32(math.Floor(tuned.Utilization.Value*100+1e-6)), minCPUTarget); percent < p.CPUTarget.Value {
			p.CPUTarget = &Figure[int32]{percent, tuned.Utilization.Reason}
		}
	}
	if tuned.Workers != nil && !WorkersAreFixed(spec) {
		p.Workers = *tuned.Workers
	}
	switch {
	case spec.Runtime != nil && spec.Runtime.GOGC != nil:
		p.GOGC = &Figure[int32]{*spec.Runtime.GOGC, "set in spec.runtime.gogc"}
	case !GOGCIsFixed(spec) && tuned.GOGC != nil:
		p.GOGC = tuned.GOGC
	}
}

// planHold leaves it to a floor that is measured how long pods are held. A floor that was only found in the autoscaler, as where the
// status was lost, holds nothing: then the cost of a request is not known either.
func (p *Plan) planHold(observed Observed) {
	if p.Autoscaled && observed.Tuned.ReplicaFloor != nil && (observed.CPUTime > 0 || observed.ServiceTime > 0) {
		p.ScaleDownWindow = Figure[time.Duration]{floorHolds, "the replica floor holds pods as long as measurements ask for"}
	}
}

// WorkersAreFixed says whether the user has set how many workers each pod has. Otherwise its pool sizes itself.
func WorkersAreFixed(spec *v1alpha1.GoServiceSpec) bool {
	return spec.Pool != nil && spec.Pool.Workers != nil
}

// targetIsFixed says whether the user has set the CPU target.
func targetIsFixed(spec *v1alpha1.GoServiceSpec) bool {
	return spec.Autoscaling != nil && spec.Autoscaling.TargetCPUUtilization != nil
}

// GOGCIsFixed says whether the user has set the collector's pace: by spec.runtime.gogc, or by the environment variable GOGC,
// which can say off as well.
func GOGCIsFixed(spec *v1alpha1.GoServiceSpec) bool {
	return spec.Runtime != nil && spec.Runtime.GOGC != nil ||
		slices.ContainsFunc(spec.Env, func(variable v1alpha1.EnvVar) bool { return variable.Name == "GOGC" })
}

// Steering is what the closed loop needs to know of the objectives and of a pod, in figures.
type Steering struct {
	// Utilization that the queueing formula allows, or the user's own: UtilizationIsFixed then.
	Utilization        float64
	UtilizationIsFixed bool
	// AloneUtilization is Utilization for a pod that has no other one to share its queue with, where the others have; 0 where none has.
	AloneUtilization float64
	// Cores that a pod asks for, and the limit of its CPU: 0 without one.
	Cores, CPULimit float64
	// Threshold of the latency objective, 0 without one; SlowBudget and FailedBudget are the shares of requests that may miss
	// the objectives, 0 where none is declared.
	Threshold                time.Duration
	SlowBudget, FailedBudget float64
}

// SteeringOf reads them from the spec and its untuned plan.
func SteeringOf(spec *v1alpha1.GoServiceSpec, p Plan) Steering {
	s := Steering{Cores: p.Resources.Requests.Cpu().AsApproximateFloat64(), Utilization: defaultCPUTarget / 100.0}
	if limit, limited := p.Resources.Limits[corev1.ResourceCPU]; limited {
		s.CPULimit = limit.AsApproximateFloat64()
	}
	if p.CPUTarget != nil {
		s.Utilization = float64(p.CPUTarget.Value) / 100
		s.AloneUtilization = float64(p.aloneTarget) / 100
	}
	s.UtilizationIsFixed = targetIsFixed(spec)
	if slo := spec.SLO; slo != nil {
		if slo.Latency != nil {
			s.Threshold = slo.Latency.Threshold.Duration
			s.SlowBudget = 1 - percentileOf(slo.Latency)
		}
		if percent, err := strconv.ParseFloat(slo.Availability, 64); err == nil {
			s.FailedBudget = 1 - percent/100
		}
	}
	return s
}

// SLOWindow over which the objectives of a spec must hold.
func SLOWindow(spec *v1alpha1.GoServiceSpec) time.Duration {
	if spec.SLO == nil {
		return defaultSLOWindow
	}
	return sloWindow(spec.SLO)
}
