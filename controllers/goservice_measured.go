// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"fmt"
	"math"
	"strconv"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/plan"
	"goservice.dev/operator/controllers/internal/tuner"
	"goservice.dev/operator/workload/tuning"
)

// follow tells the closed loop how the service is at present and returns what that knows, at once; nil where it is not
// measured: without an slo, or with tuning switched off.
func (r *GoServiceReconciler) follow(service *v1alpha1.GoService, seen observed) *tuner.Outcome {
	name := client.ObjectKeyFromObject(service)
	off := service.Spec.Tuning != nil && service.Spec.Tuning.Mode == v1alpha1.TuningOff
	if r.loop == nil {
		return nil
	}
	if service.Spec.SLO == nil || off {
		r.loop.Forget(name)
		return nil
	}
	target := tuner.Target{Spec: service.Spec.DeepCopy()}
	for _, pod := range seen.tunable {
		if pod.IP != "" {
			target.Pods = append(target.Pods, tuner.Pod{Namespace: pod.Namespace, Name: pod.Name, IP: pod.IP})
		}
	}
	if d := seen.deployment; d != nil {
		target.Ready = d.Status.ReadyReplicas
		if d.Spec.Replicas != nil {
			target.Wanted = *d.Spec.Replicas
		}
	}
	for _, child := range seen.children {
		if autoscaler, is := child.(*autoscalingv2.HorizontalPodAutoscaler); is && autoscaler.Spec.MinReplicas != nil {
			target.Floor = *autoscaler.Spec.MinReplicas
		}
	}
	target.Budget = tuner.Budget{
		Total: plan.SharedLimit(target.Spec), Serving: seen.serving, Confirmed: r.tracker.Confirmed(name), InForce: seen.partsInForce,
		Coming: max(int(target.Wanted), len(seen.tunable)) - len(seen.serving),
	}
	outcome := r.loop.Follow(name, target)
	return &outcome
}

// partsInForce are the parts of a shared rate limit that differ from pod to pod.
func (o observed) partsInForce() map[string]float64 {
	for _, child := range o.children {
		configMap, is := child.(*corev1.ConfigMap)
		if !is {
			continue
		}
		document, err := tuning.Parse([]byte(configMap.Data[tuning.FileName]))
		if err != nil || document.RateLimit == nil {
			return nil // it is about to be mended
		}
		parts := make(map[string]float64, len(document.RateLimit.Pods))
		for pod, bucket := range document.RateLimit.Pods {
			parts[pod] = bucket.RequestsPerSecond
		}
		return parts
	}
	return nil
}

// measured sets what measurements say of a service, and removes it where nothing is measured.
func (s situation) measured(status *v1alpha1.GoServiceStatus, set func(metav1.Condition)) {
	status.SLO, status.Decisions = nil, nil
	if s.outcome == nil {
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionMeasured)
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionSLOMet)
		return
	}
	set(s.measuredCondition())
	set(sloCondition(s.outcome))
	if s.outcome.Tally.Total >= 1 {
		status.SLO = s.sloStatus()
	}
	history := s.outcome.History
	for _, change := range history[max(0, len(history)-maxDecisions):] {
		status.Decisions = append(status.Decisions, v1alpha1.TuningDecision{
			At: metav1.NewTime(change.At.Truncate(time.Second)), What: change.What, From: change.From, To: change.To, Reason: change.Reason,
		})
	}
}

// maxDecisions are shown in a status.
const maxDecisions = 10

// measuredCondition awaits nothing where no pod runs: that would be one more write for every service that starts.
func (s situation) measuredCondition() metav1.Condition {
	measured := func(status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return condition(v1alpha1.ConditionMeasured, status, reason, message)
	}
	o, spec := s.outcome, s.service.Spec.Tuning
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
	case len(s.observed.tunable) == 0:
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

func (s situation) sloStatus() *v1alpha1.SLOStatus {
	o := s.outcome
	status := &v1alpha1.SLOStatus{
		MeasuredSince:   metav1.NewTime(o.Since.Truncate(time.Second)),
		Availability:    share(1 - o.Tally.FailedShare()),
		ErrorBudgetLeft: percentText(o.BudgetLeft),
	}
	if slo := s.service.Spec.SLO; slo != nil && slo.Latency != nil {
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

// decided speaks of measured figures that turned: went up after they went down, or the other way, or moved for the first time.
func decided(before []v1alpha1.TuningDecision, outcome *tuner.Outcome) []transition {
	if outcome == nil {
		return nil
	}
	var found []transition
	for _, change := range outcome.History {
		at := change.At.Truncate(time.Second)
		if !change.Turned || len(before) > 0 && !at.After(before[len(before)-1].At.Time) {
			continue
		}
		found = append(found, transition{corev1.EventTypeNormal, "Tuned", "Tune",
			fmt.Sprintf("%s %s → %s: %s", change.What, change.From, change.To, change.Reason)})
	}
	return found
}
