// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/confirm"
	"goservice.dev/operator/controllers/plan"
	"goservice.dev/operator/controllers/tuner"
)

// Which news of a condition is an event, of which kind, and whether the same may come again soon.
func TestWhichConditionsAreEvents(t *testing.T) {
	condition := func(kind string, status metav1.ConditionStatus, reason string) *metav1.Condition {
		return &metav1.Condition{Type: kind, Status: status, Reason: reason, Message: "m"}
	}
	const tells, tellsAgain = "Warning", "Warning, recurring"
	cases := map[string]struct {
		was, is *metav1.Condition
		want    string
	}{
		"gone":                        {condition("Ready", no, "X"), nil, ""},
		"the same":                    {condition("Ready", yes, "Ready"), condition("Ready", yes, "Ready"), ""},
		"another message alone":       {&metav1.Condition{Type: "Ready", Status: yes, Reason: "Ready", Message: "other"}, condition("Ready", yes, "Ready"), ""},
		"ready at once":               {nil, condition("Ready", yes, "Ready"), "Normal, recurring"},
		"ready again":                 {condition("Ready", no, "X"), condition("Ready", yes, "Ready"), "Normal, recurring"},
		"not ready":                   {condition("Ready", yes, "Ready"), condition("Ready", no, v1alpha1.ReasonRollingOut), ""},
		"troubled":                    {condition("Ready", yes, "Ready"), condition("Ready", no, v1alpha1.ReasonImagePull), tellsAgain},
		"in other trouble":            {condition("Ready", no, v1alpha1.ReasonImagePull), condition("Ready", no, v1alpha1.ReasonOutOfMemory), tellsAgain},
		"not applied":                 {condition("Applied", yes, "Applied"), condition("Applied", no, v1alpha1.ReasonConflict), tells},
		"applied":                     {condition("Applied", no, v1alpha1.ReasonConflict), condition("Applied", yes, "Applied"), ""},
		"nobody can tell":             {condition("Applied", yes, "Applied"), condition("Applied", unknown, "Paused"), ""},
		"not achievable":              {nil, condition("Planned", no, v1alpha1.ReasonUnreachable), tells},
		"not scaled":                  {nil, condition("Scaling", no, v1alpha1.ReasonNoMetrics), tells},
		"scaled":                      {condition("Scaling", no, v1alpha1.ReasonNoMetrics), condition("Scaling", yes, v1alpha1.ReasonScaling), ""},
		"eviction is blocked":         {nil, condition("EvictionBlocked", yes, v1alpha1.ReasonMultipleBudgets), tells},
		"a stalled rollout":           {condition("Progressing", yes, v1alpha1.ReasonRollingOut), condition("Progressing", no, v1alpha1.ReasonRolloutStalled), tells},
		"a complete one":              {condition("Progressing", yes, v1alpha1.ReasonRollingOut), condition("Progressing", no, v1alpha1.ReasonRolloutComplete), ""},
		"rejected settings":           {nil, condition("Tuned", no, v1alpha1.ReasonRejectedByPods), tells},
		"settings under way":          {nil, condition("Tuned", no, v1alpha1.ReasonConfirming), ""},
		"objectives that were missed": {condition("SLOMet", yes, v1alpha1.ReasonMet), condition("SLOMet", no, v1alpha1.ReasonMissed), ""},
		"not measured":                {condition("Measured", yes, v1alpha1.ReasonMeasured), condition("Measured", no, v1alpha1.ReasonNotMeasured), ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			change, happened := conditionTransition(c.was, c.is)
			got := change.Type
			if change.Recurring {
				got += ", recurring"
			}
			if got != c.want || happened != (c.want != "") {
				t.Errorf("%+v, want %q", change, c.want)
			}
			if happened && (change.Reason != c.is.Reason || change.Message != "m" || change.Action != "Reconcile") {
				t.Errorf("the event says %+v", change)
			}
		})
	}
}

