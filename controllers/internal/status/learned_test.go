// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
	"goservice.dev/operator/controllers/tuner"
)

// measuredAt is a situation with an slo under load some time after noon: requests, one of a hundred of them failed.
func measuredAt(after time.Duration, requests float64) Situation {
	s := serving()
	s.Service.Spec.SLO = &v1alpha1.SLOSpec{Availability: "99"}
	s.Now = metav1.NewTime(noon.Add(after))
	tally := tuner.Tally{Total: requests, Failed: requests / 100}
	s.Outcome = &tuner.Outcome{
		Measured: true, Since: noon, Tally: tally, P99: time.Millisecond + after/1000, BudgetLeft: 1 - requests/1e6,
		Learned: tuner.Learned{
			At: noon, Cost: tuner.Cost{CPUTime: time.Millisecond},
			Tuned:  plan.Tuned{ReplicaFloor: &plan.Figure[int32]{Value: 3}},
			Budget: []tuner.Interval{{Start: noon, Tally: tally}},
		},
	}
	return s
}

// The budget and the p99 move with every request; that alone is written once in five minutes.
func TestDriftAloneIsWrittenRarely(t *testing.T) {
	first := computed(measuredAt(0, 1000))
	at := func(after time.Duration, requests float64, change func(*Situation)) v1alpha1.GoServiceStatus {
		s := measuredAt(after, requests)
		s.Service.Status = *first.DeepCopy()
		change(&s)
		return computed(s)
	}
	nothing := func(*Situation) {}
	if diff := cmp.Diff(first, at(tuner.DriftPeriod-time.Second, 900_000, nothing)); diff != "" {
		t.Errorf("soon after (-before +after):\n%s", diff)
	}
	started := func(s *Situation) { s.Outcome.Learned.Startups = []time.Duration{7 * time.Second} }
	if diff := cmp.Diff(first, at(time.Second, 1000, started)); diff != "" {
		t.Errorf("a pod has started (-before +after):\n%s", diff)
	}
	later := at(tuner.DriftPeriod, 900_000, nothing)
	if later.SLO.ErrorBudgetLeft == first.SLO.ErrorBudgetLeft || later.Learned.Budget[0].Total != 900_000 || later.Learned.At.Equal(&first.Learned.At) {
		t.Errorf("after the period: %+v, learned %+v", later.SLO, later.Learned)
	}
	if diff := cmp.Diff(first, at(24*time.Hour, 1000, func(s *Situation) { s.Outcome.P99, s.Outcome.BudgetLeft = time.Millisecond, 0.999 })); diff != "" {
		t.Errorf("a day without requests (-before +after):\n%s", diff)
	}
	if ahead := at(-tuner.DriftPeriod, 2000, nothing); ahead.Learned.Budget[0].Total != 2000 {
		t.Errorf("written by a clock that was ahead: learned %+v", ahead.Learned)
	}
	decided := at(time.Second, 2000, func(s *Situation) { s.Outcome.Learned.Tuned.ReplicaFloor.Value = 4 })
	if decided.Learned.Floor != 4 || decided.Learned.Budget[0].Total != 2000 {
		t.Errorf("with a decision: learned %+v", decided.Learned)
	}
}

// What an earlier operator said stands until this one has measured, or has tried for long enough.
func TestAnEarlierOperatorsWordStands(t *testing.T) {
	first := computed(measuredAt(0, 1000))
	for name, c := range map[string]struct {
		early bool
		want  string
	}{"at first": {true, v1alpha1.ReasonMeasured}, "when nothing answers": {false, v1alpha1.ReasonNotMeasured}} {
		t.Run(name, func(t *testing.T) {
			s := measuredAt(time.Minute, 1000)
			s.Service.Status = *first.DeepCopy()
			s.Outcome.Measured, s.Outcome.Early = false, c.early
			s.Observed.Tunable = append(s.Observed.Tunable, s.Observed.Tunable...)
			got := computed(s)
			reason := ""
			for _, condition := range got.Conditions {
				if condition.Type == v1alpha1.ConditionMeasured {
					reason = condition.Reason
				}
			}
			if reason != c.want || got.Learned == nil || got.Learned.Floor != 3 {
				t.Errorf("Measured is %s, learned %+v", reason, got.Learned)
			}
		})
	}
}

// With tuning switched off the cost and the budget stay, and what is not in force does not.
func TestLearnedWithoutMeasuring(t *testing.T) {
	s := measuredAt(time.Minute, 1000)
	before := measuredAt(0, 1000)
	before.Outcome.Learned.Startups, before.Outcome.Learned.Threshold = []time.Duration{7 * time.Second}, 50*time.Millisecond
	s.Service.Status = computed(before)
	s.Outcome = nil
	got := computed(s).Learned
	if got == nil || !slices.Equal(got.StartupSeconds, []int32{7}) || got.CPUNanoseconds != int64(time.Millisecond) || len(got.Budget) != 1 || got.ThresholdNanoseconds != 50_000_000 || got.Floor != 0 {
		t.Errorf("learned %+v", got)
	}
	s.Service.Spec.SLO = nil
	if got := computed(s); got.Learned != nil || got.Decisions != nil {
		t.Errorf("without objectives: learned %+v, decisions %+v", got.Learned, got.Decisions)
	}
}
