// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/confirm"
	"goservice.dev/operator/controllers/tuner"
)

// Transition is an event: something that changed, never something that merely is.
type Transition struct {
	// Type is Normal or Warning.
	Type, Reason, Action, Message string
}

// Transitions lists what changed between two statuses.
func Transitions(before, after *v1alpha1.GoServiceStatus, confirmed confirm.Result) []Transition {
	var found []Transition
	for _, conditionType := range []string{
		v1alpha1.ConditionReady, v1alpha1.ConditionApplied, v1alpha1.ConditionPlanned, v1alpha1.ConditionTuned,
	} {
		was, is := meta.FindStatusCondition(before.Conditions, conditionType), meta.FindStatusCondition(after.Conditions, conditionType)
		if change, happened := conditionTransition(was, is); happened {
			found = append(found, change)
		}
	}
	if change, happened := retuned(before.LiveSettings, after.LiveSettings, confirmed); happened {
		found = append(found, change)
	}
	return found
}

// conditionTransition speaks of a condition that turned good or bad. Unknown in between and first sights of what is good
// are silent, except that Ready is announced.
func conditionTransition(was, is *metav1.Condition) (Transition, bool) {
	if is == nil || (was != nil && was.Status == is.Status && was.Reason == is.Reason) {
		return Transition{}, false
	}
	switch {
	case is.Type == v1alpha1.ConditionReady && is.Status == metav1.ConditionTrue:
		return Transition{corev1.EventTypeNormal, is.Reason, "Reconcile", is.Message}, true
	case is.Type == v1alpha1.ConditionReady:
		return Transition{}, false // the condition that keeps it from being ready speaks for itself
	case warned[is.Reason]:
		return Transition{corev1.EventTypeWarning, is.Reason, "Reconcile", is.Message}, true
	}
	return Transition{}, false
}

// warned are the reasons that a person must hear of.
var warned = map[string]bool{
	v1alpha1.ReasonConflict:          true,
	v1alpha1.ReasonInvalid:           true,
	v1alpha1.ReasonDenied:            true,
	v1alpha1.ReasonApplyFailed:       true,
	v1alpha1.ReasonUnreachable:       true,
	v1alpha1.ReasonAboveMaxReplicas:  true,
	v1alpha1.ReasonRateLimitTooSmall: true,
	v1alpha1.ReasonRejectedByPods:    true,
	v1alpha1.ReasonUnreachablePods:   true,
}

// retuned speaks of running pods that confirmed a changed revision after another one. What the tuning loop moves between
// them is not told.
func retuned(before, after *v1alpha1.LiveSettingsStatus, confirmed confirm.Result) (Transition, bool) {
	if after == nil || after.ConfirmedAt == nil || !confirmed.Retuned || confirmed.Quiet ||
		confirmed.PreviousLabel == "" || confirmed.Total == 0 {
		return Transition{}, false
	}
	if before != nil && before.Revision == after.Revision && before.ConfirmedAt != nil {
		return Transition{}, false
	}
	what := fmt.Sprintf("revision %s", after.Revision)
	if confirmed.PreviousLabel != confirmed.Label {
		what = fmt.Sprintf("%s → %s", confirmed.PreviousLabel, confirmed.Label)
	}
	took := confirmed.ConfirmedAt.Sub(confirmed.ChangedAt).Round(10 * time.Millisecond)
	return Transition{corev1.EventTypeNormal, "Retuned", "Retune",
		fmt.Sprintf("%s: %d of %d pods confirmed in %s", what, confirmed.Confirmed, confirmed.Total, took)}, true
}

// Decided speaks of measured figures that turned: went up after they went down, or the other way, or moved for the first time.
func Decided(before []v1alpha1.TuningDecision, outcome *tuner.Outcome) []Transition {
	if outcome == nil {
		return nil
	}
	var found []Transition
	for _, change := range outcome.History {
		at := change.At.Truncate(time.Second)
		if !change.Turned || len(before) > 0 && !at.After(before[len(before)-1].At.Time) {
			continue
		}
		found = append(found, Transition{corev1.EventTypeNormal, "Tuned", "Tune",
			fmt.Sprintf("%s %s → %s: %s", change.What, change.From, change.To, change.Reason)})
	}
	return found
}
