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
	// maxCPUTarget keeps a pod below 80% with the tenth that the autoscaler tolerates: above that, a pod to which chance sends
	// more than its part has no room left.
	maxCPUTarget = 72
	// maxSharedCPUTarget is for pods that share their queue: chance then sends to all of them together. It leaves room for what comes while
	// a pod starts, and with what the autoscaler tolerates it is mostSharedCPU at most.
	maxSharedCPUTarget = 85
	mostSharedCPU      = 90
	// growth bounds the number of pods over the minimum where no peak is declared.
	growth     = 5
	minMaximum = 10
	maxMaximum = 10000
	// headroom of the upper bound over the pods that the declared peak needs: what the closed loop asks for in answer to a
	// sudden step, half as many again, must fit.
	headroom = 1.5
	// From highAvailability on, in percent, the minimum tolerates the loss of one pod; from veryHighAvailability on, the loss of
	// one while another is replaced.
	highAvailability     = 99
	veryHighAvailability = 99.99
	replicasForVeryHigh  = 3
)

// declaredReplicas is spec.replicas; objects from before it had a default may lack it.
func declaredReplicas(spec *v1alpha1.GoServiceSpec) int32 {
	if spec.Replicas != nil {
		return *spec.Replicas
	}
	return defaultReplicas
}

func (p *Plan) planReplicas(spec *v1alpha1.GoServiceSpec, d demand, observed Observed) {
	n := declaredReplicas(spec)
	unchanged := observed.StartedFrom != nil && *observed.StartedFrom == n
	external := spec.Autoscaling != nil && spec.Autoscaling.Mode == v1alpha1.AutoscalingExternal
	switch {
	case external && n > 0 && unchanged && observed.WantedReplicas > 0:
		p.Replicas = Figure[Range]{
			Range{observed.WantedReplicas, observed.WantedReplicas},
			"the number of pods when spec.autoscaling.mode became External, until something writes spec.replicas",
		}
		p.StartedFrom = &n
	case external:
		p.Replicas = Figure[Range]{Range{n, n}, "spec.replicas; with spec.autoscaling.mode External, an external autoscaler sets it"}
	case n == 0:
		p.Replicas = Figure[Range]{Range{}, "spec.replicas is 0: the service is switched off"}
	case spec.SLO == nil && spec.Autoscaling == nil:
		p.Replicas = Figure[Range]{Range{n, n}, "spec.replicas; declare slo or autoscaling to scale with the load"}
	default:
		p.Autoscaled = true
		d.sharing, _ = minimumOf(spec)
		target := cpuTargetFor(spec, d)
		p.CPUTarget = &target
		if alone := d; d.queueShared {
			alone.queueShared = false
			p.aloneTarget = cpuTargetFor(spec, alone).Value
		}
		p.planRange(spec, d, observed)
	}
	if p.Autoscaled || n == 0 {
		p.StartedFrom = &n
	}
}

// planStart keeps spec.replicas within what the demand needs and what is allowed. Its default is what is left when somebody
// removes the field from a manifest, and no wish to run fewer pods.
func (p *Plan) planStart(spec *v1alpha1.GoServiceSpec, observed Observed) {
	n := declaredReplicas(spec)
	p.Start = max(n, p.ReplicaFloor.Value)
	if n == defaultReplicas {
		p.Start = max(p.Start, observed.WantedReplicas)
	}
	p.Start = min(p.Start, p.Replicas.Value.Max)
}

func cpuTargetFor(spec *v1alpha1.GoServiceSpec, d demand) Figure[int32] {
	if targetIsFixed(spec) {
		return Figure[int32]{*spec.Autoscaling.TargetCPUUtilization, "set in spec.autoscaling.targetCPUUtilization"}
	}
	if d.threshold == 0 {
		return Figure[int32]{defaultCPUTarget, "spec.slo.latency is not set; 70% leaves room while pods start"}
	}
	target := int32(math.Floor(d.highestUtilization() * 100))
	most := d.mostCPUTarget()
	bounded := min(max(target, minCPUTarget), most)
	reason := fmt.Sprintf("%s at p%s with %s%s: above %d%%, waiting breaks the objective",
		readable(d.threshold), shortest(d.percentile*100), d.source(), d.sharesItsQueue(), target)
	if left, least := d.headroom(); least {
		reason += fmt.Sprintf("; %s always count as left for that, since more pods make no handler faster", readable(left))
	}
	if bounded != target {
		reason += fmt.Sprintf("; limited to %d to %d%%", minCPUTarget, most)
	}
	return Figure[int32]{bounded, reason}
}

// minimumOf is the lower bound of the number of pods of a spec that is autoscaled.
func minimumOf(spec *v1alpha1.GoServiceSpec) (int32, string) {
	if given := spec.Autoscaling; given != nil && given.MinReplicas != nil {
		return *given.MinReplicas, "set in spec.autoscaling"
	}
	return minimumFor(spec.SLO)
}

