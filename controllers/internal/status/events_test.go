// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"slices"
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
		"told before":              {done, done, retuned, ""},
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
