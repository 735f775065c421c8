// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/confirm"
	"goservice.dev/operator/controllers/tuner"
)

func TestStatusSaysWhatWasMeasured(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	objectives := &v1alpha1.SLOSpec{Availability: "99.9", Latency: &v1alpha1.LatencyObjective{Percentile: "99"}}
	for name, c := range map[string]struct {
		outcome   *tuner.Outcome
		idle      bool // no pod runs
		measured  metav1.ConditionStatus
		met       metav1.ConditionStatus
		reason    string
		slo       *v1alpha1.SLOStatus
		decisions int
	}{
		"nothing where tuning is off": {},
		"not yet":                     {outcome: &tuner.Outcome{Early: true}, measured: "Unknown", met: "Unknown", reason: "NotMeasured"},
		"no pod runs":                 {outcome: &tuner.Outcome{Early: true}, idle: true, measured: "False", met: "Unknown", reason: "NotMeasured"},
		"pods do not answer":          {outcome: &tuner.Outcome{Problem: "pod a: refused"}, measured: "False", met: "Unknown", reason: "NotMeasured"},
		"no Prometheus":               {outcome: &tuner.Outcome{NoPrometheus: true}, measured: "False", met: "Unknown", reason: "NotMeasured"},
		"no traffic":                  {outcome: &tuner.Outcome{Measured: true}, measured: "True", met: "Unknown", reason: "NoTraffic"},
		"objectives hold": {
			outcome: &tuner.Outcome{
				Measured: true, Since: at, Tally: tuner.Tally{Total: 100000, Failed: 10, Slow: 100}, BudgetLeft: 0.9, P99: 41234567 * time.Nanosecond,
				History: []tuner.Change{{At: at, What: "replica floor", From: "2", To: "5", Reason: "demand", Turned: true}},
			},
			measured: "True", met: "True", reason: "Met", decisions: 1,
			slo: &v1alpha1.SLOStatus{
				MeasuredSince: metav1.NewTime(at), Availability: "99.99%", FastEnough: "99.899%", P99: "41.234567ms", ErrorBudgetLeft: "90%",
			},
		},
		"objectives are missed": {
			outcome:  &tuner.Outcome{Measured: true, Since: at, Tally: tuner.Tally{Total: 100, Failed: 50}, BudgetLeft: -499, Burning: true},
			measured: "True", met: "False", reason: "Missed",
			slo: &v1alpha1.SLOStatus{MeasuredSince: metav1.NewTime(at), Availability: "50%", FastEnough: "100%", ErrorBudgetLeft: "-49900%"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := Situation{Service: &v1alpha1.GoService{Spec: v1alpha1.GoServiceSpec{SLO: objectives}}, Outcome: c.outcome}
			if !c.idle {
				s.Observed.Tunable = []confirm.Pod{{Name: "a"}}
			}
			found := map[string]metav1.Condition{}
			for _, condition := range s.conditions(nil) {
				found[condition.Type] = condition
			}
			status := v1alpha1.GoServiceStatus{SLO: s.sloStatus(), Decisions: s.decisions()}
			if found[v1alpha1.ConditionMeasured].Status != c.measured || found[v1alpha1.ConditionSLOMet].Status != c.met ||
				found[v1alpha1.ConditionSLOMet].Reason != c.reason {
				t.Errorf("conditions: %+v", found)
			}
			if diff := cmp.Diff(c.slo, status.SLO, cmpopts.IgnoreFields(v1alpha1.SLOStatus{}, "P99")); diff != "" {
				t.Errorf("slo (-want +got):\n%s", diff)
			}
			if len(status.Decisions) != c.decisions {
				t.Errorf("decisions: %+v", status.Decisions)
			}
			if events := Decided(nil, c.outcome); len(events) != c.decisions {
				t.Errorf("events: %+v", events)
			}
			if events := Decided(status.Decisions, c.outcome); len(events) != 0 {
				t.Errorf("told again: %+v", events)
			}
		})
	}
}
