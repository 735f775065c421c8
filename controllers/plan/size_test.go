// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package plan

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"goservice.dev/operator/api/v1alpha1"
)

func TestThePlanSaysWhereFewerLargerPodsAreCheaper(t *testing.T) {
	const ms = time.Millisecond
	changed := func(spec *v1alpha1.GoServiceSpec, change func(*v1alpha1.GoServiceSpec)) *v1alpha1.GoServiceSpec {
		change(spec)
		return spec
	}
	alone := costs(10*ms, 10*ms, false)
	for name, c := range map[string]struct {
		spec     *v1alpha1.GoServiceSpec
		observed Observed
		want     string
	}{
		"pods of one core with little room for waiting": {served(100*ms, "1", 5, 0), alone,
			"; pods of 2 cores could be 72% busy: a load that needs 12 or more of the present ones would need about 24% fewer cores"},
		"the share of a core that a pod asks for": {changed(served(100*ms, "500m", 0, 0), func(s *v1alpha1.GoServiceSpec) { s.Resources.Limits, s.SLO.Load = nil, load(2000) }), alone,
			"; pods of 2 cores could be 72% busy: a load that needs 28 or more of the present ones would need about 24% fewer cores"},
		"of sizes that are nearly as good, the smallest": {served(83*ms, "1", 10, 0), alone,
			"; pods of 2 cores could be 71% busy: a load that needs 25 or more of the present ones would need about 34% fewer cores"},
		"the limit that pods have already": {changed(served(100*ms, "1", 10, 0), func(s *v1alpha1.GoServiceSpec) { s.Resources.Limits = quantities("cpu", "4") }), alone, ""},
		"pods that share their queue":      {served(100*ms, "1", 2, 0), costs(10*ms, 10*ms, true), ""},
		"already as busy as pods may be":   {served(200*ms, "2", 10, 0), costs(10*ms, 5*ms, false), ""},
		"nothing measured":                 {served(100*ms, "1", 10, 0), Observed{}, ""},
		"set by hand":                      {served(100*ms, "1", 10, 50), alone, ""},
		"fewer pods allowed":               {served(100*ms, "1", 2, 0), alone, ""},
		"switched off":                     {changed(served(100*ms, "1", 10, 0), func(s *v1alpha1.GoServiceSpec) { s.Replicas = new(int32) }), alone, ""},
		"somebody else scales":             {changed(served(100*ms, "1", 10, 0), func(s *v1alpha1.GoServiceSpec) { s.Autoscaling.Mode = v1alpha1.AutoscalingExternal }), alone, ""},
		"measurements have lowered the target": {served(100*ms, "1", 10, 0), Observed{ServiceTime: 10 * ms, CPUTime: 10 * ms,
			Tuned: Tuned{Utilization: &Figure[float64]{Value: 0.4}}}, ""},
		"a peak that a few of the present ones serve": {changed(served(100*ms, "1", 0, 0), func(s *v1alpha1.GoServiceSpec) { s.SLO.Load = load(250) }), alone, ""},
		"a peak that needs many": {changed(served(100*ms, "1", 0, 0), func(s *v1alpha1.GoServiceSpec) { s.SLO.Load = load(1000) }), alone,
			"; pods of 2 cores could be 72% busy: a load that needs 12 or more of the present ones would need about 24% fewer cores"},
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

// What the sentence says must be what the plan of the larger pods does, for each load that it names: in whole pods, at least half of it.
func TestLargerPodsSaveWhatThePlanSays(t *testing.T) {
	advice := regexp.MustCompile(`pods of (\d+) cores could be (\d+)% busy: a load that needs (\d+) or more of the present ones would need about (\d+)% fewer cores`)
	said := 0
	for _, cores := range []int{1, 2, 4} {
		for threshold := 30; threshold <= 200; threshold += 5 {
			cost := costs(10*time.Millisecond, 10*time.Millisecond, false)
			spec := func(cores string) *v1alpha1.GoServiceSpec {
				return served(time.Duration(threshold)*time.Millisecond, cores, 20, 0)
			}
			now := Compute(spec(strconv.Itoa(cores)), cost)
			text := advice.FindStringSubmatch(now.Utilization.Reason)
			if text == nil {
				continue
			}
			said++
			number := func(field int) float64 {
				n, err := strconv.ParseFloat(text[field], 64)
				if err != nil {
					t.Fatal(err)
				}
				return n
			}
			larger := Compute(spec(text[1]), cost)
			if float64(larger.CPUTarget.Value) != number(2) {
				t.Errorf("pods of %s cores may be %d%% busy: %s", text[1], larger.CPUTarget.Value, text[0])
			}
			for pods := number(3); pods <= float64(now.Replicas.Value.Max); pods++ {
				load := pods * float64(cores) * float64(now.CPUTarget.Value)
				needed := max(math.Ceil(load/(number(1)*float64(larger.CPUTarget.Value))-1e-9), float64(larger.Replicas.Value.Min))
				if saved := 100 * (1 - needed*number(1)/(pods*float64(cores))); saved < (number(4)-1)/2 {
					t.Errorf("%v pods of %d cores, or %v: %.0f%% fewer: %s", pods, cores, needed, saved, text[0])
				}
			}
		}
	}
	if said < 10 {
		t.Errorf("it was said only %d times", said)
	}
}
