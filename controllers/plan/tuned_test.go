// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package plan

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
)

// Whoever sets the collector's pace by hand, in one way or the other, keeps it.
func TestMeasurementsLeaveTheUsersGOGCAlone(t *testing.T) {
	const measured, own = 400, 150
	for name, c := range map[string]struct {
		spec v1alpha1.GoServiceSpec
		want int32
	}{
		"nothing set":     {v1alpha1.GoServiceSpec{Env: []v1alpha1.EnvVar{{Name: "GOGCX", Value: "off"}}}, measured},
		"by the field":    {v1alpha1.GoServiceSpec{Runtime: &v1alpha1.RuntimeSpec{GOGC: new(int32(own))}}, own},
		"by the variable": {v1alpha1.GoServiceSpec{Env: []v1alpha1.EnvVar{{Name: "GOGC", Value: "off"}}}, 0},
		"by both": {v1alpha1.GoServiceSpec{
			Env: []v1alpha1.EnvVar{{Name: "GOGC", Value: "off"}}, Runtime: &v1alpha1.RuntimeSpec{GOGC: new(int32(own))},
		}, own},
	} {
		spec := c.spec
		spec.SLO = &v1alpha1.SLOSpec{Availability: "99.9"}
		got := Compute(&spec, Observed{Tuned: Tuned{GOGC: &Figure[int32]{measured, "measured"}}}).GOGC
		if got == nil && c.want != 0 || got != nil && got.Value != c.want {
			t.Errorf("%s: GOGC %+v, want %d", name, got, c.want)
		}
		if fixed := GOGCIsFixed(&spec); fixed != (c.want != measured) {
			t.Errorf("%s: fixed: %t", name, fixed)
		}
	}
}

// Where measurements hold pods, the autoscaler's own window would only hold them again.
func TestAMeasuredFloorHoldsPodsInsteadOfTheWindow(t *testing.T) {
	scaled := v1alpha1.GoServiceSpec{Autoscaling: &v1alpha1.AutoscalingSpec{}}
	floor := Tuned{ReplicaFloor: &Figure[int32]{5, "measured"}}
	for name, c := range map[string]struct {
		spec v1alpha1.GoServiceSpec
		seen Observed
		want time.Duration
	}{
		"nothing measured":       {scaled, Observed{}, time.Minute},
		"a cost alone":           {scaled, Observed{CPUTime: time.Millisecond}, time.Minute},
		"a floor that was found": {scaled, Observed{Tuned: floor}, time.Minute},
		"a floor by CPU":         {scaled, Observed{Tuned: floor, CPUTime: time.Millisecond}, 15 * time.Second},
		"a floor by workers":     {scaled, Observed{Tuned: floor, ServiceTime: time.Millisecond}, 15 * time.Second},
		"nothing is autoscaled":  {v1alpha1.GoServiceSpec{}, Observed{Tuned: floor, CPUTime: time.Millisecond}, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Compute(&c.spec, c.seen).ScaleDownWindow; got.Value != c.want || got.Reason == "" {
				t.Errorf("window %+v, want %s", got, c.want)
			}
		})
	}
}

// Measurements take the place of the bound for what is not known, not of the queueing formula; and what they use is not tolerated again.
func TestATargetAboveThePlans(t *testing.T) {
	for name, c := range map[string]struct {
		threshold         time.Duration
		utilization       float64
		target            int32
		tolerance         float64
		targetOfNoMeasure int32
	}{
		"nothing measured":         {time.Second, 0, 72, 0.1, 72},
		"less":                     {time.Second, 0.6, 60, 0.1, 72},
		"as much":                  {time.Second, 0.72, 72, 0.1, 72},
		"more":                     {time.Second, 0.8, 80, 0.03, 72},
		"the most":                 {time.Second, 0.85, 85, 0.03, 72},
		"more than the most":       {time.Second, 0.86, 72, 0.1, 72},
		"more than by the formula": {20 * time.Millisecond, 0.8, 30, 0.03, 30},
		"that of another plan":     {20 * time.Millisecond, 0.72, 30, 0.03, 30},
	} {
		t.Run(name, func(t *testing.T) {
			spec := v1alpha1.GoServiceSpec{
				SLO:       &v1alpha1.SLOSpec{Latency: &v1alpha1.LatencyObjective{Threshold: metav1.Duration{Duration: c.threshold}, Percentile: "99"}},
				Resources: &v1alpha1.ResourcesSpec{Requests: quantities("cpu", "1"), Limits: quantities("cpu", "1")},
			}
			seen := Observed{ServiceTime: 5 * time.Millisecond, CPUTime: 5 * time.Millisecond}
			if got := Compute(&spec, seen).CPUTarget.Value; got != c.targetOfNoMeasure {
				t.Fatalf("target %d%% without measurements, want %d%%", got, c.targetOfNoMeasure)
			}
			seen.Tuned.Utilization = &Figure[float64]{c.utilization, "measured"}
			p := Compute(&spec, seen)
			if p.CPUTarget.Value != c.target || p.ScaleUpTolerance.Value != c.tolerance {
				t.Errorf("target %d%%, tolerance %v; want %d%%, %v", p.CPUTarget.Value, p.ScaleUpTolerance.Value, c.target, c.tolerance)
			}
		})
	}
}
