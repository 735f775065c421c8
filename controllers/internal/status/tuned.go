// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"cmp"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
)

// maxUnconfirmed pods are listed by name in a status.
const maxUnconfirmed = 10

// tuned says which live values are in force where. While pods are being asked again about a revision that they had
// confirmed already – after a restart of the operator, or because one more pod started – the earlier answer stands, and so it
// does while parts of an unchanged limit move between pods.
func (s Situation) tuned(conditions []metav1.Condition, before *v1alpha1.LiveSettingsStatus) (metav1.Condition, *v1alpha1.LiveSettingsStatus) {
	c := s.Confirmed
	same := before != nil && before.Revision == c.Revision
	was := meta.FindStatusCondition(conditions, v1alpha1.ConditionTuned)
	if (same || c.Quiet && before != nil) && c.Waiting && was != nil && was.Status == metav1.ConditionTrue {
		tuning := before.DeepCopy()
		tuning.RequestsPerSecondPerPod = s.shareText()
		return *was, tuning
	}
	tuning := &v1alpha1.LiveSettingsStatus{
		Revision:                c.Revision,
		ConfirmedPods:           int32(c.Confirmed),
		TotalPods:               int32(c.Total),
		RequestsPerSecondPerPod: s.shareText(),
		ChangedAt:               microTime(c.ChangedAt),
	}
	if c.Total > 0 && c.Confirmed == c.Total {
		tuning.ConfirmedAt = microTime(c.ConfirmedAt)
	}
	if same && before.ChangedAt != nil {
		tuning.ChangedAt = before.ChangedAt
		if before.ConfirmedAt != nil && tuning.ConfirmedAt != nil {
			tuning.ConfirmedAt = before.ConfirmedAt
		}
	}
	for _, pod := range c.Unconfirmed {
		if len(tuning.Unconfirmed) == maxUnconfirmed {
			break
		}
		tuning.Unconfirmed = append(tuning.Unconfirmed, v1alpha1.UnconfirmedPod{Pod: pod.Pod, Reason: pod.Reason})
	}
	return s.tunedCondition(), tuning
}

func (s Situation) shareText() string { return cmp.Or(s.Plan.ShareText(), "-") }

func (s Situation) tunedCondition() metav1.Condition {
	c := s.Confirmed
	tuned := func(status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return condition(v1alpha1.ConditionTuned, status, reason, message)
	}
	switch {
	case c.Total == 0:
		return tuned(metav1.ConditionUnknown, v1alpha1.ReasonNoPods, "no pod runs yet")
	case c.Confirmed == c.Total:
		return tuned(metav1.ConditionTrue, v1alpha1.ReasonConfirmed, fmt.Sprintf("%d of %d pods confirmed the newest tuning", c.Confirmed, c.Total))
	}
	for _, pod := range c.Unconfirmed {
		if pod.Rejected {
			return tuned(metav1.ConditionFalse, v1alpha1.ReasonRejectedByPods, fmt.Sprintf(
				"%d of %d pods confirmed the newest tuning; a pod %s", c.Confirmed, c.Total, pod.Reason))
		}
	}
	if c.Waiting {
		return tuned(metav1.ConditionFalse, v1alpha1.ReasonConfirming, fmt.Sprintf("%d of %d pods confirmed the newest tuning so far", c.Confirmed, c.Total))
	}
	return tuned(metav1.ConditionUnknown, v1alpha1.ReasonUnreachablePods, fmt.Sprintf(
		"%d of %d pods confirmed the newest tuning; a pod %s", c.Confirmed, c.Total, c.Unconfirmed[0].Reason))
}
