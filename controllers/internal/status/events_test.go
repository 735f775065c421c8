// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/confirm"
)

// having is a status with one condition.
func having(conditionType string, status metav1.ConditionStatus, reason string) v1alpha1.GoServiceStatus {
	return v1alpha1.GoServiceStatus{Conditions: []metav1.Condition{{Type: conditionType, Status: status, Reason: reason, Message: "because"}}}
}

func TestEventsTellOfTransitionsOnly(t *testing.T) {
	const yes, no, unknown = metav1.ConditionTrue, metav1.ConditionFalse, metav1.ConditionUnknown
	ready := having("Ready", yes, v1alpha1.ReasonReady)
	unready := having("Ready", no, v1alpha1.ReasonRollingOut)
	applied := having("Applied", yes, v1alpha1.ReasonApplied)
	conflict := having("Applied", no, v1alpha1.ReasonConflict)
	cases := map[string]struct {
		before, after v1alpha1.GoServiceStatus
		want          []Transition
	}{
		"nothing changed":        {ready, ready, nil},
		"it became ready":        {unready, ready, []Transition{{corev1.EventTypeNormal, "Ready", "Reconcile", "because"}}},
		"it is ready at once":    {v1alpha1.GoServiceStatus{}, ready, []Transition{{corev1.EventTypeNormal, "Ready", "Reconcile", "because"}}},
		"it is not ready":        {ready, unready, nil},
		"applied at first sight": {v1alpha1.GoServiceStatus{}, applied, nil},
		"a conflict":             {applied, conflict, []Transition{{corev1.EventTypeWarning, "Conflict", "Reconcile", "because"}}},
		"the conflict remains":   {conflict, conflict, nil},
		"the conflict is gone":   {conflict, applied, nil},
		"another trouble":        {conflict, having("Applied", no, v1alpha1.ReasonInvalid), []Transition{{corev1.EventTypeWarning, "Invalid", "Reconcile", "because"}}},
		"pods are silent":        {having("Tuned", no, v1alpha1.ReasonConfirming), having("Tuned", unknown, v1alpha1.ReasonUnreachablePods), []Transition{{corev1.EventTypeWarning, "UnreachablePods", "Reconcile", "because"}}},
		"pods are asked":         {having("Tuned", yes, v1alpha1.ReasonConfirmed), having("Tuned", no, v1alpha1.ReasonConfirming), nil},
		"out of reach":           {having("Planned", yes, v1alpha1.ReasonDerived), having("Planned", no, v1alpha1.ReasonUnreachable), []Transition{{corev1.EventTypeWarning, "Unreachable", "Reconcile", "because"}}},
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
		Revision: "r2", Label: "300/s per pod", PreviousLabel: "200/s per pod", Confirmed: 3, Total: 3, Retuned: true,
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
		"moved by measurements":    {asking, done, with(func(r *confirm.Result) { r.Quiet = true }), ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := Transitions(&v1alpha1.GoServiceStatus{LiveSettings: c.before}, &v1alpha1.GoServiceStatus{LiveSettings: c.after}, c.confirmed)
			var want []Transition
			if c.want != "" {
				want = []Transition{{corev1.EventTypeNormal, "Retuned", "Retune", c.want}}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}
