// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/apply"
	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/internal/confirm"
	"goservice.dev/operator/controllers/internal/plan"
	"goservice.dev/operator/controllers/internal/tuner"
)

// situation is all that a status follows from.
type situation struct {
	service   *v1alpha1.GoService
	observed  observed
	plan      plan.Plan
	applyErr  error
	confirmed confirm.Result
	outcome   *tuner.Outcome // of the closed loop; nil where nothing is measured
	optional  map[schema.GroupVersionKind]bool
	now       metav1.Time
}

// computeStatus is the one place where a status comes from.
func computeStatus(s situation) v1alpha1.GoServiceStatus {
	status := *s.service.Status.DeepCopy()
	status.ObservedGeneration = s.service.Generation
	status.Selector = build.PodSelector(s.service.Name).String()
	deployment := s.deploymentStatus()
	status.Replicas, status.ReadyReplicas = deployment.Replicas, deployment.ReadyReplicas
	status.Plan = s.plan.Status()

	set := func(condition metav1.Condition) {
		condition.ObservedGeneration = s.service.Generation
		condition.LastTransitionTime = s.now
		meta.SetStatusCondition(&status.Conditions, condition)
	}
	applied, available, progressing := s.appliedCondition(), s.availableCondition(), s.progressingCondition()
	set(readyCondition(applied, available, progressing))
	set(applied)
	set(available)
	set(progressing)
	set(s.plannedCondition())
	set(s.monitoredCondition())
	if s.confirmed.Revision != "" {
		tuned, tuning := s.tuned(status.Conditions, status.Tuning)
		set(tuned)
		status.Tuning = tuning
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

func (s situation) appliedCondition() metav1.Condition {
	var conflict *apply.ConflictError
	switch {
	case s.applyErr == nil:
		return condition(v1alpha1.ConditionApplied, metav1.ConditionTrue, v1alpha1.ReasonApplied, "every object is as it should be")
	case errors.As(s.applyErr, &conflict):
		return condition(v1alpha1.ConditionApplied, metav1.ConditionFalse, v1alpha1.ReasonConflict, conflict.Error())
	case isInvalid(s.applyErr):
		return condition(v1alpha1.ConditionApplied, metav1.ConditionFalse, v1alpha1.ReasonInvalid, oneLine(s.applyErr))
	}
	return condition(v1alpha1.ConditionApplied, metav1.ConditionFalse, v1alpha1.ReasonApplyFailed, oneLine(s.applyErr)+"; it is tried again")
}

// errInvalidSpec marks what only a change of the spec can mend.
var errInvalidSpec = errors.New("the spec cannot be put into force")

func isInvalid(err error) bool {
	return errors.Is(err, errInvalidSpec) || apierrors.IsInvalid(err) || apierrors.IsBadRequest(err)
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
func (s situation) availableCondition() metav1.Condition {
	needed, have := s.plan.Replicas.Value.Min, s.deploymentStatus().AvailableReplicas
	message := fmt.Sprintf("%d of at least %d pods serve", have, needed)
	if have >= needed {
		return condition(v1alpha1.ConditionAvailable, metav1.ConditionTrue, v1alpha1.ReasonAvailable, message)
	}
	return condition(v1alpha1.ConditionAvailable, metav1.ConditionFalse, v1alpha1.ReasonUnavailable, s.withTrouble(message))
}

func (s situation) progressingCondition() metav1.Condition {
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
	case s.observed.deployment == nil || status.ObservedGeneration < s.observed.deployment.Generation:
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
func (s situation) withTrouble(message string) string {
	if s.observed.trouble == "" {
		return message
	}
	return message + ": " + s.observed.trouble
}

func (s situation) deploymentStatus() appsv1.DeploymentStatus {
	if s.observed.deployment == nil {
		return appsv1.DeploymentStatus{}
	}
	return s.observed.deployment.Status
}

// wantedReplicas is what the Deployment asks for; below the plan's minimum it is about to be raised.
func (s situation) wantedReplicas() int32 {
	wanted := s.plan.Replicas.Value.Min
	if d := s.observed.deployment; d != nil && d.Spec.Replicas != nil && s.plan.Autoscaled {
		wanted = max(wanted, *d.Spec.Replicas)
	}
	return wanted
}

func (s situation) plannedCondition() metav1.Condition {
	if len(s.plan.Findings) > 0 {
		messages := make([]string, len(s.plan.Findings))
		for i, finding := range s.plan.Findings {
			messages[i] = finding.Message
		}
		return condition(v1alpha1.ConditionPlanned, metav1.ConditionFalse, s.plan.Findings[0].Reason, strings.Join(messages, ". "))
	}
	message := "no objective is declared in slo"
	if s.service.Spec.SLO != nil {
		message = "nothing speaks against the declared objectives"
	}
	return condition(v1alpha1.ConditionPlanned, metav1.ConditionTrue, v1alpha1.ReasonDerived, message)
}

// monitoredCondition covers what tells Prometheus to scrape the service and, where objectives are declared, to watch them.
func (s situation) monitoredCondition() metav1.Condition {
	monitored := func(status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return condition(v1alpha1.ConditionMonitored, status, reason, message)
	}
	applied := func(kind schema.GroupVersionKind) bool {
		_, exists := s.observed.children[apply.Key{Kind: kind, Name: s.service.Name}]
		return exists || s.applyErr == nil
	}
	watched := s.plan.Alerts != nil
	switch {
	case !s.optional[build.ServiceMonitorKind]:
		return monitored(metav1.ConditionFalse, v1alpha1.ReasonKindAbsent,
			"the cluster knows no ServiceMonitor; install the Prometheus Operator to have this service scraped")
	case !applied(build.ServiceMonitorKind):
		return monitored(metav1.ConditionFalse, v1alpha1.ReasonApplyFailed, "the ServiceMonitor is not applied")
	case watched && !s.optional[build.PrometheusRuleKind]:
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

func (s situation) summary(status v1alpha1.GoServiceStatus) v1alpha1.StatusSummary {
	summary := v1alpha1.StatusSummary{
		Replicas: fmt.Sprintf("%d/%d", status.ReadyReplicas, s.wantedReplicas()),
		Tuned:    "-", SLO: "-", Limit: "-",
	}
	if status.Tuning != nil {
		summary.Tuned = fmt.Sprintf("%d/%d", status.Tuning.ConfirmedPods, status.Tuning.TotalPods)
	}
	if s.service.Spec.SLO != nil {
		summary.SLO = "declared"
		if c := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionSLOMet); c != nil && c.Status == metav1.ConditionTrue {
			summary.SLO = "met"
		} else if c != nil && c.Status == metav1.ConditionFalse {
			summary.SLO = "missed"
		}
	}
	if limit := s.service.Spec.RateLimit; limit != nil {
		summary.Limit = fmt.Sprint(limit.RequestsPerSecond)
		if limit.Scope == v1alpha1.ScopePod {
			summary.Limit += "/pod"
		}
	}
	return summary
}

// writeStatus writes a status that differs from the present one and announces what changed.
func (r *GoServiceReconciler) writeStatus(ctx context.Context, service *v1alpha1.GoService, status v1alpha1.GoServiceStatus, confirmed confirm.Result, measured *tuner.Outcome) error {
	observeConfirmed(client.ObjectKeyFromObject(service), confirmed)
	if equality.Semantic.DeepEqual(service.Status, status) {
		return nil
	}
	changes := append(transitions(&service.Status, &status, confirmed), decided(service.Status.Decisions, measured)...)
	version, err := r.patchStatus(ctx, service, status)
	if err != nil {
		return fmt.Errorf("writing the status of GoService %s/%s: %w", service.Namespace, service.Name, err)
	}
	r.written.remember(service, version, status)
	r.announce(service, changes)
	return nil
}

// patchStatus sends what differs between the present status and the new one, on condition that nobody wrote in between, and
// returns the new resource version. Neither the spec nor more of the answer than its metadata goes over the wire.
func (r *GoServiceReconciler) patchStatus(ctx context.Context, service *v1alpha1.GoService, status v1alpha1.GoServiceStatus) (string, error) {
	only := func(status v1alpha1.GoServiceStatus) *v1alpha1.GoService {
		return &v1alpha1.GoService{
			ObjectMeta: metav1.ObjectMeta{Namespace: service.Namespace, Name: service.Name, ResourceVersion: service.ResourceVersion},
			Status:     status,
		}
	}
	patch, err := client.MergeFromWithOptions(only(service.Status), client.MergeFromWithOptimisticLock{}).Data(only(status))
	if err != nil {
		return "", err
	}
	answer := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: service.Namespace, Name: service.Name}}
	answer.SetGroupVersionKind(goServiceKind)
	err = r.Client.Status().Patch(ctx, answer, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(apply.FieldManager))
	return answer.ResourceVersion, err
}

// microTime is nil for the zero time.
func microTime(t time.Time) *metav1.MicroTime {
	if t.IsZero() {
		return nil
	}
	micro := metav1.NewMicroTime(t.Truncate(time.Microsecond).UTC())
	return &micro
}
