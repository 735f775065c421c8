// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package plan

import (
	"testing"
	"time"

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
