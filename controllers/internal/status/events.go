// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"fmt"
	"strings"
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
	// Recurring says that the same event may come again soon, as when a pod keeps crashing: repeats are counted in one event.
	Recurring bool
}

// Transitions lists what changed between two statuses. No two of them have the same type, reason and action: of such, the
// API server keeps the first.
func Transitions(before, after *v1alpha1.GoServiceStatus, confirmed confirm.Result) []Transition {
	var found []Transition
	told := map[string]bool{}
	for _, d := range definitions {
		was, is := meta.FindStatusCondition(before.Conditions, d.kind), meta.FindStatusCondition(after.Conditions, d.kind)
		change, happened := conditionTransition(was, is)
		if happened && !told[change.Reason] {
			told[change.Reason] = true
			found = append(found, change)
		}
	}
	if change, happened := handedOver(before.Template, after.Template); happened {
		found = append(found, change)
	}
	if change, happened := silent(before, after); happened {
		found = append(found, change)
	}
	if change, happened := retuned(before.LiveSettings, after.LiveSettings, confirmed); happened {
		found = append(found, change)
	}
	for i := range found {
		found[i].Message = oneLine(found[i].Message) // conditions may say more than an event can hold
	}
	return found
}

// conditionTransition speaks of a condition that came to need somebody. That it is well again is silent, except that Ready is
// announced.
func conditionTransition(was, is *metav1.Condition) (Transition, bool) {
	if is == nil || (was != nil && was.Status == is.Status && was.Reason == is.Reason) {
		return Transition{}, false
	}
	switch {
	case is.Type == v1alpha1.ConditionReady && is.Status == metav1.ConditionTrue:
		return Transition{corev1.EventTypeNormal, is.Reason, "Reconcile", is.Message, true}, true
	case warns(is):
		return Transition{corev1.EventTypeWarning, is.Reason, "Reconcile", is.Message, is.Type == v1alpha1.ConditionReady}, true
	}
	return Transition{}, false
}

// warns reports whether a person must hear of a condition. Ready speaks for itself only where pods are in trouble; what else
// keeps it from being True speaks through a condition of its own.
func warns(c *metav1.Condition) bool {
	switch c.Type {
	case v1alpha1.ConditionApplied, v1alpha1.ConditionPlanned, v1alpha1.ConditionScaling, v1alpha1.ConditionExposed:
		return c.Status == metav1.ConditionFalse
	case v1alpha1.ConditionEvictionBlocked:
		return true
	case v1alpha1.ConditionProgressing:
		return c.Reason == v1alpha1.ReasonRolloutStalled
	case v1alpha1.ConditionTuned:
		return c.Reason == v1alpha1.ReasonRejectedByPods
	case v1alpha1.ConditionReady:
		return warnedTroubles[c.Reason]
	}
	return false
}

// warnedTroubles are the reasons of pods' troubles that time alone does not mend.
var warnedTroubles = map[string]bool{
	v1alpha1.ReasonQuotaExceeded: true, v1alpha1.ReasonLimitRange: true, v1alpha1.ReasonPodSecurity: true,
	v1alpha1.ReasonMissingServiceAccount: true, v1alpha1.ReasonMissingPriorityClass: true, v1alpha1.ReasonPodsDenied: true,
	v1alpha1.ReasonMissingSecret: true, v1alpha1.ReasonMissingConfigMap: true, v1alpha1.ReasonContainerConfig: true,
	v1alpha1.ReasonInvalidImage: true, v1alpha1.ReasonImagePull: true, v1alpha1.ReasonOutOfMemory: true,
	v1alpha1.ReasonContainerExited: true, v1alpha1.ReasonUnschedulable: true, v1alpha1.ReasonVolumes: true,
	v1alpha1.ReasonScaledToZero: true,
}

// handedOver speaks of a Deployment that was taken over.
func handedOver(before, after *v1alpha1.TemplateStatus) (Transition, bool) {
	is := func(t *v1alpha1.TemplateStatus) bool { return t != nil && t.Cause == v1alpha1.TemplateFromHandOver }
	return Transition{corev1.EventTypeNormal, "HandedOver", "Adopt", "took over the Deployment, and replaces its pods one after another", false}, is(after) && !is(before)
}

// silent speaks of pods that serve and cannot be asked. Pods that do not serve are in a trouble of their own.
func silent(before, after *v1alpha1.GoServiceStatus) (Transition, bool) {
	tuned, is := unreached(after)
	if _, was := unreached(before); was || !is {
		return Transition{}, false
	}
	return Transition{corev1.EventTypeWarning, tuned.Reason, "Reconcile", tuned.Message, true}, true
}

func unreached(status *v1alpha1.GoServiceStatus) (*metav1.Condition, bool) {
	tuned := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionTuned)
	return tuned, tuned != nil && tuned.Reason == v1alpha1.ReasonUnreachablePods &&
		meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionReady)
}

// retuned speaks of running pods that confirmed what a user edited. A start is no retune, though each pod that joins changes
// the parts of a shared limit, and what the closed loop moves is told by Decided.
func retuned(before, after *v1alpha1.LiveSettingsStatus, confirmed confirm.Result) (Transition, bool) {
	if after == nil || after.ConfirmedAt == nil || !confirmed.Retuned || !confirmed.Edited ||
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
		fmt.Sprintf("%s: %d of %d pods confirmed in %s", what, confirmed.Confirmed, confirmed.Total, took), false}, true
}

// Decided speaks of measured figures that turned: went up after they went down, or the other way, or moved for the first time.
// Figures that turned in one pass are told in one event.
func Decided(before []v1alpha1.TuningDecision, outcome *tuner.Outcome) []Transition {
	if outcome == nil {
		return nil
	}
	var sentences []string
	for _, change := range outcome.History {
		at := change.At.Truncate(time.Second)
		if !change.Turned || len(before) > 0 && !at.After(before[len(before)-1].At.Time) {
			continue
		}
		sentences = append(sentences, fmt.Sprintf("%s %s → %s: %s", change.What, change.From, change.To, change.Reason))
	}
	if len(sentences) == 0 {
		return nil
	}
	return []Transition{{corev1.EventTypeNormal, "Tuned", "Tune", oneLine(strings.Join(sentences, "; ")), false}}
}
