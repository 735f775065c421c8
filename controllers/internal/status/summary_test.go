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
)

func TestTheSummary(t *testing.T) {
	slo := &v1alpha1.SLOSpec{Availability: "99"}
	met := func(status metav1.ConditionStatus) []metav1.Condition {
		return []metav1.Condition{{Type: v1alpha1.ConditionSLOMet, Status: status}}
	}
	cases := map[string]struct {
		spec   v1alpha1.GoServiceSpec
		status v1alpha1.GoServiceStatus
		want   v1alpha1.StatusSummary
	}{
		"nothing":        {v1alpha1.GoServiceSpec{}, v1alpha1.GoServiceStatus{}, v1alpha1.StatusSummary{Replicas: "0/2", Tuned: "-", SLO: "-", Limit: "-"}},
		"ready":          {v1alpha1.GoServiceSpec{}, v1alpha1.GoServiceStatus{ReadyReplicas: 2}, v1alpha1.StatusSummary{Replicas: "2/2", Tuned: "-", SLO: "-", Limit: "-"}},
		"tuned":          {v1alpha1.GoServiceSpec{}, v1alpha1.GoServiceStatus{LiveSettings: &v1alpha1.LiveSettingsStatus{ConfirmedPods: 1, TotalPods: 3}}, v1alpha1.StatusSummary{Replicas: "0/2", Tuned: "1/3", SLO: "-", Limit: "-"}},
		"declared":       {v1alpha1.GoServiceSpec{SLO: slo}, v1alpha1.GoServiceStatus{}, v1alpha1.StatusSummary{Replicas: "0/2", Tuned: "-", SLO: "declared", Limit: "-"}},
		"met":            {v1alpha1.GoServiceSpec{SLO: slo}, v1alpha1.GoServiceStatus{Conditions: met(yes)}, v1alpha1.StatusSummary{Replicas: "0/2", Tuned: "-", SLO: "met", Limit: "-"}},
		"missed":         {v1alpha1.GoServiceSpec{SLO: slo}, v1alpha1.GoServiceStatus{Conditions: met(no)}, v1alpha1.StatusSummary{Replicas: "0/2", Tuned: "-", SLO: "missed", Limit: "-"}},
		"not known":      {v1alpha1.GoServiceSpec{SLO: slo}, v1alpha1.GoServiceStatus{Conditions: met(unknown)}, v1alpha1.StatusSummary{Replicas: "0/2", Tuned: "-", SLO: "declared", Limit: "-"}},
		"not declared":   {v1alpha1.GoServiceSpec{}, v1alpha1.GoServiceStatus{Conditions: met(yes)}, v1alpha1.StatusSummary{Replicas: "0/2", Tuned: "-", SLO: "-", Limit: "-"}},
		"a limit":        {v1alpha1.GoServiceSpec{RateLimit: &v1alpha1.RateLimitSpec{RequestsPerSecond: 7}}, v1alpha1.GoServiceStatus{}, v1alpha1.StatusSummary{Replicas: "0/2", Tuned: "-", SLO: "-", Limit: "7"}},
		"a limit of pod": {v1alpha1.GoServiceSpec{RateLimit: &v1alpha1.RateLimitSpec{RequestsPerSecond: 7, Scope: v1alpha1.ScopePod}}, v1alpha1.GoServiceStatus{}, v1alpha1.StatusSummary{Replicas: "0/2", Tuned: "-", SLO: "-", Limit: "7/pod"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := Situation{Service: &v1alpha1.GoService{Spec: c.spec}, Plan: plan.Plan{Replicas: plan.Figure[plan.Range]{Value: plan.Range{Min: 2, Max: 2}}}}
			if diff := cmp.Diff(c.want, s.summary(c.status)); diff != "" {
				t.Errorf("summary (-want +got):\n%s", diff)
			}
		})
	}
}

func TestThePodsThatAreWanted(t *testing.T) {
	s := serving()
	for _, c := range []struct {
		autoscaled bool
		min        int32
		spec       *int32
		want       int32
	}{{false, 2, new(int32(9)), 2}, {true, 2, new(int32(9)), 9}, {true, 2, new(int32(1)), 2}, {true, 2, nil, 2}} {
		s.Plan.Autoscaled, s.Plan.Replicas.Value.Min, s.Observed.Deployment.Spec.Replicas = c.autoscaled, c.min, c.spec
		if got := s.wantedReplicas(); got != c.want {
			t.Errorf("%+v: %d are wanted", c, got)
		}
	}
	s.Observed.Deployment = nil
	if got := s.wantedReplicas(); got != 2 {
		t.Errorf("without a Deployment, %d are wanted", got)
	}
}

// Times in statuses have whole seconds: the next look must not come before what it is for.
func TestTheNextLookComesAfterTheMoment(t *testing.T) {
	for _, c := range []struct {
		moments []time.Duration
		again   time.Duration
		reached bool
	}{
		{[]time.Duration{0}, 0, true}, {[]time.Duration{-time.Second}, 0, true}, {[]time.Duration{time.Second}, 2 * time.Second, false},
		{[]time.Duration{1500 * time.Millisecond}, 2 * time.Second, false}, {[]time.Duration{5 * time.Second, 3 * time.Second, 4 * time.Second}, 3 * time.Second, false},
	} {
		var next time.Time
		s := Situation{Now: metav1.NewTime(noon), next: &next}
		for _, moment := range c.moments {
			if got := s.reached(noon.Add(moment)); got != c.reached {
				t.Errorf("%s is reached: %t", moment, got)
			}
		}
		want := noon.Add(min(c.moments[0], c.moments[len(c.moments)-1]))
		if len(c.moments) > 1 {
			want = noon.Add(3 * time.Second)
		}
		if c.reached && !next.IsZero() || !c.reached && !next.Equal(want) {
			t.Errorf("after %v the next moment is %s", c.moments, next)
		}
	}
}
