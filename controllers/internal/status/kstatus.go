// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"goservice.dev/operator/api/v1alpha1"
)

// grace is how long what may mend itself may take before a service counts as stalled: a Secret often arrives seconds after
// what uses it, and tools give up at the first Stalled that they see.
const grace = 2 * time.Minute

// stalled says, for tools that know kstatus, that waiting is of no use: at once where nothing but an edit helps, after a grace
// where somebody may mend it meanwhile.
var stalled = chain{
	{yes, unlessPaused(found(v1alpha1.ConditionApplied, v1alpha1.ReasonConflict))},
	{yes, unlessPaused(found(v1alpha1.ConditionApplied, v1alpha1.ReasonInvalid))},
	{yes, unlessPaused(found(v1alpha1.ConditionProgressing, v1alpha1.ReasonRolloutStalled))},
	{yes, unlessPaused(found(v1alpha1.ConditionTuned, v1alpha1.ReasonRejectedByPods))},
	{yes, unlessPaused(deniedForLong)},
	{yes, unlessPaused(hopeless)},
	{yes, unlessPaused(troubledForLong)},
}

// reconciling says, for tools that know kstatus, that the newest spec is on its way. What the closed loop moves is no news.
var reconciling = chain{
	{yes, unlessPaused(unlessStalled(notReady))},
	{yes, unlessPaused(unlessStalled(editArrives))},
}

func unlessPaused(p predicate) predicate {
	return func(s Situation) (string, string, bool) {
		reason, message, applies := p(s)
		return reason, message, applies && !s.Service.Spec.Paused
	}
}

func unlessStalled(p predicate) predicate {
	return func(s Situation) (string, string, bool) {
		reason, message, applies := p(s)
		return reason, message, applies && !meta.IsStatusConditionTrue(s.computed, v1alpha1.ConditionStalled)
	}
}

// found applies where a condition that was computed before has a reason.
func found(kind, reason string) predicate {
	return func(s Situation) (string, string, bool) {
		c := meta.FindStatusCondition(s.computed, kind)
		if c == nil || c.Reason != reason {
			return "", "", false
		}
		return c.Reason, c.Message, true
	}
}

func deniedForLong(s Situation) (string, string, bool) {
	c := meta.FindStatusCondition(s.computed, v1alpha1.ConditionApplied)
	if c == nil || c.Reason != v1alpha1.ReasonDenied {
		return "", "", false
	}
	return c.Reason, c.Message, s.reached(c.LastTransitionTime.Add(grace))
}

// hopeless applies where a service is not ready for something in its own spec. The pods of an earlier template, which is what
// the edit mends, are there for a moment longer.
func hopeless(s Situation) (string, string, bool) {
	told, reason, message, applies := s.readyTrouble()
	return reason, message, applies && told.remedy == byEdit && s.reached(told.since.Add(startTime))
}

// troubledForLong applies where a service has not been ready for longer than the grace for something outside of it.
func troubledForLong(s Situation) (string, string, bool) {
	told, reason, message, applies := s.readyTrouble()
	return reason, message, applies && told.remedy == byOthers && s.reached(told.since.Add(grace))
}

// readyTrouble is the trouble that keeps the service from being ready, and what its condition Ready says.
func (s Situation) readyTrouble() (told trouble, reason, message string, applies bool) {
	c := meta.FindStatusCondition(s.computed, v1alpha1.ConditionReady)
	told, troubled := s.trouble()
	if c == nil || !troubled || c.Status != no || c.Reason != told.reason {
		return trouble{}, "", "", false
	}
	return told, c.Reason, c.Message, true
}

// notReady leaves out a service that somebody scaled to 0, and one that was given back: nothing is on its way there.
func notReady(s Situation) (string, string, bool) {
	c := meta.FindStatusCondition(s.computed, v1alpha1.ConditionReady)
	if c == nil || c.Status == yes || c.Reason == v1alpha1.ReasonScaledToZero || c.Reason == v1alpha1.ReasonGivenBack {
		return "", "", false
	}
	return c.Reason, c.Message, true
}

func editArrives(s Situation) (string, string, bool) {
	reason, message, applies := found(v1alpha1.ConditionTuned, v1alpha1.ReasonConfirming)(s)
	return reason, message, applies && s.Confirmed.Edited
}
