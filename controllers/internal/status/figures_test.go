// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
	"goservice.dev/operator/controllers/tuner"
)

func TestFiguresAreThePlansNumbers(t *testing.T) {
	s := serving()
	s.Service.Spec.SLO = &v1alpha1.SLOSpec{Latency: &v1alpha1.LatencyObjective{Threshold: metav1.Duration{Duration: 50 * time.Millisecond}, Percentile: "99"}}
	figure := func(f float64) *plan.Figure[float64] { return &plan.Figure[float64]{Value: f} }
	whole := func(n int32) *plan.Figure[int32] { return &plan.Figure[int32]{Value: n} }
	duration := func(d time.Duration) plan.Figure[time.Duration] { return plan.Figure[time.Duration]{Value: d} }
	s.Plan = plan.Plan{
		OnToolkit: true, Autoscaled: true, Replicas: plan.Figure[plan.Range]{Value: plan.Range{Min: 2, Max: 9}}, ReplicaFloor: *whole(4),
		ScaleDownWindow: duration(5 * time.Minute), CPUTarget: whole(55), Utilization: figure(0.72), ScaleUpTolerance: figure(0.05),
		Workers: *whole(8), QueueDepth: *whole(16), QueueTimeout: duration(12500 * time.Microsecond), RequestTimeout: duration(5 * time.Second),
		PreStopDelay: duration(5 * time.Second), DrainTimeout: duration(10 * time.Second), GracePeriod: duration(20 * time.Second),
		MemoryLimitBytes: &plan.Figure[int64]{Value: 200 << 20}, GOGC: whole(120),
		SharePerPod: &plan.Figure[plan.Share]{Value: plan.Share{RequestsPerSecond: 2000.0 / 3}},
	}
	s.Outcome = &tuner.Outcome{Measured: true, Tally: tuner.Tally{Total: 100000, Failed: 12, Slow: 250}, BudgetLeft: 0.876, P99: 41234 * time.Microsecond}
	want := &v1alpha1.FiguresStatus{
		MinReplicas: 2, MaxReplicas: 9, WantedReplicas: 2, AvailableReplicas: 2, ReplicaFloor: new(int32(4)),
		CPUTargetPercent: new(int32(55)), UtilizationPermille: new(int32(720)), ScaleUpTolerancePermille: new(int32(50)), ScaleDownWindowSeconds: new(int32(300)),
		WorkersPerPod: new(int32(8)), QueueDepthPerPod: new(int32(16)), QueueTimeoutMicroseconds: new(int64(12500)), RequestTimeoutMicroseconds: new(int64(5_000_000)),
		PreStopDelaySeconds: 5, DrainTimeoutSeconds: 10, GracePeriodSeconds: 20, GOGCPercent: new(int32(120)), MemoryLimitBytes: new(int64(200 << 20)),
		SharedRequestsPerSecond: new(int32(100)), MilliRequestsPerSecondPerPod: new(int64(666_667)), MeasuredRequests: new(int64(100_000)),
		AvailabilityPartsPerMillion: new(int32(999_880)), FastEnoughPartsPerMillion: new(int32(997_499)), ErrorBudgetLeftPermille: new(int64(870)),
		P99Microseconds: new(int64(41_234)),
	}
	status := computed(s)
	if diff := cmp.Diff(want, status.Figures); diff != "" {
		t.Errorf("figures (-want +got):\n%s", diff)
	}

	// A p99 that moved by less than a tenth is no news.
	s.Service.Status = status
	s.Outcome.P99 = 44 * time.Millisecond
	if got := computed(s); *got.Figures.P99Microseconds != 41_234 || got.SLO.P99 != status.SLO.P99 {
		t.Errorf("p99 %d µs, %s", *got.Figures.P99Microseconds, got.SLO.P99)
	}
	s.Outcome.P99 = 46 * time.Millisecond
	if got := computed(s); *got.Figures.P99Microseconds != 46_000 || got.SLO.P99 != "46ms" {
		t.Errorf("p99 %d µs, %s", *got.Figures.P99Microseconds, got.SLO.P99)
	}

	s.Plan.PodShares = map[string]plan.Share{"a": {RequestsPerSecond: 100}, "b": {RequestsPerSecond: 300}}
	s.Outcome = nil
	if got := computed(s).Figures; *got.MilliRequestsPerSecondPerPod != 200_000 || got.AvailabilityPartsPerMillion != nil || got.P99Microseconds != nil {
		t.Errorf("figures of unequal parts, without measurements: %+v", got)
	}
}

func TestAFloorThatIsTheMinimumIsNotShown(t *testing.T) {
	s := serving()
	for floor, shown := range map[int32]bool{1: false, 2: false, 3: true} {
		s.Plan.ReplicaFloor.Value = floor
		if got := s.figures().ReplicaFloor; (got != nil) != shown || shown && *got != floor {
			t.Errorf("a floor of %d is shown as %v", floor, got)
		}
	}
}
