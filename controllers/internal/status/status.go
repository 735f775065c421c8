// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package status says what is: one function turns all that a reconcile knows into a status, and the difference between two of
// them into events. It is pure and the only source of a status.
package status

import (
	"errors"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/apply"
	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/internal/confirm"
	"goservice.dev/operator/controllers/internal/observe"
	"goservice.dev/operator/controllers/plan"
	"goservice.dev/operator/controllers/tuner"
)

// Situation is all that a status follows from.
type Situation struct {
	Service   *v1alpha1.GoService
	Observed  observe.State
	Plan      plan.Plan
	ApplyErr  error
	Confirmed confirm.Result
	Outcome   *tuner.Outcome // of the closed loop; nil where nothing is measured
	Optional  map[schema.GroupVersionKind]bool
	Now       metav1.Time
}

// Compute is the one place where a status comes from.
func Compute(s Situation) v1alpha1.GoServiceStatus {
	status := *s.Service.Status.DeepCopy()
	status.ObservedGeneration = s.Service.Generation
	status.Selector = build.PodSelector(s.Service.Name).String()
	deployment := s.deploymentStatus()
	status.Replicas, status.ReadyReplicas = deployment.Replicas, deployment.ReadyReplicas
	status.Plan = s.Plan.Status()

	set := func(condition metav1.Condition) {
		condition.ObservedGeneration = s.Service.Generation
		condition.LastTransitionTime = s.Now
		meta.SetStatusCondition(&status.Conditions, condition)
	}
	applied, available, progressing := s.appliedCondition(), s.availableCondition(), s.progressingCondition()
	set(readyCondition(applied, available, progressing))
	set(applied)
	set(available)
	set(progressing)
	set(s.plannedCondition())
	set(s.monitoredCondition())
	if s.Confirmed.Revision != "" {
		tuned, tuning := s.tuned(status.Conditions, status.LiveSettings)
		set(tuned)
		status.LiveSettings = tuning
	}
	s.measured(&status, set)
	status.Summary = s.summary(status)
	return status
}

func condition(kind string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message}
}

// readyCondition is the first of the conditions that keeps the service from being ready.
func readyCondition(applied, available, progressing metav1.Condition) metav1.Condition {
	switch {
	case applied.Status != metav1.ConditionTrue:
		return condition(v1alpha1.ConditionReady, metav1.ConditionFalse, applied.Reason, applied.Message)
	case progressing.Reason == v1alpha1.ReasonRolloutStalled, progressing.Reason == v1alpha1.ReasonRollingOut:
		return condition(v1alpha1.ConditionReady, metav1.ConditionFalse, progressing.Reason, progressing.Message)
	case available.Status != metav1.ConditionTrue:
		return condition(v1alpha1.ConditionReady, metav1.ConditionFalse, available.Reason, available.Message)
	}
	return condition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "the newest spec is applied and "+available.Message)
}

func (s Situation) appliedCondition() metav1.Condition {
	var conflict *apply.ConflictError
	switch {
	case s.ApplyErr == nil:
		return condition(v1alpha1.ConditionApplied, metav1.ConditionTrue, v1alpha1.ReasonApplied, "every object is as it should be")
	case errors.As(s.ApplyErr, &conflict):
		return condition(v1alpha1.ConditionApplied, metav1.ConditionFalse, v1alpha1.ReasonConflict, conflict.Error())
	case IsInvalid(s.ApplyErr):
		return condition(v1alpha1.ConditionApplied, metav1.ConditionFalse, v1alpha1.ReasonInvalid, oneLine(s.ApplyErr))
	}
	return condition(v1alpha1.ConditionApplied, metav1.ConditionFalse, v1alpha1.ReasonApplyFailed, oneLine(s.ApplyErr)+"; it is tried again")
}

// ErrInvalidSpec marks what only a change of the spec can mend.
var ErrInvalidSpec = errors.New("the spec cannot be put into force")

func IsInvalid(err error) bool {
	return errors.Is(err, ErrInvalidSpec) || apierrors.IsInvalid(err) || apierrors.IsBadRequest(err)
}

const maxMessageLength = 1024

func oneLine(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) > maxMessageLength {
		text = strings.ToValidUTF8(text[:maxMessageLength], "") + "…"
	}
	return text
}

// availableCondition asks for as many serving pods as the plan has at least, so that scaling up does not make a service
// that serves unavailable.
func (s Situation) availableCondition() metav1.Condition {
	needed, have := s.Plan.Replicas.Value.Min, s.deploymentStatus().AvailableReplicas
	message := fmt.Sprintf("%d of at least %d pods serve", have, needed)
	if have >= needed {
		return condition(v1alpha1.ConditionAvailable, metav1.ConditionTrue, v1alpha1.ReasonAvailable, message)
	}
	return condition(v1alpha1.ConditionAvailable, metav1.ConditionFalse, v1alpha1.ReasonUnavailable, s.withTrouble(message))
}

