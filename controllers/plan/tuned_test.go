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
	for name, c := range map[string]struct {
		spec  v1alpha1.GoServiceSpec
		tuned Tuned
		want  time.Duration
	}{
		"nothing measured": {scaled, Tuned{}, time.Minute},
		"a floor":          {scaled, Tuned{ReplicaFloor: &Figure[int32]{5, "measured"}}, 15 * time.Second},
		"nothing scaled":   {v1alpha1.GoServiceSpec{}, Tuned{ReplicaFloor: &Figure[int32]{5, "measured"}}, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Compute(&c.spec, Observed{Tuned: c.tuned}).ScaleDownWindow; got.Value != c.want || got.Reason == "" {
				t.Errorf("window %+v, want %s", got, c.want)
			}
		})
	}
}

// Above the plan's CPU target there is no room left that the autoscaler might tolerate.
func TestATargetAboveThePlansHasTheLeastTolerance(t *testing.T) {
	spec := v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Latency: &v1alpha1.LatencyObjective{
		Threshold: metav1.Duration{Duration: time.Second}, Percentile: "99",
	}}}
	for utilization, want := range map[float64]float64{0: 0.1, 0.6: 0.1, 0.72: 0.1, 0.8: 0.03, 0.85: 0.03, 0.9: 0.1} {
		p := Compute(&spec, Observed{ServiceTime: 5 * time.Millisecond, CPUTime: 5 * time.Millisecond, Tuned: Tuned{Utilization: &Figure[float64]{utilization, "measured"}}})
		if p.ScaleUpTolerance.Value != want {
			t.Errorf("tolerance %+v at %v, want %v", p.ScaleUpTolerance, utilization, want)
		}
	}
}
