// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/indicators"
	"goservice.dev/operator/controllers/plan"
)

// measured says whether measurements arrive. Where no pod runs nothing is awaited: that would be one more write for every
// service that starts.
var measured = chain{
	{yes, earlier(v1alpha1.ConditionMeasured, yes)},
	{no, ifFollowed(noPrometheus)},
	{yes, ifFollowed(measurementsArrive)},
	{no, ifFollowed(noPodRuns)},
	{unknown, ifFollowed(measuringBegins)},
	{no, ifFollowed(measurementsLack)},
}

// sloMet says whether the objectives were met over the last minute.
var sloMet = chain{
	{yes, earlier(v1alpha1.ConditionSLOMet, yes)},
	{no, earlier(v1alpha1.ConditionSLOMet, no)},
	{unknown, earlier(v1alpha1.ConditionSLOMet, unknown)},
	{unknown, ifFollowed(nothingMeasured)},
	{unknown, ifFollowed(noTraffic)},
	{no, ifFollowed(burning)},
	{yes, ifFollowed(objectivesHold)},
}

// begins says that a newly started operator measures for the first time: what an earlier one measured stands meanwhile.
func (s Situation) begins() bool {
	return s.Outcome != nil && s.Outcome.Early && !s.Outcome.Measured &&
		meta.IsStatusConditionTrue(s.Service.Status.Conditions, v1alpha1.ConditionMeasured)
}

// earlier applies where a condition had a status and what an earlier operator measured stands.
func earlier(kind string, status metav1.ConditionStatus) predicate {
	return func(s Situation) (string, string, bool) {
		was := meta.FindStatusCondition(s.Service.Status.Conditions, kind)
		if was == nil || was.Status != status || !s.begins() {
			return "", "", false
		}
		return was.Reason, was.Message, true
	}
}

// ifFollowed applies only where the closed loop follows the service.
func ifFollowed(p predicate) predicate {
	return func(s Situation) (string, string, bool) {
		if s.Outcome == nil {
			return "", "", false
		}
		return p(s)
	}
}

func noPrometheus(s Situation) (string, string, bool) {
	return v1alpha1.ReasonNoPrometheus, "spec.tuning.source is Prometheus, but the operator runs without one; " +
		"start it with --prometheus-address or set spec.tuning.source to Pods", s.Outcome.NoPrometheus
}

func measurementsArrive(s Situation) (string, string, bool) {
	message := "pods report metrics"
	if s.fromPrometheus() {
		message = "Prometheus has the pods' metrics"
	}
	return v1alpha1.ReasonMeasured, message + s.latencyBound(), s.Outcome.Measured
}

// latencyBound says at which bucket the latency objective is counted, where the service's own histogram has none at its threshold.
func (s Situation) latencyBound() string {
	slo := s.Service.Spec.SLO
	if slo == nil || slo.Latency == nil {
		return ""
	}
	bound := plan.LatencyBoundFor(slo.Latency.Threshold.Duration, s.Outcome.LatencyBound)
	if bound == 0 {
		return ""
	}
	threshold := slo.Latency.Threshold.Duration
	advice := fmt.Sprintf("give %s a bucket at %s seconds", s.histograms(), strconv.FormatFloat(threshold.Seconds(), 'f', -1, 64))
	if bound < 0 {
		return fmt.Sprintf("; latency is not measured, as no bucket is at %s or up to twice that: %s", threshold, advice)
	}
	return fmt.Sprintf("; latency is measured at %s, the next bucket above %s: %s to measure it exactly", bound, threshold, advice)
}

// histograms in which the service may count its requests.
func (s Situation) histograms() string {
	var names []string
	for _, h := range indicators.Of(&s.Service.Spec) {
		names = append(names, h.Name)
	}
	return strings.Join(names, " or ")
}

func noPodRuns(s Situation) (string, string, bool) {
	return v1alpha1.ReasonNotMeasured, "no pod runs", len(s.Observed.Tunable) == 0
}

