// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/confirm"
	"goservice.dev/operator/controllers/plan"
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
		"nothing is judged by a new threshold": {
			outcome:  &tuner.Outcome{Measured: true, Since: at, Tally: tuner.Tally{Total: 100, Failed: 1, Unjudged: 99}, BudgetLeft: 0.5},
			measured: "True", met: "True", reason: "Met",
			slo: &v1alpha1.SLOStatus{MeasuredSince: metav1.NewTime(at), Availability: "99%", ErrorBudgetLeft: "50%"},
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

// What is said of measuring, word for word.
func TestWhatIsSaidOfMeasuring(t *testing.T) {
	const fewPods = "fewer than half of the pods answer on port 9100; scale-in is paused until they do"
	cases := map[string]struct {
		source  v1alpha1.TuningSource
		outcome tuner.Outcome
		idle    bool
		want    map[string]string
	}{
		"pods answer": {outcome: tuner.Outcome{Measured: true}, want: map[string]string{
			"Measured": "True Measured: pods report metrics", "SLOMet": "Unknown NoTraffic: no requests received yet",
		}},
		"a tenth of a request": {outcome: tuner.Outcome{Measured: true, Tally: tuner.Tally{Total: 0.9}}, want: map[string]string{
			"SLOMet": "Unknown NoTraffic: no requests received yet",
		}},
		"a request": {outcome: tuner.Outcome{Measured: true, Tally: tuner.Tally{Total: 1}, BudgetLeft: 1}, want: map[string]string{
			"SLOMet": "True Met: the objectives were met over the last minute; error budget left: 100%",
		}},
		"too many bad ones": {outcome: tuner.Outcome{Measured: true, Tally: tuner.Tally{Total: 9}, BudgetLeft: 0.255, Burning: true}, want: map[string]string{
			"SLOMet": "False Missed: the objectives were missed over the last minute: too many requests were slow or failed; error budget left: 25%",
		}},
		"Prometheus answers": {source: v1alpha1.SourcePrometheus, outcome: tuner.Outcome{Measured: true}, want: map[string]string{
			"Measured": "True Measured: Prometheus has the pods' metrics",
		}},
		"no Prometheus": {source: v1alpha1.SourcePrometheus, outcome: tuner.Outcome{NoPrometheus: true, Measured: true}, want: map[string]string{
			"Measured": "False NoPrometheus: spec.tuning.source is Prometheus, but the operator runs without one; start it with --prometheus-address or set spec.tuning.source to Pods",
		}},
		"no pods": {outcome: tuner.Outcome{Early: true}, idle: true, want: map[string]string{
			"Measured": "False NotMeasured: no pod runs", "SLOMet": "Unknown NotMeasured: nothing is measured",
		}},
		"the beginning": {outcome: tuner.Outcome{Early: true}, want: map[string]string{
			"Measured": "Unknown Measuring: waiting for the first measurements", "SLOMet": "Unknown NotMeasured: nothing is measured",
		}},
		"few pods answer": {want: map[string]string{"Measured": "False NotMeasured: " + fewPods}},
		"why they do not": {outcome: tuner.Outcome{Problem: "pod a:\nrefused"}, want: map[string]string{"Measured": "False NotMeasured: " + fewPods + ": pod a: refused"}},
		"Prometheus has few of them": {source: v1alpha1.SourcePrometheus, want: map[string]string{
			"Measured": "False NotMeasured: Prometheus has the metrics of fewer than half of the pods; scale-in is paused until it has more",
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := serving()
			s.Service.Spec.SLO = &v1alpha1.SLOSpec{Availability: "99"}
			if c.source != "" {
				s.Service.Spec.Tuning = &v1alpha1.TuningSpec{Source: c.source}
			}
			if !c.idle {
				s.Observed.Tunable = []confirm.Pod{{Name: "a"}}
			}
			s.Outcome = &c.outcome
			got := said(computed(s))
			for condition, want := range c.want {
				if got[condition] != want {
					t.Errorf("%s is\n%s, want\n%s", condition, got[condition], want)
				}
			}
		})
	}
}

// The newest decisions stay, ten of them, and those of a service that is no longer measured stay as they are.
func TestDecisionsInTheStatus(t *testing.T) {
	s := serving()
	s.Outcome = &tuner.Outcome{}
	for i := range 12 {
		s.Outcome.History = append(s.Outcome.History, tuner.Change{
			At: noon.Add(time.Duration(i)*time.Second + time.Millisecond), What: "floor", From: fmt.Sprint(i), To: fmt.Sprint(i + 1), Reason: strings.Repeat("r", 2000),
		})
	}
	if got := s.decisions(); got != nil {
		t.Errorf("without objectives: %+v", got)
	}
	s.Service.Spec.SLO = &v1alpha1.SLOSpec{}
	got := s.decisions()
	if len(got) != 10 || got[0].From != "2" || got[9].To != "12" || !got[9].At.Time.Equal(noon.Add(11*time.Second)) || len(got[9].Reason) != maxMessageLength {
		t.Errorf("%d decisions, the last at %s to %s", len(got), got[len(got)-1].At, got[len(got)-1].To)
	}
	s.Service.Status.Decisions, s.Outcome = got[:3], nil
	if kept := s.decisions(); len(kept) != 3 {
		t.Errorf("%d decisions are kept, want 3", len(kept))
	}
}

func TestSharesAndTimesAreRoundedToTheWorse(t *testing.T) {
	for part, want := range map[float64]string{1: "100%", 0.99999: "99.999%", 0.999999: "99.999%", 0.5: "50%", 0: "0%"} {
		if got := share(part); got != want {
			t.Errorf("%v is told as %s, want %s", part, got, want)
		}
	}
	for part, want := range map[float64]string{1: "100%", 0.999: "99%", 0: "0%", -0.001: "-1%"} {
		if got := percentText(part); got != want {
			t.Errorf("%v of the budget is told as %s, want %s", part, got, want)
		}
	}
	if microTime(time.Time{}) != nil {
		t.Error("no time is a time")
	}
	if got := microTime(noon.Add(1999 * time.Nanosecond)); !got.Time.Equal(noon.Add(time.Microsecond)) {
		t.Errorf("a time is %s", got)
	}
}

// Of a service that is not built on the toolkit, nothing is said of live settings, and what is measured otherwise is said once.
func TestWhatIsSaidOfAForeignService(t *testing.T) {
	for name, c := range map[string]struct {
		bound time.Duration
		want  string
	}{
		"an exact bucket": {0, "pods report metrics"},
		"the next bucket": {250 * time.Millisecond, "pods report metrics; latency is measured at 250ms, the next bucket above 200ms: " +
			"give http_request_duration_seconds a bucket at 0.2 seconds to measure it exactly"},
		"no bucket": {-200 * time.Millisecond, "pods report metrics; latency is not measured, as no bucket is at 200ms or up to twice that: " +
			"give http_request_duration_seconds a bucket at 0.2 seconds"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serving()
			s.Service.Spec.RateLimit = nil
			s.Service.Spec.Image = "registry.example/orders:1"
			s.Service.Spec.Observability = &v1alpha1.ObservabilitySpec{Metrics: &v1alpha1.MetricsSpec{Indicators: v1alpha1.IndicatorsPrometheus, Port: new(int32(2112))}}
			s.Service.Spec.SLO = &v1alpha1.SLOSpec{Latency: &v1alpha1.LatencyObjective{Threshold: metav1.Duration{Duration: 200 * time.Millisecond}}}
			s.Service.Status.LiveSettings = &v1alpha1.LiveSettingsStatus{Revision: "r1"}
			s.Service.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionTuned, Status: metav1.ConditionTrue, Reason: "Confirmed"}}
			s.Plan = plan.Compute(&s.Service.Spec, plan.Observed{})
			s.Confirmed = confirm.Result{}
			s.Observed.Tunable = []confirm.Pod{{Name: "a"}}
			s.Outcome = &tuner.Outcome{Measured: true, LatencyBound: c.bound}
			status := computed(s)
			got := said(status)
			if want := "True Measured: " + c.want; got[v1alpha1.ConditionMeasured] != want {
				t.Errorf("Measured is\n%s, want\n%s", got[v1alpha1.ConditionMeasured], want)
			}
			if tuned, is := got[v1alpha1.ConditionTuned]; is || status.LiveSettings != nil || status.Plan.Workers != nil || status.Figures.WorkersPerPod != nil || status.Summary.Tuned != "-" {
				t.Errorf("Tuned %q, live settings %+v, plan %+v", tuned, status.LiveSettings, status.Plan)
			}
			if !strings.HasPrefix(got[v1alpha1.ConditionReady], "True") {
				t.Errorf("Ready is %s", got[v1alpha1.ConditionReady])
			}
			s.Outcome = &tuner.Outcome{Problem: "pod a: refused"}
			if got := said(computed(s))[v1alpha1.ConditionMeasured]; !strings.Contains(got, "port 2112") {
				t.Errorf("Measured is %s", got)
			}
		})
	}
}

func TestMonitoringThatIsOff(t *testing.T) {
	s := serving()
	s.Service.Spec.Observability = &v1alpha1.ObservabilitySpec{Metrics: &v1alpha1.MetricsSpec{Enabled: new(false)}}
	if got, want := said(computed(s))[v1alpha1.ConditionMonitored], "True MetricsOff: observability.metrics.enabled is false: nothing is scraped, measured or watched"; got != want {
		t.Errorf("Monitored is %s, want %s", got, want)
	}
}
