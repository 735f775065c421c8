// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package status says what is: one function turns all that a reconcile knows into a status, and the difference between two of
// them into events. It is pure and the only source of a status. Each condition is a table of named predicates (chain); which
// conditions there are is a table, too (definitions).
package status

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/internal/confirm"
	"goservice.dev/operator/controllers/internal/observe"
	"goservice.dev/operator/controllers/plan"
	"goservice.dev/operator/controllers/tuner"
)

// Situation is all that a status follows from.
type Situation struct {
	Service  *v1alpha1.GoService
	Observed observe.State
	Plan     plan.Plan
	ApplyErr error
	// Template that was applied, if nothing failed; zero where nothing was built.
	Template v1alpha1.TemplateStatus
	// Generation of the Deployment after the last write to it, which the cache need not show yet; 0 while unknown.
	Generation int64
	// ExposedGeneration is the same of the route or Ingress.
	ExposedGeneration int64
	// Listeners of the Gateway that the service is attached to; empty where they are not known.
	Listeners []Listener
	Confirmed confirm.Result
	Outcome   *tuner.Outcome // of the closed loop; nil where nothing is measured
	Optional  map[schema.GroupVersionKind]bool
	// References are the ConfigMaps and Secrets whose data the pods take.
	References []build.Referenced
	// MaxReplicas that the plan took over from the autoscaler while nothing is measured; 0 without one.
	MaxReplicas int32
	// Recommended is what tuning would change, where it is only to be shown.
	Recommended *v1alpha1.RecommendedStatus
	// HandOff is what became of the keys by which pods share their queue.
	HandOff HandOff
	Now     metav1.Time

	computed []metav1.Condition // the conditions so far, while they are computed
	next     *time.Time         // the first moment at which something else is to be said although nothing happened
}

// Compute is the one place where a status comes from. It also says after what time the status is to be computed again although
// nothing happened, since a grace ends; 0: never.
func Compute(s Situation) (status v1alpha1.GoServiceStatus, again time.Duration) {
	var next time.Time
	s.next = &next
	status = s.status()
	if !next.IsZero() {
		// Times in statuses have whole seconds.
		again = next.Sub(s.Now.Time).Truncate(time.Second) + time.Second
	}
	return status, again
}

// reached reports whether a moment has come, and remembers it otherwise.
func (s Situation) reached(moment time.Time) bool {
	if !s.Now.Time.Before(moment) {
		return true
	}
	if s.next != nil && (s.next.IsZero() || moment.Before(*s.next)) {
		*s.next = moment
	}
	return false
}

func (s Situation) status() v1alpha1.GoServiceStatus {
	status := *s.Service.Status.DeepCopy()
	status.ObservedGeneration = s.Service.Generation
	status.Selector = build.PodSelector(s.Service).String()
	deployment := s.deploymentStatus()
	status.Replicas, status.ReadyReplicas = deployment.Replicas, deployment.ReadyReplicas
	status.URL = s.url()
	status.Plan, status.Figures = s.Plan.Status(), s.figures()
	status.Conditions = s.conditions(status.Conditions)
	if !s.Plan.OnToolkit {
		status.LiveSettings = nil // nothing takes any
	} else if s.Confirmed.Revision != "" {
		status.LiveSettings = s.liveSettings()
	}
	if s.ApplyErr == nil && s.Template != (v1alpha1.TemplateStatus{}) {
		status.Template = &s.Template
	}
	status.SLO, status.Decisions, status.Learned = s.sloStatus(), s.decisions(), s.learned()
	status.Recommended, status.HandOff = s.Recommended, s.handOff()
	status.Summary = s.summary(status)
	return s.withoutDrift(status)
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
