// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"cmp"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"

	"goservice.dev/operator/api/v1alpha1"
)

// maxUnconfirmed pods are listed by name in a status.
const maxUnconfirmed = 10

// tuned says whether every pod confirmed the latest live settings, where they take any.
var tuned = chain{
	{yes, ifOnToolkit(earlierAnswerStands)},
	{unknown, ifOnToolkit(noPods)},
	{yes, ifOnToolkit(confirmed)},
	{no, ifOnToolkit(rejected)},
	{no, ifOnToolkit(confirming)},
	{unknown, ifOnToolkit(unreachable)},
}

// ifOnToolkit applies only to pods that take live settings.
func ifOnToolkit(p predicate) predicate {
	return func(s Situation) (string, string, bool) {
		reason, message, applies := p(s)
		return reason, message, applies && s.Plan.OnToolkit
	}
}

// earlierAnswerStands while pods are being asked again about a revision that they had confirmed already – after a restart of
// the operator, or because one more pod started – and while parts of an unchanged limit move between pods.
func earlierAnswerStands(s Situation) (string, string, bool) {
	was := meta.FindStatusCondition(s.Service.Status.Conditions, v1alpha1.ConditionTuned)
	if was == nil || was.Status != yes || !s.Confirmed.Waiting {
		return "", "", false
	}
	before := s.Service.Status.LiveSettings
	return was.Reason, was.Message, before != nil && (s.Confirmed.Quiet || before.Revision == s.Confirmed.Revision)
}

func noPods(s Situation) (string, string, bool) {
	return v1alpha1.ReasonNoPods, "no pod runs yet", s.Confirmed.Total == 0
}

func confirmed(s Situation) (string, string, bool) {
	return v1alpha1.ReasonConfirmed, s.confirmedPods(), s.Confirmed.Confirmed == s.Confirmed.Total
}

func rejected(s Situation) (string, string, bool) {
	for _, pod := range s.Confirmed.Unconfirmed {
		if pod.Rejected {
			return v1alpha1.ReasonRejectedByPods, s.confirmedPods() + "; a pod " + oneLine(pod.Reason), true
		}
	}
	return "", "", false
}

func confirming(s Situation) (string, string, bool) {
	return v1alpha1.ReasonConfirming, s.confirmedPods() + " so far", s.Confirmed.Waiting
}

func unreachable(s Situation) (string, string, bool) {
	message := s.confirmedPods()
	if len(s.Confirmed.Unconfirmed) > 0 {
		message += "; a pod " + oneLine(s.Confirmed.Unconfirmed[0].Reason)
	}
	return v1alpha1.ReasonUnreachablePods, message, true
}

func (s Situation) confirmedPods() string {
	return fmt.Sprintf("%d of %d pods confirmed the latest live settings", s.Confirmed.Confirmed, s.Confirmed.Total)
}

// liveSettings says which live settings are in force where.
func (s Situation) liveSettings() *v1alpha1.LiveSettingsStatus {
	c, before := s.Confirmed, s.Service.Status.LiveSettings
	if _, _, stands := earlierAnswerStands(s); stands {
		settings := before.DeepCopy()
		settings.RequestsPerSecondPerPod = s.shareText()
		return settings
	}
	settings := &v1alpha1.LiveSettingsStatus{
		Revision:                c.Revision,
		ConfirmedPods:           int32(c.Confirmed),
		TotalPods:               int32(c.Total),
		RequestsPerSecondPerPod: s.shareText(),
		ChangedAt:               microTime(c.ChangedAt),
	}
	if c.Total > 0 && c.Confirmed == c.Total {
		settings.ConfirmedAt = microTime(c.ConfirmedAt)
	}
	if before != nil && before.Revision == c.Revision && before.ChangedAt != nil {
		settings.ChangedAt = before.ChangedAt
		if before.ConfirmedAt != nil && settings.ConfirmedAt != nil {
			settings.ConfirmedAt = before.ConfirmedAt
		}
	}
	for _, pod := range c.Unconfirmed {
		if len(settings.Unconfirmed) == maxUnconfirmed {
			break
		}
		settings.Unconfirmed = append(settings.Unconfirmed, v1alpha1.UnconfirmedPod{Pod: pod.Pod, Reason: oneLine(pod.Reason)})
	}
	return settings
}

func (s Situation) shareText() string { return cmp.Or(s.Plan.ShareText(), "-") }