func (s Situation) progressingCondition() metav1.Condition {
	status, wanted := s.deploymentStatus(), s.wantedReplicas()
	for i := range status.Conditions {
		if c := &status.Conditions[i]; c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse {
			return condition(v1alpha1.ConditionProgressing, metav1.ConditionFalse, v1alpha1.ReasonRolloutStalled, s.withTrouble("new pods do not become ready"))
		}
	}
	rolling := func(message string) metav1.Condition {
		return condition(v1alpha1.ConditionProgressing, metav1.ConditionTrue, v1alpha1.ReasonRollingOut, s.withTrouble(message))
	}
	switch {
	case s.Observed.Deployment == nil || status.ObservedGeneration < s.Observed.Deployment.Generation:
		return rolling("the newest pod template is about to be rolled out")
	case status.UpdatedReplicas < status.Replicas:
		return rolling(fmt.Sprintf("%d of %d pods run the newest template", status.UpdatedReplicas, wanted))
	case status.AvailableReplicas < wanted || status.Replicas > wanted:
		return condition(v1alpha1.ConditionProgressing, metav1.ConditionTrue, v1alpha1.ReasonScaling,
			s.withTrouble(fmt.Sprintf("%d of %d pods serve", status.AvailableReplicas, wanted)))
	}
	return condition(v1alpha1.ConditionProgressing, metav1.ConditionFalse, v1alpha1.ReasonRolloutComplete, "every pod runs the newest template")
}

// withTrouble adds what keeps pods from running, if anything does.
func (s Situation) withTrouble(message string) string {
	if s.Observed.Trouble == "" {
		return message
	}
	return message + ": " + s.Observed.Trouble
}

func (s Situation) deploymentStatus() appsv1.DeploymentStatus {
	if s.Observed.Deployment == nil {
		return appsv1.DeploymentStatus{}
	}
	return s.Observed.Deployment.Status
}

// wantedReplicas is what the Deployment asks for; below the plan's minimum it is about to be raised.
func (s Situation) wantedReplicas() int32 {
	wanted := s.Plan.Replicas.Value.Min
	if d := s.Observed.Deployment; d != nil && d.Spec.Replicas != nil && s.Plan.Autoscaled {
		wanted = max(wanted, *d.Spec.Replicas)
	}
	return wanted
}

func (s Situation) plannedCondition() metav1.Condition {
	if len(s.Plan.Findings) > 0 {
		messages := make([]string, len(s.Plan.Findings))
		for i, finding := range s.Plan.Findings {
			messages[i] = finding.Message
		}
		return condition(v1alpha1.ConditionPlanned, metav1.ConditionFalse, s.Plan.Findings[0].Reason, strings.Join(messages, ". "))
	}
	message := "no objective is declared in slo"
	if s.Service.Spec.SLO != nil {
		message = "nothing speaks against the declared objectives"
	}
	return condition(v1alpha1.ConditionPlanned, metav1.ConditionTrue, v1alpha1.ReasonDerived, message)
}

// monitoredCondition covers what tells Prometheus to scrape the service and, where objectives are declared, to watch them.
func (s Situation) monitoredCondition() metav1.Condition {
	monitored := func(status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return condition(v1alpha1.ConditionMonitored, status, reason, message)
	}
	applied := func(kind schema.GroupVersionKind) bool {
		_, exists := s.Observed.Children[apply.Key{Kind: kind, Name: s.Service.Name}]
		return exists || s.ApplyErr == nil
	}
	watched := s.Plan.Alerts != nil
	switch {
	case !s.Optional[build.ServiceMonitorKind]:
		return monitored(metav1.ConditionFalse, v1alpha1.ReasonKindAbsent,
			"the cluster knows no ServiceMonitor; install the Prometheus Operator to have this service scraped")
	case !applied(build.ServiceMonitorKind):
		return monitored(metav1.ConditionFalse, v1alpha1.ReasonApplyFailed, "the ServiceMonitor is not applied")
	case watched && !s.Optional[build.PrometheusRuleKind]:
		return monitored(metav1.ConditionFalse, v1alpha1.ReasonRuleKindAbsent,
			"every pod is scraped, but the cluster knows no PrometheusRule; install the Prometheus Operator's definition of it to have the objectives watched")
	case watched && !applied(build.PrometheusRuleKind):
		return monitored(metav1.ConditionFalse, v1alpha1.ReasonApplyFailed, "the PrometheusRule is not applied")
	case watched:
		return monitored(metav1.ConditionTrue, v1alpha1.ReasonScraped,
			"a ServiceMonitor tells Prometheus to scrape every pod, a PrometheusRule to watch the objectives")
	}
	return monitored(metav1.ConditionTrue, v1alpha1.ReasonScraped, "a ServiceMonitor tells Prometheus to scrape every pod")
}

func (s Situation) summary(status v1alpha1.GoServiceStatus) v1alpha1.StatusSummary {
	summary := v1alpha1.StatusSummary{
		Replicas: fmt.Sprintf("%d/%d", status.ReadyReplicas, s.wantedReplicas()),
		Tuned:    "-", SLO: "-", Limit: "-",
	}
	if status.LiveSettings != nil {
		summary.Tuned = fmt.Sprintf("%d/%d", status.LiveSettings.ConfirmedPods, status.LiveSettings.TotalPods)
	}
	if s.Service.Spec.SLO != nil {
		summary.SLO = "declared"
		if c := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionSLOMet); c != nil && c.Status == metav1.ConditionTrue {
			summary.SLO = "met"
		} else if c != nil && c.Status == metav1.ConditionFalse {
			summary.SLO = "missed"
		}
	}
	if limit := s.Service.Spec.RateLimit; limit != nil {
		summary.Limit = fmt.Sprint(limit.RequestsPerSecond)
		if limit.Scope == v1alpha1.ScopePod {
			summary.Limit += "/pod"
		}
	}
	return summary
}

// microTime is nil for the zero time.
func microTime(t time.Time) *metav1.MicroTime {
	if t.IsZero() {
		return nil
	}
	micro := metav1.NewMicroTime(t.Truncate(time.Microsecond).UTC())
	return &micro
}