func (p *Plan) planRange(spec *v1alpha1.GoServiceSpec, d demand, observed Observed) {
	lowest, lowestReason := minimumOf(spec)
	given := spec.Autoscaling
	highest, highestReason := maximumFor(spec, d, lowest, observed)
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
		return defaultReplicas, "tolerates the loss of one pod"
	}
	availability, err := strconv.ParseFloat(slo.Availability, 64)
	switch {
	case err != nil || (availability >= highAvailability && availability < veryHighAvailability):
		return defaultReplicas, "tolerates the loss of one pod"
	case availability >= veryHighAvailability:
		return replicasForVeryHigh, "tolerates the loss of one pod while another is replaced"
	default:
		return 1, fmt.Sprintf("%s%% availability allows the loss of the only pod", slo.Availability)
	}
}

// maximumFor is the upper bound of the number of pods where the user has set none. It is there for safety: it follows from the
// spec alone, measurements only ever raise it, and it is never below what runs, because an autoscaler that finds more pods than
// its maximum removes them at once, whatever their load.
func maximumFor(spec *v1alpha1.GoServiceSpec, d demand, lowest int32, observed Observed) (int32, string) {
	highest, reason := min(max(lowest*growth, minMaximum), maxMaximum), "spec.slo.load is not set"
	if d.peak > 0 {
		costly := d.costliest(observed)
		target := cpuTargetFor(spec, costly).Value
		perPod := capacityAt(costly, float64(target)/100)
		highest = max(int32(min(math.Ceil(headroom*d.peak/perPod), maxMaximum)), lowest)
		reason = fmt.Sprintf("%s req/s peak at %s req/s per pod (%s) and %d%% CPU, plus half as many for sudden steps",
			shortest(d.peak), shortest(perPod), costly.source(), target)
		if observed.MaxReplicas > highest {
			highest, reason = observed.MaxReplicas, "the autoscaler's present bound; nothing is measured yet"
		}
	}
	if running := min(observed.WantedReplicas, maxMaximum); running > highest {
		highest, reason = running, "the present number of pods, until fewer are needed"
	}
	return highest, reason
}

// capacityPerPod is how many requests per second a pod serves at the CPU target: the utilization law, ρ = λ·S per core, with
// the CPU time as the service time of a core.
func (p *Plan) capacityPerPod(d demand) float64 {
	return capacityAt(d, float64(p.CPUTarget.Value)/100)
}

func capacityAt(d demand, utilization float64) float64 {
	return max(d.cores, 0.001) * utilization / d.cpuTime.Seconds()
}

func (p *Plan) findUnreachable(spec *v1alpha1.GoServiceSpec, d demand, observed Observed) {
	if d.threshold > 0 && d.serviceTime >= d.threshold {
		p.Findings = append(p.Findings, Finding{v1alpha1.ReasonUnreachable, fmt.Sprintf(
			"p%s within %s is not achievable: a request takes %s even without queueing; raise slo.latency.threshold, give the container more CPU or make the handler faster",
			shortest(d.percentile*100), readable(d.threshold), readable(d.serviceTime))})
	}
	p.findShortage(spec, d, observed)
	if d.peak == 0 {
		return
	}
	if limit := spec.RateLimit; limit != nil && limit.Scope != v1alpha1.ScopePod && float64(limit.RequestsPerSecond) < d.peak {
		p.Findings = append(p.Findings, Finding{v1alpha1.ReasonRateLimitTooSmall, fmt.Sprintf(
			"rateLimit.requestsPerSecond admits %d req/s, but the declared peak is %s req/s; raise it or lower slo.load.peakRequestsPerSecond",
			limit.RequestsPerSecond, shortest(d.peak))})
	}
}

// findShortage says that the declared peak, or what is measured, needs more pods than there may be.
func (p *Plan) findShortage(spec *v1alpha1.GoServiceSpec, d demand, observed Observed) {
	most := p.Replicas.Value.Max
	if !p.Autoscaled || p.Utilization == nil {
		return // somebody else scales, or nobody
	}
	bound, raise := "the operator allows", "lower slo.load.peakRequestsPerSecond or give each pod more CPU"
	if spec.Autoscaling != nil && spec.Autoscaling.MaxReplicas != nil {
		bound, raise = "autoscaling.maxReplicas allows", "raise it or lower slo.load.peakRequestsPerSecond"
	}
	perPod := p.capacityPerPod(d)
	switch needed := math.Ceil(d.peak / perPod); {
	case needed > float64(most):
		p.Findings = append(p.Findings, Finding{v1alpha1.ReasonAboveMaxReplicas, fmt.Sprintf(
			"%s req/s peak needs %s pods at %s req/s per pod (%s), but %s %d; %s",
			shortest(d.peak), shortest(needed), shortest(perPod), d.source(), bound, most, raise)})
	case observed.Tuned.Needed > most:
		if spec.Autoscaling == nil || spec.Autoscaling.MaxReplicas == nil {
			bound, raise = "the bound derived from the spec allows", "set autoscaling.maxReplicas or raise slo.load.peakRequestsPerSecond"
		}
		p.Findings = append(p.Findings, Finding{v1alpha1.ReasonAboveMaxReplicas, fmt.Sprintf(
			"the demand measured over a minute needs %d pods, but %s %d; %s", observed.Tuned.Needed, bound, most, raise)})
	}
}
