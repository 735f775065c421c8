// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"fmt"
	"math"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/tuner"
)

// measured sets what measurements say of a service, and removes it where nothing is measured.
func (s Situation) measured(status *v1alpha1.GoServiceStatus, set func(metav1.Condition)) {
	status.SLO, status.Decisions = nil, nil
	if s.Outcome == nil {
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionMeasured)
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionSLOMet)
		return
	}
	set(s.measuredCondition())
	set(sloCondition(s.Outcome))
	if s.Outcome.Tally.Total >= 1 {
		status.SLO = s.sloStatus()
	}
	history := s.Outcome.History
	for _, change := range history[max(0, len(history)-maxDecisions):] {
		status.Decisions = append(status.Decisions, v1alpha1.TuningDecision{
			At: metav1.NewTime(change.At.Truncate(time.Second)), What: change.What, From: change.From, To: change.To, Reason: change.Reason,
		})
	}
}

// maxDecisions are shown in a status.
const maxDecisions = 10

// measuredCondition awaits nothing where no pod runs: that would be one more write for every service that starts.
func (s Situation) measuredCondition() metav1.Condition {
	measured := func(status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return condition(v1alpha1.ConditionMeasured, status, reason, message)
	}
	o, spec := s.Outcome, s.Service.Spec.Tuning
	answers, lost := "pods answer with what they counted", "too few pods answer on port 9100, and nothing is scaled in by measurements until they do"
	if spec != nil && spec.Source == v1alpha1.SourcePrometheus {
		answers = "Prometheus has what the pods counted"
		lost = "Prometheus does not have what enough pods counted, and nothing is scaled in by measurements until it does"
	}
	switch {
	case o.NoPrometheus:
		return measured(metav1.ConditionFalse, v1alpha1.ReasonNoPrometheus,
			"spec.tuning.source is Prometheus, but the operator runs without one; start it with --prometheus-address or set spec.tuning.source to Pods")
	case o.Measured:
		return measured(metav1.ConditionTrue, v1alpha1.ReasonMeasured, answers)
	case len(s.Observed.Tunable) == 0:
		return measured(metav1.ConditionFalse, v1alpha1.ReasonNotMeasured, "no pod runs")
	case o.Early:
		return measured(metav1.ConditionUnknown, v1alpha1.ReasonMeasuring, "the first measurements are awaited")
	case o.Problem != "":
		lost += ": " + o.Problem
	}
	return measured(metav1.ConditionFalse, v1alpha1.ReasonNotMeasured, lost)
}

func sloCondition(o *tuner.Outcome) metav1.Condition {
	slo := func(status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return condition(v1alpha1.ConditionSLOMet, status, reason, message)
	}
	switch {
	case !o.Measured:
		return slo(metav1.ConditionUnknown, v1alpha1.ReasonNotMeasured, "nothing is measured")
	case o.Tally.Total < 1:
		return slo(metav1.ConditionUnknown, v1alpha1.ReasonNoTraffic, "there were no requests yet")
	case o.Burning:
		return slo(metav1.ConditionFalse, v1alpha1.ReasonMissed, fmt.Sprintf(
			"over the last minute more requests were slow or failed than the objectives allow; error budget left: %s", percentText(o.BudgetLeft)))
	}
	return slo(metav1.ConditionTrue, v1alpha1.ReasonMet, fmt.Sprintf("the objectives held over the last minute; error budget left: %s", percentText(o.BudgetLeft)))
}

func (s Situation) sloStatus() *v1alpha1.SLOStatus {
	o := s.Outcome
	status := &v1alpha1.SLOStatus{
		MeasuredSince:   metav1.NewTime(o.Since.Truncate(time.Second)),
		Availability:    share(1 - o.Tally.FailedShare()),
		ErrorBudgetLeft: percentText(o.BudgetLeft),
	}
	if slo := s.Service.Spec.SLO; slo != nil && slo.Latency != nil {
		status.FastEnough = share(1 - o.Tally.SlowShare())
	}
	if o.P99 > 0 {
		status.P99 = o.P99.Round(max(o.P99/100, time.Microsecond)).String()
	}
	return status
}

// share is a percentage with the digits that tell one objective from another, rounded down: 99.9999 is not 100.
func share(part float64) string {
	return strconv.FormatFloat(math.Floor(part*1e5)/1e3, 'f', -1, 64) + " %"
}

func percentText(part float64) string {
	return strconv.FormatFloat(math.Floor(part*100), 'f', 0, 64) + " %"
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