// The same reason in two conditions is one event.
func TestAReasonIsToldOnce(t *testing.T) {
	after := &v1alpha1.GoServiceStatus{Conditions: []metav1.Condition{
		{Type: "Ready", Status: no, Reason: v1alpha1.ReasonScaledToZero, Message: "one"}, {Type: "Scaling", Status: no, Reason: v1alpha1.ReasonScaledToZero, Message: "two"},
		{Type: "Planned", Status: no, Reason: v1alpha1.ReasonUnreachable, Message: "three"},
	}}
	var got []string
	for _, change := range Transitions(&v1alpha1.GoServiceStatus{}, after, confirm.Result{}) {
		got = append(got, change.Reason+": "+change.Message)
	}
	if diff := cmp.Diff([]string{v1alpha1.ReasonScaledToZero + ": one", v1alpha1.ReasonUnreachable + ": three"}, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// The API server refuses an event whose note has more than 1,024 bytes, and with it the news.
func TestNoEventIsTooLong(t *testing.T) {
	const most = 1024
	after := &v1alpha1.GoServiceStatus{Conditions: []metav1.Condition{
		{Type: "Applied", Status: no, Reason: v1alpha1.ReasonConflict, Message: strings.Repeat("conflict ", 1000)},
		{Type: "Planned", Status: no, Reason: v1alpha1.ReasonUnreachable, Message: strings.Repeat("é", most)},
		{Type: "Tuned", Status: no, Reason: v1alpha1.ReasonUnreachablePods, Message: strings.Repeat("silent ", 1000)},
		{Type: "Ready", Status: yes, Reason: "Ready", Message: strings.Repeat("x", most)},
	}}
	events := Transitions(&v1alpha1.GoServiceStatus{}, after, confirm.Result{})
	change := tuner.Change{At: noon, What: "floor", From: "2", To: "3", Reason: strings.Repeat("demand ", 1000), Turned: true}
	events = append(events, Decided(nil, &tuner.Outcome{History: []tuner.Change{change, change}})...)
	if len(events) != 5 {
		t.Errorf("%d events, want 5", len(events))
	}
	for _, event := range events {
		if len(event.Message) > most || len(event.Message) < most-len("é") {
			t.Errorf("%s has %d bytes", event.Reason, len(event.Message))
		}
	}
}

// Pods that do not answer are told of once, while the service is ready: during a rollout they need not answer.
func TestSilentPodsAreToldOfOnce(t *testing.T) {
	status := func(ready metav1.ConditionStatus, tuned string) *v1alpha1.GoServiceStatus {
		return &v1alpha1.GoServiceStatus{Conditions: []metav1.Condition{
			{Type: v1alpha1.ConditionReady, Status: ready, Reason: "R"}, {Type: v1alpha1.ConditionTuned, Status: unknown, Reason: tuned, Message: "silent"},
		}}
	}
	silentPods := status(yes, v1alpha1.ReasonUnreachablePods)
	for name, c := range map[string]struct {
		before, after *v1alpha1.GoServiceStatus
		want          bool
	}{
		"from one look to the next":     {status(yes, v1alpha1.ReasonConfirming), silentPods, true},
		"from the start":                {&v1alpha1.GoServiceStatus{}, silentPods, true},
		"still":                         {silentPods, silentPods, false},
		"while pods start":              {status(yes, v1alpha1.ReasonConfirming), status(no, v1alpha1.ReasonUnreachablePods), false},
		"still, once pods have started": {status(no, v1alpha1.ReasonUnreachablePods), silentPods, true},
		"no more":                       {silentPods, status(yes, v1alpha1.ReasonConfirmed), false},
	} {
		t.Run(name, func(t *testing.T) {
			change, got := silent(c.before, c.after)
			if got != c.want || got && (change.Message != "silent" || change.Type != "Warning" || !change.Recurring) {
				t.Errorf("%t, %+v; want %t", got, change, c.want)
			}
		})
	}
}

func TestWhatIsToldOfARetune(t *testing.T) {
	at := metav1.NewMicroTime(noon)
	after := &v1alpha1.LiveSettingsStatus{Revision: "r2", ConfirmedAt: &at}
	whole := confirm.Result{
		Retuned: true, Edited: true, Label: "50/s", PreviousLabel: "100/s", Confirmed: 3, Total: 3, ChangedAt: noon, ConfirmedAt: noon.Add(1234567 * time.Microsecond),
	}
	with := func(change func(*confirm.Result)) confirm.Result {
		result := whole
		change(&result)
		return result
	}
	cases := map[string]struct {
		before, after *v1alpha1.LiveSettingsStatus
		confirmed     confirm.Result
		want          string
	}{
		"a rate":                 {nil, after, whole, "100/s → 50/s: 3 of 3 pods confirmed in 1.23s"},
		"another revision":       {&v1alpha1.LiveSettingsStatus{Revision: "r1", ConfirmedAt: &at}, after, whole, "100/s → 50/s: 3 of 3 pods confirmed in 1.23s"},
		"confirmed by now":       {&v1alpha1.LiveSettingsStatus{Revision: "r2"}, after, whole, "100/s → 50/s: 3 of 3 pods confirmed in 1.23s"},
		"told before":            {&v1alpha1.LiveSettingsStatus{Revision: "r2", ConfirmedAt: &at}, after, whole, ""},
		"something else":         {nil, after, with(func(r *confirm.Result) { r.PreviousLabel = "50/s" }), "revision r2: 3 of 3 pods confirmed in 1.23s"},
		"no document":            {nil, nil, whole, ""},
		"not confirmed":          {nil, &v1alpha1.LiveSettingsStatus{Revision: "r2"}, whole, ""},
		"pods that just started": {nil, after, with(func(r *confirm.Result) { r.Retuned = false }), ""},
		"the loop's own":         {nil, after, with(func(r *confirm.Result) { r.Edited = false }), ""},
		"for the first time":     {nil, after, with(func(r *confirm.Result) { r.PreviousLabel = "" }), ""},
		"no pods":                {nil, after, with(func(r *confirm.Result) { r.Total = 0 }), ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			change, happened := retuned(c.before, c.after, c.confirmed)
			if change.Message != c.want || happened != (c.want != "") {
				t.Errorf("%+v, want %q", change, c.want)
			}
			if happened && (change.Type != "Normal" || change.Reason != "Retuned" || change.Recurring) {
				t.Errorf("%+v", change)
			}
		})
	}
}

func TestDecisionsAreToldOnceAndInOneSentenceEach(t *testing.T) {
	change := func(after time.Duration, turned bool) tuner.Change {
		return tuner.Change{At: noon.Add(after), What: "floor", From: "2", To: "3", Reason: after.String(), Turned: turned}
	}
	outcome := &tuner.Outcome{History: []tuner.Change{change(0, true), change(time.Second, false), change(1500*time.Millisecond, true), change(3*time.Second, true)}}
	told := func(before ...time.Duration) string {
		var decisions []v1alpha1.TuningDecision
		for _, at := range before {
			decisions = append(decisions, v1alpha1.TuningDecision{At: metav1.NewTime(noon.Add(at))})
		}
		events := Decided(decisions, outcome)
		if len(events) == 0 {
			return ""
		}
		if len(events) != 1 || events[0].Type != "Normal" || events[0].Reason != "Tuned" {
			t.Errorf("events %+v", events)
		}
		return events[0].Message
	}
	for want, got := range map[string]string{
		"floor 2 → 3: 0s; floor 2 → 3: 1.5s; floor 2 → 3: 3s": told(),
		"floor 2 → 3: 1.5s; floor 2 → 3: 3s":                  told(-time.Hour, 0),
		"floor 2 → 3: 3s":                                     told(time.Second), // statuses hold whole seconds
		"":                                                    told(3 * time.Second),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if events := Decided(nil, nil); events != nil {
		t.Errorf("without an outcome: %+v", events)
	}
}

func TestTheStatusOfLiveSettings(t *testing.T) {
	many := make([]confirm.Unconfirmed, 12)
	for i := range many {
		many[i] = confirm.Unconfirmed{Pod: fmt.Sprintf("pod-%02d", i), Reason: "is\nsilent"}
	}
	s := serving()
	s.Confirmed = confirm.Result{Revision: "r2", Confirmed: 1, Total: 13, ChangedAt: noon, Unconfirmed: many}
	got := s.liveSettings()
	if len(got.Unconfirmed) != 10 || got.Unconfirmed[9] != (v1alpha1.UnconfirmedPod{Pod: "pod-09", Reason: "is silent"}) {
		t.Errorf("unconfirmed %+v, want the first ten", got.Unconfirmed)
	}
	got.Unconfirmed = nil
	want := &v1alpha1.LiveSettingsStatus{Revision: "r2", ConfirmedPods: 1, TotalPods: 13, RequestsPerSecondPerPod: "50/s", ChangedAt: microTime(noon)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}

	early, late := microTime(noon.Add(-time.Hour)), microTime(noon.Add(-time.Minute))
	cases := map[string]struct {
		before               *v1alpha1.LiveSettingsStatus
		confirmed            confirm.Result
		changedAt, settledAt *metav1.MicroTime
	}{
		"all of them": {
			nil, confirm.Result{Revision: "r2", Confirmed: 2, Total: 2, ChangedAt: noon, ConfirmedAt: noon.Add(time.Second)}, microTime(noon), microTime(noon.Add(time.Second)),
		},
		"not all of them": {nil, confirm.Result{Revision: "r2", Confirmed: 1, Total: 2, ChangedAt: noon, ConfirmedAt: noon}, microTime(noon), nil},
		"no pods":         {nil, confirm.Result{Revision: "r2", ChangedAt: noon, ConfirmedAt: noon}, microTime(noon), nil},
		"a restart of the operator changes no time": {
			&v1alpha1.LiveSettingsStatus{Revision: "r2", ChangedAt: early, ConfirmedAt: late},
			confirm.Result{Revision: "r2", Confirmed: 2, Total: 2, ChangedAt: noon, ConfirmedAt: noon}, early, late,
		},
		"a restart, and a pod is missing": {
			&v1alpha1.LiveSettingsStatus{Revision: "r2", ChangedAt: early, ConfirmedAt: late},
			confirm.Result{Revision: "r2", Confirmed: 1, Total: 2, ChangedAt: noon}, early, nil,
		},
		"a restart before all had confirmed": {
			&v1alpha1.LiveSettingsStatus{Revision: "r2", ChangedAt: early},
			confirm.Result{Revision: "r2", Confirmed: 2, Total: 2, ChangedAt: noon, ConfirmedAt: noon}, early, microTime(noon),
		},
		"another revision": {
			&v1alpha1.LiveSettingsStatus{Revision: "r1", ChangedAt: early, ConfirmedAt: late},
			confirm.Result{Revision: "r2", Confirmed: 2, Total: 2, ChangedAt: noon, ConfirmedAt: noon}, microTime(noon), microTime(noon),
		},
		"a status without times": {
			&v1alpha1.LiveSettingsStatus{Revision: "r2"},
			confirm.Result{Revision: "r2", Confirmed: 2, Total: 2, ChangedAt: noon, ConfirmedAt: noon}, microTime(noon), microTime(noon),
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := serving()
			s.Service.Status.LiveSettings, s.Confirmed = c.before, c.confirmed
			got := s.liveSettings()
			if !got.ChangedAt.Equal(c.changedAt) || !got.ConfirmedAt.Equal(c.settledAt) {
				t.Errorf("changed at %v and confirmed at %v, want %v and %v", got.ChangedAt, got.ConfirmedAt, c.changedAt, c.settledAt)
			}
		})
	}
}

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

func TestAFloorThatIsTheMinimumIsNotShown(t *testing.T) {
	s := serving()
	for floor, shown := range map[int32]bool{1: false, 2: false, 3: true} {
		s.Plan.ReplicaFloor.Value = floor
		if got := s.figures().ReplicaFloor; (got != nil) != shown || shown && *got != floor {
			t.Errorf("a floor of %d is shown as %v", floor, got)
		}
	}
}
