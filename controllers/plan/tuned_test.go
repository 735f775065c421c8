// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package plan

import (
	"testing"

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
