// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/confirm"
	"goservice.dev/operator/controllers/tuner"
)

// having is a status with one condition.
func having(conditionType string, status metav1.ConditionStatus, reason string) v1alpha1.GoServiceStatus {
	return v1alpha1.GoServiceStatus{Conditions: []metav1.Condition{{Type: conditionType, Status: status, Reason: reason, Message: "because"}}}
}

// both is a status with the conditions of two.
func both(a, b v1alpha1.GoServiceStatus) v1alpha1.GoServiceStatus {
	return v1alpha1.GoServiceStatus{Conditions: append(slices.Clone(a.Conditions), b.Conditions...)}
}

func TestEventsTellOfTransitionsOnly(t *testing.T) {
	ready := having("Ready", yes, v1alpha1.ReasonReady)
	unready := having("Ready", no, v1alpha1.ReasonRollingOut)
	applied := having("Applied", yes, v1alpha1.ReasonApplied)
	confirming := having("Tuned", no, v1alpha1.ReasonConfirming)
	unreached := having("Tuned", unknown, v1alpha1.ReasonUnreachablePods)
	conflict := having("Applied", no, v1alpha1.ReasonConflict)
	cases := map[string]struct {
		before, after v1alpha1.GoServiceStatus
		want          []Transition
	}{
		"nothing changed":          {ready, ready, nil},
		"it became ready":          {unready, ready, []Transition{{corev1.EventTypeNormal, "Ready", "Reconcile", "because", true}}},
		"it is ready at once":      {v1alpha1.GoServiceStatus{}, ready, []Transition{{corev1.EventTypeNormal, "Ready", "Reconcile", "because", true}}},
		"it is not ready":          {ready, unready, nil},
		"applied at first sight":   {v1alpha1.GoServiceStatus{}, applied, nil},
		"a conflict":               {applied, conflict, []Transition{{corev1.EventTypeWarning, "Conflict", "Reconcile", "because", false}}},
		"the conflict remains":     {conflict, conflict, nil},
		"the conflict is gone":     {conflict, applied, nil},
		"another trouble":          {conflict, having("Applied", no, v1alpha1.ReasonInvalid), []Transition{{corev1.EventTypeWarning, "Invalid", "Reconcile", "because", false}}},
		"serving pods are silent":  {both(ready, confirming), both(ready, unreached), []Transition{{corev1.EventTypeWarning, "UnreachablePods", "Reconcile", "because", true}}},
		"silent pods serve":        {both(unready, unreached), both(ready, unreached), []Transition{{corev1.EventTypeNormal, "Ready", "Reconcile", "because", true}, {corev1.EventTypeWarning, "UnreachablePods", "Reconcile", "because", true}}},
		"they remain so":           {both(ready, unreached), both(ready, unreached), nil},
		"a crashing pod is silent": {both(unready, confirming), both(unready, unreached), nil},
		"pods crash":               {unready, having("Ready", no, v1alpha1.ReasonContainerExited), []Transition{{corev1.EventTypeWarning, "ContainerExited", "Reconcile", "because", true}}},
		"a quota refuses pods":     {unready, having("Ready", no, v1alpha1.ReasonQuotaExceeded), []Transition{{corev1.EventTypeWarning, "QuotaExceeded", "Reconcile", "because", true}}},
		"pods are slow":            {unready, having("Ready", no, v1alpha1.ReasonPodsNotReady), nil},
		"a rollout stalls":         {having("Progressing", yes, v1alpha1.ReasonRollingOut), having("Progressing", no, v1alpha1.ReasonRolloutStalled), []Transition{{corev1.EventTypeWarning, "RolloutStalled", "Reconcile", "because", false}}},
		"a policy denies":          {applied, having("Applied", no, v1alpha1.ReasonDenied), []Transition{{corev1.EventTypeWarning, "Denied", "Reconcile", "because", false}}},
		"a Gateway refuses":        {having("Exposed", unknown, v1alpha1.ReasonAwaitingGateway), having("Exposed", no, "NotAllowedByListeners"), []Transition{{corev1.EventTypeWarning, "NotAllowedByListeners", "Reconcile", "because", false}}},
		"no metrics":               {having("Scaling", unknown, v1alpha1.ReasonMeasuring), having("Scaling", no, v1alpha1.ReasonNoMetrics), []Transition{{corev1.EventTypeWarning, "NoMetrics", "Reconcile", "because", false}}},
		"two conditions, one reason": {
			v1alpha1.GoServiceStatus{}, both(having("Ready", no, v1alpha1.ReasonScaledToZero), having("Scaling", no, v1alpha1.ReasonScaledToZero)),
			[]Transition{{corev1.EventTypeWarning, "ScaledToZero", "Reconcile", "because", true}},
		},
		"pods are asked": {having("Tuned", yes, v1alpha1.ReasonConfirmed), having("Tuned", no, v1alpha1.ReasonConfirming), nil},
		"out of reach":   {having("Planned", yes, v1alpha1.ReasonDerived), having("Planned", no, v1alpha1.ReasonUnreachable), []Transition{{corev1.EventTypeWarning, "Unreachable", "Reconcile", "because", false}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := Transitions(&c.before, &c.after, confirm.Result{})
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func TestARetuneIsToldOnce(t *testing.T) {
	asking := &v1alpha1.LiveSettingsStatus{Revision: "r2"}
	done := &v1alpha1.LiveSettingsStatus{Revision: "r2", ConfirmedAt: microTime(noon)}
	retuned := confirm.Result{
		Revision: "r2", Label: "300/s per pod", PreviousLabel: "200/s per pod", Confirmed: 3, Total: 3, Retuned: true, Edited: true,
		ChangedAt: noon, ConfirmedAt: noon.Add(312 * time.Millisecond),
	}
	with := func(change func(*confirm.Result)) confirm.Result {
		result := retuned
		change(&result)
		return result
	}
	cases := map[string]struct {
		before, after *v1alpha1.LiveSettingsStatus
		confirmed     confirm.Result
		want          string
	}{
		"confirmed":                {asking, done, retuned, "200/s per pod → 300/s per pod: 3 of 3 pods confirmed in 310ms"},
		"from another revision":    {&v1alpha1.LiveSettingsStatus{Revision: "r1", ConfirmedAt: microTime(noon)}, done, retuned, "200/s per pod → 300/s per pod: 3 of 3 pods confirmed in 310ms"},
		"no status before":         {nil, done, retuned, "200/s per pod → 300/s per pod: 3 of 3 pods confirmed in 310ms"},
		"told before":              {done, done, retuned, ""},
		"no document":              {nil, nil, retuned, ""},
		"not yet":                  {asking, asking, retuned, ""},
		"pods started with it":     {asking, done, with(func(r *confirm.Result) { r.Retuned = false }), ""},
		"no pods":                  {asking, done, with(func(r *confirm.Result) { r.Total, r.Confirmed = 0, 0 }), ""},
		"another value":            {asking, done, with(func(r *confirm.Result) { r.PreviousLabel = r.Label }), "revision r2: 3 of 3 pods confirmed in 310ms"},
		"nothing confirmed so far": {asking, done, with(func(r *confirm.Result) { r.PreviousLabel = "" }), ""},
		// The first pod of two takes the whole limit, and then half of it.
		"pods joined":           {asking, done, with(func(r *confirm.Result) { r.Edited = false }), ""},
		"moved by measurements": {asking, done, with(func(r *confirm.Result) { r.Quiet, r.Edited = true, false }), ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := Transitions(&v1alpha1.GoServiceStatus{LiveSettings: c.before}, &v1alpha1.GoServiceStatus{LiveSettings: c.after}, c.confirmed)
			var want []Transition
			if c.want != "" {
				want = []Transition{{corev1.EventTypeNormal, "Retuned", "Retune", c.want, false}}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

// An event has one sentence for each type, reason and action of a pass: what turned together is told together.
func TestFiguresThatTurnTogetherAreToldTogether(t *testing.T) {
	outcome := &tuner.Outcome{History: []tuner.Change{
		{At: noon, What: "replica floor", From: "2", To: "5", Reason: "demand", Turned: true},
		{At: noon, What: "pool", From: "4", To: "8", Reason: "it was full", Turned: true},
		{At: noon, What: "gogc", From: "100", To: "110", Reason: "room"},
	}}
	want := []Transition{{corev1.EventTypeNormal, "Tuned", "Tune", "replica floor 2 → 5: demand; pool 4 → 8: it was full", false}}
	if diff := cmp.Diff(want, Decided(nil, outcome)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

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
