// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"math"
	"time"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
)

// figures are the numbers of the plan and of what is measured, without words.
func (s Situation) figures() *v1alpha1.FiguresStatus {
	p := s.Plan
	f := &v1alpha1.FiguresStatus{
		MinReplicas: p.Replicas.Value.Min, MaxReplicas: p.Replicas.Value.Max,
		WantedReplicas: s.wantedReplicas(), AvailableReplicas: s.deploymentStatus().AvailableReplicas,
		PreStopDelaySeconds:      seconds(p.PreStopDelay.Value),
		DrainTimeoutSeconds:      seconds(p.DrainTimeout.Value),
		GracePeriodSeconds:       seconds(p.GracePeriod.Value),
		CPUTargetPercent:         value(p.CPUTarget),
		UtilizationPermille:      permille(p.Utilization),
		ScaleUpTolerancePermille: permille(p.ScaleUpTolerance),
		GOGCPercent:              value(p.GOGC),
		MemoryLimitBytes:         value(p.MemoryLimitBytes),
	}
	if p.OnToolkit {
		f.WorkersPerPod, f.QueueDepthPerPod = &p.Workers.Value, &p.QueueDepth.Value
		f.QueueTimeoutMicroseconds = new(p.QueueTimeout.Value.Microseconds())
		f.RequestTimeoutMicroseconds = new(p.RequestTimeout.Value.Microseconds())
	}
	if p.ReplicaFloor.Value > p.Replicas.Value.Min {
		f.ReplicaFloor = &p.ReplicaFloor.Value
	}
	if p.Autoscaled {
		f.ScaleDownWindowSeconds = new(seconds(p.ScaleDownWindow.Value))
	}
	if limit := plan.SharedLimit(&s.Service.Spec); limit > 0 {
		f.SharedRequestsPerSecond = new(int32(limit))
	}
	if p.SharePerPod != nil {
		f.MilliRequestsPerSecondPerPod = new(int64(math.Round(s.meanShare() * 1000)))
	}
	s.measuredFigures(f)
	return f
}

// meanShare is the part of the limit that a pod has, in requests per second.
func (s Situation) meanShare() float64 {
	if len(s.Plan.PodShares) == 0 {
		return s.Plan.SharePerPod.Value.RequestsPerSecond
	}
	sum := 0.0
	for _, share := range s.Plan.PodShares {
		sum += share.RequestsPerSecond
	}
	return sum / float64(len(s.Plan.PodShares))
}

// measuredFigures are absent where nothing is measured, as status.slo is.
func (s Situation) measuredFigures(f *v1alpha1.FiguresStatus) {
	o := s.Outcome
	if s.begins() {
		keepMeasured(f, s.Service.Status.Figures)
		return
	}
	if o == nil || o.Tally.Total < 1 {
		return
	}
	f.MeasuredRequests = new(int64(o.Tally.Total))
	f.AvailabilityPartsPerMillion = new(partsPerMillion(1 - o.Tally.FailedShare()))
	f.ErrorBudgetLeftPermille = new(int64(math.Floor(o.BudgetLeft*100)) * 10)
	if s.judgesLatency() {
		f.FastEnoughPartsPerMillion = new(partsPerMillion(1 - o.Tally.SlowShare()))
	}
	if p99 := s.p99(); p99 > 0 {
		f.P99Microseconds = new(p99.Microseconds())
	}
}

// keepMeasured takes the measured figures over from an earlier status.
func keepMeasured(f, was *v1alpha1.FiguresStatus) {
	if f == nil || was == nil {
		return
	}
	kept := was.DeepCopy()
	f.MeasuredRequests, f.AvailabilityPartsPerMillion, f.FastEnoughPartsPerMillion = kept.MeasuredRequests, kept.AvailabilityPartsPerMillion, kept.FastEnoughPartsPerMillion
	f.ErrorBudgetLeftPermille, f.P99Microseconds = kept.ErrorBudgetLeftPermille, kept.P99Microseconds
}

// p99 stays as it was told while it differs by less than a tenth: as an estimate from buckets it is no better than that, and
// each digit of it would be a write.
func (s Situation) p99() time.Duration {
	now := s.Outcome.P99.Round(max(s.Outcome.P99/100, time.Microsecond))
	if was := s.Service.Status.Figures; was != nil && was.P99Microseconds != nil {
		before := time.Duration(*was.P99Microseconds) * time.Microsecond
		if (now - before).Abs() < before/10 {
			return before
		}
	}
	return now
}

// partsPerMillion is rounded down: 999,999.9 is not everything.
func partsPerMillion(share float64) int32 { return int32(math.Floor(share * 1e6)) }

func seconds(d time.Duration) int32 { return int32(d / time.Second) }

func value[T any](figure *plan.Figure[T]) *T {
	if figure == nil {
		return nil
	}
	return &figure.Value
}

func permille(figure *plan.Figure[float64]) *int32 {
	if figure == nil {
		return nil
	}
	return new(int32(math.Round(figure.Value * 1000)))
}
