// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package plan

import (
	"fmt"
	"math"
	"strconv"

	"goservice.dev/operator/api/v1alpha1"
)

const (
	// defaultReplicas survives the loss of one pod.
	defaultReplicas = 2
	// defaultCPUTarget in percent, where no latency objective says otherwise.
	defaultCPUTarget = 70
	minCPUTarget     = 30
	// maxCPUTarget keeps a pod below 80 % with the tenth that the autoscaler tolerates: above that, a pod to which chance sends
	// more than its part has no room left.
	maxCPUTarget = 72
	// growth bounds the number of pods over the minimum where no peak is declared.
	growth     = 5
	minMaximum = 10
	maxMaximum = 10000
	// From highAvailability on, in percent, one pod may be lost; from veryHighAvailability on, while another is replaced.
	highAvailability     = 99
	veryHighAvailability = 99.99
	replicasForVeryHigh  = 3
)

func (p *Plan) planReplicas(spec *v1alpha1.GoServiceSpec, d demand) {
	n := int32(defaultReplicas)
	if spec.Replicas != nil {
		n = *spec.Replicas
	}
	external := spec.Autoscaling != nil && spec.Autoscaling.Mode == v1alpha1.AutoscalingExternal
	switch {
	case external:
		p.Replicas = Figure[Range]{Range{n, n}, "spec.replicas, which spec.autoscaling.mode External leaves to whoever scales"}
	case n == 0:
		p.Replicas = Figure[Range]{Range{}, "switched off by spec.replicas"}
	case spec.SLO == nil && spec.Autoscaling == nil:
		p.Replicas = Figure[Range]{Range{n, n}, "spec.replicas; declare slo or autoscaling to scale with the load"}
	default:
		p.Autoscaled = true
		p.planCPUTarget(spec, d)
		p.planRange(spec, d)
	}
	p.Start = min(max(n, p.Replicas.Value.Min), p.Replicas.Value.Max)
}

func (p *Plan) planCPUTarget(spec *v1alpha1.GoServiceSpec, d demand) {
	if given := spec.Autoscaling; given != nil && given.TargetCPUUtilization != nil {
		p.CPUTarget = &Figure[int32]{*given.TargetCPUUtilization, "set in spec.autoscaling.targetCPUUtilization"}
		return
	}
	if d.threshold == 0 {
		p.CPUTarget = &Figure[int32]{defaultCPUTarget, "no latency objective is declared; 70 % leaves room while pods start"}
		return
	}
	target := int32(math.Floor(d.highestUtilization() * 100))
	bounded := min(max(target, minCPUTarget), maxCPUTarget)
	reason := fmt.Sprintf("%s at p%s with %s leaves %d %% before waiting breaks it",
		readable(d.threshold), shortest(d.percentile*100), d.source(), target)
	if bounded != target {
		reason += fmt.Sprintf("; kept within %d to %d %%", minCPUTarget, maxCPUTarget)
	}
	p.CPUTarget = &Figure[int32]{bounded, reason}
}

func (p *Plan) planRange(spec *v1alpha1.GoServiceSpec, d demand) {
	lowest, lowestReason := minimumFor(spec.SLO)
	given := spec.Autoscaling
	if given != nil && given.MinReplicas != nil {
		lowest, lowestReason = *given.MinReplicas, "set in spec.autoscaling"
	}
	highest, highestReason := p.maximumFor(d, lowest)
	if given != nil && given.MaxReplicas != nil {
		highest, highestReason = *given.MaxReplicas, "set in spec.autoscaling"
		if lowest > highest {
			lowest, lowestReason = highest, "spec.autoscaling.maxReplicas"
		}
	}
	p.Replicas = Figure[Range]{
		Range{lowest, highest}, fmt.Sprintf("%d: %s; %d: %s", lowest, lowestReason, highest, highestReason),
	}
}

func minimumFor(slo *v1alpha1.SLOSpec) (int32, string) {
	if slo == nil || slo.Availability == "" {
		return defaultReplicas, "one pod may be lost"
	}
	availability, err := strconv.ParseFloat(slo.Availability, 64)
	switch {
	case err != nil || (availability >= highAvailability && availability < veryHighAvailability):
		return defaultReplicas, "one pod may be lost"
	case availability >= veryHighAvailability:
		return replicasForVeryHigh, "one pod may be lost while another is replaced"
	default:
		return 1, fmt.Sprintf("%s %% availability allows the loss of the only pod", slo.Availability)
	}
}

func (p *Plan) maximumFor(d demand, lowest int32) (int32, string) {
	if d.peak == 0 {
		return min(max(lowest*growth, minMaximum), maxMaximum), "no peak is declared in slo.load"
	}
	perPod := p.capacityPerPod(d)
	needed := min(math.Ceil(d.peak/perPod), maxMaximum)
	return max(int32(needed), lowest), fmt.Sprintf("%s req/s peak at %s req/s per pod (%s) and %d %% CPU",
		shortest(d.peak), shortest(perPod), d.source(), p.CPUTarget.Value)
}

// capacityPerPod is how many requests per second a pod serves at the CPU target: the utilization law, ρ = λ·S per core, with
// the CPU time as the service time of a core.
func (p *Plan) capacityPerPod(d demand) float64 {
	return capacityAt(d, float64(p.CPUTarget.Value)/100)
}

func capacityAt(d demand, utilization float64) float64 {
	return max(d.cores, 0.001) * utilization / d.cpuTime.Seconds()
}

func (p *Plan) findUnreachable(spec *v1alpha1.GoServiceSpec, d demand) {
	if d.threshold > 0 && d.serviceTime >= d.threshold {
		p.Findings = append(p.Findings, Finding{v1alpha1.ReasonUnreachable, fmt.Sprintf(
			"p%s within %s cannot hold: one request takes %s by itself; raise slo.latency.threshold, give the container more CPU or make the handler faster",
			shortest(d.percentile*100), readable(d.threshold), readable(d.serviceTime))})
	}
	if d.peak == 0 {
		return
	}
	if p.Autoscaled && spec.Autoscaling != nil && spec.Autoscaling.MaxReplicas != nil {
		if needed := math.Ceil(d.peak / p.capacityPerPod(d)); needed > float64(p.Replicas.Value.Max) {
			p.Findings = append(p.Findings, Finding{v1alpha1.ReasonAboveMaxReplicas, fmt.Sprintf(
				"%s req/s peak needs %s pods at %s req/s per pod (%s), autoscaling.maxReplicas allows %d; raise it or lower slo.load.peakRequestsPerSecond",
				shortest(d.peak), shortest(needed), shortest(p.capacityPerPod(d)), d.source(), p.Replicas.Value.Max)})
		}
	}
	if limit := spec.RateLimit; limit != nil && limit.Scope != v1alpha1.ScopePod && float64(limit.RequestsPerSecond) < d.peak {
		p.Findings = append(p.Findings, Finding{v1alpha1.ReasonRateLimitTooSmall, fmt.Sprintf(
			"rateLimit.requestsPerSecond admits %d req/s of the declared peak of %s req/s; raise it or lower slo.load.peakRequestsPerSecond",
			limit.RequestsPerSecond, shortest(d.peak))})
	}
}