func measuringBegins(s Situation) (string, string, bool) {
	return v1alpha1.ReasonMeasuring, "waiting for the first measurements", s.Outcome.Early
}

func measurementsLack(s Situation) (string, string, bool) {
	message := fmt.Sprintf("fewer than half of the pods answer on port %d; scale-in is paused until they do", indicators.At(&s.Service.Spec).Port)
	if s.fromPrometheus() {
		message = "Prometheus has the metrics of fewer than half of the pods; scale-in is paused until it has more"
	}
	if s.Outcome.Problem != "" {
		message += ": " + oneLine(s.Outcome.Problem)
	}
	return v1alpha1.ReasonNotMeasured, message, true
}

func (s Situation) fromPrometheus() bool {
	return s.Service.Spec.Tuning != nil && s.Service.Spec.Tuning.Source == v1alpha1.SourcePrometheus
}

func nothingMeasured(s Situation) (string, string, bool) {
	return v1alpha1.ReasonNotMeasured, "nothing is measured", !s.Outcome.Measured
}

func noTraffic(s Situation) (string, string, bool) {
	message := "no requests received yet"
	if !s.Plan.OnToolkit { // perhaps they are counted elsewhere
		message += ": no pod has counted any in " + s.histograms()
	}
	return v1alpha1.ReasonNoTraffic, message, s.Outcome.Tally.Total < 1
}

func burning(s Situation) (string, string, bool) {
	return v1alpha1.ReasonMissed, fmt.Sprintf("the objectives were missed over the last minute: too many requests were slow or failed; error budget left: %s",
		percentText(s.Outcome.BudgetLeft)), s.Outcome.Burning
}

func objectivesHold(s Situation) (string, string, bool) {
	return v1alpha1.ReasonMet, fmt.Sprintf("the objectives were met over the last minute; error budget left: %s", percentText(s.Outcome.BudgetLeft)), true
}

// maxDecisions are shown in a status.
const maxDecisions = 10

func (s Situation) decisions() []v1alpha1.TuningDecision {
	if s.Service.Spec.SLO == nil {
		return nil
	}
	if s.Outcome == nil { // they are history, whether or not more follow
		return s.Service.Status.DeepCopy().Decisions
	}
	var decisions []v1alpha1.TuningDecision
	history := s.Outcome.History
	for _, change := range history[max(0, len(history)-maxDecisions):] {
		decisions = append(decisions, v1alpha1.TuningDecision{
			At: metav1.NewTime(change.At.Truncate(time.Second)), What: change.What, From: change.From, To: change.To, Reason: oneLine(change.Reason),
		})
	}
	return decisions
}

// judgesLatency says that there is a latency objective, and that requests were compared with its threshold.
func (s Situation) judgesLatency() bool {
	slo := s.Service.Spec.SLO
	return slo != nil && slo.Latency != nil && s.Outcome.Tally.Judged() >= 1
}

func (s Situation) sloStatus() *v1alpha1.SLOStatus {
	o := s.Outcome
	if s.begins() {
		return s.Service.Status.SLO.DeepCopy()
	}
	if o == nil || o.Tally.Total < 1 {
		return nil
	}
	status := &v1alpha1.SLOStatus{
		MeasuredSince:   metav1.NewTime(o.Since.Truncate(time.Second)),
		Availability:    share(1 - o.Tally.FailedShare()),
		ErrorBudgetLeft: percentText(o.BudgetLeft),
	}
	if s.judgesLatency() {
		status.FastEnough = share(1 - o.Tally.SlowShare())
	}
	if p99 := s.p99(); p99 > 0 {
		status.P99 = p99.String()
	}
	return status
}

// share is a percentage with the digits that tell one objective from another, rounded down: 99.9999 is not 100.
func share(part float64) string {
	return strconv.FormatFloat(math.Floor(part*1e5)/1e3, 'f', -1, 64) + "%"
}

func percentText(part float64) string {
	return strconv.FormatFloat(math.Floor(part*100), 'f', 0, 64) + "%"
}
