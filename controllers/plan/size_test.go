// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package plan

import (
	"math"
	"strings"
	"testing"
	"time"

	"goservice.dev/operator/api/v1alpha1"
)

func TestThePlanSaysWhereFewerLargerPodsAreCheaper(t *testing.T) {
	const ms = time.Millisecond
	peaking := func(spec *v1alpha1.GoServiceSpec, peak int32) *v1alpha1.GoServiceSpec {
		spec.SLO.Load = load(peak)
		return spec
	}
	unlimited := func(spec *v1alpha1.GoServiceSpec) *v1alpha1.GoServiceSpec {
		spec.Resources.Limits = nil
		return spec
	}
	for name, c := range map[string]struct {
		spec     *v1alpha1.GoServiceSpec
		observed Observed
		want     string
	}{
		"pods of one core with little room for waiting": {served(100*ms, "1", 0, 0), costs(10*ms, 10*ms, false),
			"; pods of 2 cores could be 72% busy: a load that needs 6 or more of the present ones would need 24% fewer cores"},
		"the share of a core that a pod asks for": {unlimited(served(100*ms, "500m", 0, 0)), costs(10*ms, 10*ms, false),
			"; pods of 2 cores could be 72% busy: a load that needs 11 or more of the present ones would need 24% fewer cores"},
		"a tight threshold asks for large ones": {served(60*ms, "1", 0, 0), costs(10*ms, 10*ms, false),
			"; pods of 4 cores could be 72% busy: a load that needs 19 or more of the present ones would need 57% fewer cores"},
		"pods that share their queue are nearly as one": {served(100*ms, "1", 4, 0), costs(10*ms, 10*ms, true), ""},
		"already as busy as pods may be":                {served(200*ms, "2", 0, 0), costs(10*ms, 5*ms, false), ""},
		"nothing measured":                              {served(100*ms, "1", 0, 0), Observed{}, ""},
		"set by hand":                                   {served(100*ms, "1", 0, 50), costs(10*ms, 10*ms, false), ""},
		"a peak that a few of the present ones serve":   {peaking(served(100*ms, "1", 0, 0), 250), costs(10*ms, 10*ms, false), ""},
		"a peak that needs many": {peaking(served(100*ms, "1", 0, 0), 1000), costs(10*ms, 10*ms, false),
			"; pods of 2 cores could be 72% busy: a load that needs 6 or more of the present ones would need 24% fewer cores"},
	} {
		t.Run(name, func(t *testing.T) {
			reason := Compute(c.spec, c.observed).Utilization.Reason
			_, got, said := strings.Cut(reason, "; pods of")
			if said {
				got = "; pods of" + got
			}
			if got != c.want {
				t.Errorf("the plan says %q,\nwant %q\nin %q", got, c.want, reason)
			}
		})
	}
}

// What the sentence says must be what the plan of the larger pods does, for a load of the least that it names.
func TestLargerPodsSaveWhatThePlanSays(t *testing.T) {
	const ms = time.Millisecond
	cost := costs(10*ms, 10*ms, false)
	now, larger := Compute(served(100*ms, "1", 0, 0), cost), Compute(served(100*ms, "2", 0, 0), cost)
	cores := func(p Plan, each, load float64) float64 {
		pods := math.Ceil(load / (each * float64(p.CPUTarget.Value) / 100))
		return each * max(pods, float64(p.Replicas.Value.Min))
	}
	for pods := 6.0; pods < 200; pods++ {
		load := pods * float64(now.CPUTarget.Value) / 100
		is, would := cores(now, 1, load), cores(larger, 2, load)
		const aPod = 2 // the last one may be hardly used
		if would > is*(1-0.23)+aPod {
			t.Errorf("%v pods of one core, and %v cores in pods of two", is, would)
		}
	}
}
