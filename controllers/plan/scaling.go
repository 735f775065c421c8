// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package plan

import (
	"fmt"
	"math"
	"time"

	"goservice.dev/operator/api/v1alpha1"
)

// ScaleUp bounds how many pods may be added within a Period: the larger of both.
type ScaleUp struct {
	Pods, Percent int32
	Period        time.Duration
}

func (s ScaleUp) String() string {
	return fmt.Sprintf("%d pods or %d%% within %s, without delay", s.Pods, s.Percent, readable(s.Period))
}

const (
	// autoscalerPeriod is how often a HorizontalPodAutoscaler looks (kube-controller-manager's default).
	autoscalerPeriod = 15 * time.Second
	// Kubernetes' own bounds of one period, which are never lowered.
	minScaleUpPods = 4
	scaleUpPercent = 100
	// fewPods may be added at once, whatever part of the range they are: a wrong figure costs no more than these, and a step that is
	// answered in two parts waits a whole period for the second.
	fewPods = 8
	// looksToPeak is within how many looks the autoscaler can go from the fewest to the most pods.
	looksToPeak = 2
	// defaultTolerance of a HorizontalPodAutoscaler. The lower one is that of the closed loop: a pod more for less would go
	// and come with chance.
	defaultTolerance = 0.1
	minTolerance     = 0.03
	// firstBoundary and lastBoundary of the histograms of the toolkit.
	firstBoundary = time.Millisecond
	lastBoundary  = 10 * time.Second
)

// planScaling sets how the HorizontalPodAutoscaler moves within its bounds.
func (p *Plan) planScaling(spec *v1alpha1.GoServiceSpec, d demand) {
	p.ScaleDownWindow = Figure[time.Duration]{holdStartups * StartupTime, fmt.Sprintf("%d times the %s that a pod takes to start",
		holdStartups, readable(StartupTime))}
	if !p.Autoscaled {
		return
	}
	whole := p.Replicas.Value.Max - p.Replicas.Value.Min
	pods := int32(math.Ceil(float64(whole) / looksToPeak))
	period := wholeSeconds(max(autoscalerPeriod, StartupTime))
	reason := fmt.Sprintf("covers the whole range in %d sync periods of the autoscaler of %s each; a pod takes %s to start",
		looksToPeak, readable(autoscalerPeriod), readable(StartupTime))
	switch {
	case whole <= minScaleUpPods:
		pods, reason = minScaleUpPods, "the Kubernetes default, which covers the whole range"
	case whole <= fewPods:
		pods, reason = whole, "the whole range"
	case pods < fewPods:
		pods, reason = fewPods, fmt.Sprintf("%d pods may always be added at once, which is more than half of the range", fewPods)
	}
	p.ScaleUp = &Figure[ScaleUp]{ScaleUp{pods, scaleUpPercent, period}, reason}
	p.ScaleUpTolerance = tolerance(spec, d, p.CPUTarget.Value)
}

// tolerance is the room between the CPU target and the utilization at which waiting breaks the latency objective: what the
// autoscaler tolerates above its target must not be what breaks it.
func tolerance(spec *v1alpha1.GoServiceSpec, d demand, target int32) *Figure[float64] {
	const where = "; before Kubernetes 1.35, the default of 10% applies"
	if d.threshold == 0 || targetIsFixed(spec) {
		return nil // nothing says that the cluster's own is wrong
	}
	highest := d.highestUtilization() * 100
	if d.queueShared {
		highest = min(highest, mostSharedCPU)
	}
	room := highest/float64(target) - 1
	value := math.Floor(min(max(room, minTolerance), defaultTolerance)*100) / 100
	return &Figure[float64]{value, fmt.Sprintf("the CPU target is %d%%, and waiting breaks the objective at %d%%; limited to %s to %s%s",
		target, int(highest), percentage(minTolerance), percentage(defaultTolerance), where)}
}

const (
	// fewestSharing pods share a queue.
	fewestSharing = 2
	// patience is for how long a request waits where it came in before it is offered to others, as a share of the service time (the
	// toolkit's own rule).
	patience = 0.75
)

// leastHeadroom is the share of the threshold without a request's CPU time that always counts as left for waiting. Handlers that wait for
// others for longer break the objective by that: with an exponential wait, a quarter of the requests and more would be slow however
// idle pods are, and more of these would not help.
const leastHeadroom = 0.25

// headroom is what a request may wait for a processor.
func (d demand) headroom() (left time.Duration, least bool) {
	left = d.threshold - d.serviceTime
	if always := time.Duration(leastHeadroom * float64(d.threshold-d.cpuTime)); always > 0 && left < always {
		return always, true
	}
	return left, false
}

// highestUtilization of a pod at which no more requests wait too long than the objective allows. Pods that share their queue are the
// servers of one; how many there are at least is certain, and the patience with which a request waits for its own pod narrows the
// headroom.
func (d demand) highestUtilization() float64 {
	left, _ := d.headroom()
	alone := highestUtilization(d.servers, 1-d.percentile, left, d.cpuTime)
	if !d.queueShared {
		return alone
	}
	servers := min(d.servers*int(max(d.sharing, fewestSharing)), mostServers)
	waits := time.Duration(patience * float64(d.serviceTime))
	return max(alone, highestUtilization(servers, 1-d.percentile, left-waits, d.cpuTime))
}

// mostCPUTarget in percent.
func (d demand) mostCPUTarget() int32 {
	if d.queueShared {
		return maxSharedCPUTarget
	}
	return maxCPUTarget
}

// sharesItsQueue says so, for reasons.
func (d demand) sharesItsQueue() string {
	if !d.queueShared {
		return ""
	}
	return fmt.Sprintf(" in one queue of %d pods or more", max(d.sharing, fewestSharing))
}

// planUtilization sets how busy a pod may be, and how many requests are then in progress in it, by Little's law, L = λ·W.
func (p *Plan) planUtilization(spec *v1alpha1.GoServiceSpec, d demand) {
	if spec.SLO == nil && !p.Autoscaled {
		return
	}
	utilization := Figure[float64]{defaultCPUTarget / 100.0, fmt.Sprintf("spec.slo.latency is not set; %d%% leaves room while pods start", defaultCPUTarget)}
	switch {
	case p.CPUTarget != nil:
		utilization = Figure[float64]{float64(p.CPUTarget.Value) / 100, "same as cpuTarget: " + p.CPUTarget.Reason}
	case d.threshold > 0:
		most := d.mostCPUTarget()
		highest := min(max(d.highestUtilization(), minCPUTarget/100.0), float64(most)/100)
		utilization = Figure[float64]{math.Floor(highest*100) / 100, fmt.Sprintf("above this, waiting breaks %s at p%s with %s; limited to %d to %d%%",
			readable(d.threshold), shortest(d.percentile*100), d.source(), minCPUTarget, most)}
	}
	utilization.Reason += p.largerPods(spec, d)
	p.Utilization = &utilization
	perPod := capacityAt(d, utilization.Value)
	p.Concurrency = &Figure[float64]{
		perPod * d.serviceTime.Seconds(),
		fmt.Sprintf("%s req/s per pod at %d%%, %s (Little's law)", shortest(perPod), percentOf(utilization.Value), d.source()),
	}
}

func percentOf(share float64) int32 { return int32(math.Round(share * 100)) }

// planHistogram says in which buckets the pods count durations.
func (p *Plan) planHistogram(d demand) {
	p.Histogram = Figure[Boundaries]{
		Boundaries{First: firstBoundary, Last: lastBoundary}, "the boundaries that OpenTelemetry recommends, and finer ones below 5ms",
	}
	if d.threshold > 0 {
		p.Histogram = Figure[Boundaries]{
			Boundaries{min(firstBoundary, d.threshold), max(lastBoundary, d.threshold), d.threshold},
			"slow requests are counted at exactly the threshold, without interpolation; the others are those that OpenTelemetry recommends",
		}
	}
}

// Boundaries of a histogram of durations.
type Boundaries struct {
	First, Last time.Duration
	// Exact is the one at the latency threshold; 0 without one.
	Exact time.Duration
}

func (b Boundaries) String() string {
	text := fmt.Sprintf("%s to %s", readable(b.First), readable(b.Last))
	if b.Exact > 0 {
		text += ", one at exactly " + readable(b.Exact)
	}
	return text
}
