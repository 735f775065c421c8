// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package explain turns the spec and the status of a GoService into what a person wants to know of it. It asks nobody: everything is in
// the object.
package explain

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/show"
)

// Report explains a GoService. Fields are added in later versions, and neither renamed nor removed.
type Report struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Image that the pods run; empty for the operator's bundled workload.
	Image string `json:"image,omitempty"`
	URL   string `json:"url,omitempty"`
	// Generation of the spec, and the one that the rest is about.
	Generation         int64 `json:"generation"`
	ObservedGeneration int64 `json:"observedGeneration"`
	// Ready is the status of the condition Ready, and Summary says it in a sentence.
	Ready   metav1.ConditionStatus `json:"ready"`
	Summary string                 `json:"summary"`
	// Attention lists conditions that are not as they should be, the most urgent first.
	Attention []Attention `json:"attention"`
	// Objectives is absent without spec.slo.
	Objectives *Objectives `json:"objectives,omitempty"`
	Load       Load        `json:"load"`
	Replicas   Replicas    `json:"replicas"`
	// PerPod are the settings of each pod.
	PerPod []Value `json:"perPod"`
	// Retune is absent for images that are not built on the toolkit.
	Retune *Retune `json:"retune,omitempty"`
	// SharedQueue is absent for images that are not built on the toolkit.
	SharedQueue *SharedQueue `json:"sharedQueue,omitempty"`
	// Decisions are the last changes by measurements, the latest first.
	Decisions []v1alpha1.TuningDecision `json:"decisions"`
	// Recommended is what tuning would change; only with spec.tuning.mode Recommend.
	Recommended []Value `json:"recommended,omitempty"`
}

// Value is a setting with its reason.
type Value struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Reason string `json:"reason"`
}

// Objectives are what spec.slo declares and how well it is met.
type Objectives struct {
	// State is met, missed, or unknown over the last minute; Why is the condition's own sentence.
	State string `json:"state"`
	Why   string `json:"why,omitempty"`
	// Window over which the objectives must hold, such as 30d.
	Window string `json:"window"`
	// Availability that is declared and measured, in percent. Empty: not declared, not measured.
	Availability         string `json:"availability,omitempty"`
	AvailabilityMeasured string `json:"availabilityMeasured,omitempty"`
	// Latency that is declared, such as "99% within 50ms", and the measured share of answers within the threshold.
	Latency    string `json:"latency,omitempty"`
	FastEnough string `json:"fastEnough,omitempty"`
	P99        string `json:"p99,omitempty"`
	// ErrorBudgetLeftPermille is absent while nothing is measured, and negative once more than the budget is spent.
	ErrorBudgetLeftPermille *int64       `json:"errorBudgetLeftPermille,omitempty"`
	MeasuredSince           *metav1.Time `json:"measuredSince,omitempty"`
	MeasuredRequests        *int64       `json:"measuredRequests,omitempty"`
	// Alerts on the objectives.
	Alerts []v1alpha1.PlannedAlert `json:"alerts,omitempty"`
}

// Load is what is asked of the service.
type Load struct {
	// PeakRequestsPerSecond that is declared.
	PeakRequestsPerSecond int32 `json:"peakRequestsPerSecond,omitempty"`
	// RequestsPerSecond were served on average from From to To. Absent without measurements.
	RequestsPerSecond *float64     `json:"requestsPerSecond,omitempty"`
	From              *metav1.Time `json:"from,omitempty"`
	To                *metav1.Time `json:"to,omitempty"`
	// RateLimit of all pods together, or of each with the scope Pod; 0 without one.
	RateLimit      int32                   `json:"rateLimit,omitempty"`
	RateLimitScope v1alpha1.RateLimitScope `json:"rateLimitScope,omitempty"`
	// CPUPerRequest is the CPU time of a request, such as 5ms. Empty without measurements.
	CPUPerRequest string `json:"cpuPerRequest,omitempty"`
}

// Replicas are the pods and what sets their number.
type Replicas struct {
	Ready   int32   `json:"ready"`
	Wanted  int32   `json:"wanted"`
	Min     int32   `json:"min"`
	Max     int32   `json:"max"`
	Reasons []Value `json:"reasons"`
}

// Retune is how far the latest live settings have come.
type Retune struct {
	State     string            `json:"state"`
	Revision  string            `json:"revision"`
	Confirmed int32             `json:"confirmed"`
	Total     int32             `json:"total"`
	PerPod    string            `json:"requestsPerSecondPerPod,omitempty"`
	ChangedAt *metav1.MicroTime `json:"changedAt,omitempty"`
	// Milliseconds from the change to the last confirmation.
	Milliseconds *int64                    `json:"milliseconds,omitempty"`
	Unconfirmed  []v1alpha1.UnconfirmedPod `json:"unconfirmed,omitempty"`
}

// SharedQueue says whether pods share their queue.
type SharedQueue struct {
	Shared  bool   `json:"shared"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
	Secret  string `json:"secret,omitempty"`
}

// Of explains a GoService at a time.
func Of(service *v1alpha1.GoService, now time.Time) *Report {
	status := &service.Status
	r := &Report{
		Namespace: service.Namespace, Name: service.Name, Image: service.Spec.Image, URL: status.URL,
		Generation: service.Generation, ObservedGeneration: status.ObservedGeneration,
		Ready: metav1.ConditionUnknown, Attention: attention(service, now),
		Objectives: objectives(service), Load: load(service), Replicas: replicas(status),
		PerPod: perPod(status.Plan), Retune: retune(status), SharedQueue: sharedQueue(status),
		Decisions: []v1alpha1.TuningDecision{}, Recommended: recommended(status.Recommended),
	}
	for i := len(status.Decisions) - 1; i >= 0; i-- {
		r.Decisions = append(r.Decisions, status.Decisions[i])
	}
	if ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady); ready != nil {
		r.Ready = ready.Status
	}
	r.Summary = summary(service, r.Ready)
	return r
}

func summary(service *v1alpha1.GoService, ready metav1.ConditionStatus) string {
	status := &service.Status
	pods := ""
	if status.Figures != nil {
		pods = fmt.Sprintf("%d of %d pods ready", status.ReadyReplicas, status.Figures.WantedReplicas)
	}
	switch {
	case status.ObservedGeneration < 0:
		return "no operator has looked at it yet"
	case status.ObservedGeneration < service.Generation:
		return fmt.Sprintf("the operator has not seen generation %d of the spec yet; what follows is about generation %d", service.Generation, status.ObservedGeneration)
	case service.Spec.Paused:
		return strings.TrimSuffix("paused: the operator writes nothing but the status; "+pods, "; ")
	case ready == metav1.ConditionTrue:
		return strings.TrimPrefix(pods+", and the latest spec is rolled out", ", and ")
	}
	if c := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady); c != nil {
		return strings.TrimPrefix(pods+"; "+c.Reason, "; ")
	}
	return pods
}

func objectives(service *v1alpha1.GoService) *Objectives {
	slo, status := service.Spec.SLO, &service.Status
	if slo == nil {
		return nil
	}
	o := &Objectives{State: "unknown", Window: slo.Window}
	if o.Window == "" {
		o.Window = "30d"
	}
	if c := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionSLOMet); c != nil {
		o.Why = c.Message
		switch c.Status {
		case metav1.ConditionTrue:
			o.State = "met"
		case metav1.ConditionFalse:
			o.State = "missed"
		case metav1.ConditionUnknown:
		}
	}
	o.Availability = slo.Availability
	if slo.Latency != nil {
		percentile := slo.Latency.Percentile
		if percentile == "" {
			percentile = "99"
		}
		o.Latency = fmt.Sprintf("%s%% within %s", percentile, slo.Latency.Threshold.Duration)
	}
	if measured := status.SLO; measured != nil {
		o.AvailabilityMeasured, o.FastEnough, o.P99 = measured.Availability, measured.FastEnough, measured.P99
		o.MeasuredSince = &measured.MeasuredSince
	}
	if figures := status.Figures; figures != nil {
		o.ErrorBudgetLeftPermille, o.MeasuredRequests = figures.ErrorBudgetLeftPermille, figures.MeasuredRequests
	}
	if status.Plan != nil {
		o.Alerts = status.Plan.Alerts
	}
	return o
}

func load(service *v1alpha1.GoService) Load {
	var l Load
	if slo := service.Spec.SLO; slo != nil && slo.Load != nil {
		l.PeakRequestsPerSecond = slo.Load.PeakRequestsPerSecond
	}
	if limit := service.Spec.RateLimit; limit != nil {
		l.RateLimit, l.RateLimitScope = limit.RequestsPerSecond, limit.Scope
	}
	if demand, from, to, known := Demand(service.Status.Learned); known {
		l.RequestsPerSecond, l.From, l.To = &demand, &metav1.Time{Time: from}, &metav1.Time{Time: to}
	}
	if learned := service.Status.Learned; learned != nil && learned.CPUNanoseconds > 0 {
		l.CPUPerRequest = time.Duration(learned.CPUNanoseconds).Round(10 * time.Microsecond).String()
	}
	return l
}

// shortest time over which a mean says something.
const shortest = 15 * time.Second

// Demand is the mean rate of requests over the latest interval that the operator counted, an hour at most, or two of them just after a new
// one has begun. Requests that a rate limit rejected are not in it. It is not known before 15 s have been counted.
func Demand(learned *v1alpha1.LearnedStatus) (perSecond float64, from, to time.Time, known bool) {
	if learned == nil {
		return 0, from, to, false
	}
	to = learned.At.Time
	var total int64
	for i := len(learned.Budget) - 1; i >= 0; i-- {
		total += learned.Budget[i].Total
		from = learned.Budget[i].Start.Time
		if took := to.Sub(from); took >= shortest {
			return float64(total) / took.Seconds(), from, to, true
		}
	}
	return 0, from, to, false
}

func replicas(status *v1alpha1.GoServiceStatus) Replicas {
	r := Replicas{Ready: status.ReadyReplicas, Wanted: status.Replicas, Reasons: []Value{}}
	if f := status.Figures; f != nil {
		r.Wanted, r.Min, r.Max = f.WantedReplicas, f.MinReplicas, f.MaxReplicas
	}
	if p := status.Plan; p != nil {
		r.Reasons = values(
			named{"bounds", &p.Replicas}, named{"floor", p.ReplicaFloor}, named{"CPU target", p.CPUTarget}, named{"utilization", p.Utilization},
			named{"scale up", p.ScaleUp}, named{"tolerance", p.ScaleUpTolerance}, named{"scale down", p.ScaleDownWindow},
		)
	}
	return r
}

func perPod(p *v1alpha1.PlanStatus) []Value {
	if p == nil {
		return []Value{}
	}
	return values(
		named{"rate limit", p.SharePerPod}, named{"workers", p.Workers}, named{"concurrency", p.Concurrency}, named{"queue depth", p.QueueDepth},
		named{"queue timeout", p.QueueTimeout}, named{"request timeout", p.RequestTimeout}, named{"GOGC", p.GOGC}, named{"GOMEMLIMIT", p.MemoryLimit},
		named{"pre-stop delay", &p.PreStopDelay}, named{"drain timeout", &p.DrainTimeout}, named{"grace period", &p.GracePeriod},
	)
}

func recommended(r *v1alpha1.RecommendedStatus) []Value {
	if r == nil {
		return nil
	}
	return values(named{"bounds", r.Replicas}, named{"floor", r.ReplicaFloor}, named{"CPU target", r.CPUTarget}, named{"workers", r.Workers}, named{"GOGC", r.GOGC})
}

type named struct {
	name  string
	value *v1alpha1.PlannedValue
}

// values are those that the plan has.
func values(all ...named) []Value {
	list := []Value{}
	for _, n := range all {
		if n.value != nil && n.value.Value != "" {
			list = append(list, Value{n.name, n.value.Value, n.value.Reason})
		}
	}
	return list
}

func retune(status *v1alpha1.GoServiceStatus) *Retune {
	settings := status.LiveSettings
	tuned := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionTuned)
	if settings == nil || tuned == nil {
		return nil
	}
	r := &Retune{
		State: tuned.Reason, Revision: settings.Revision, Confirmed: settings.ConfirmedPods, Total: settings.TotalPods,
		PerPod: settings.RequestsPerSecondPerPod, ChangedAt: settings.ChangedAt, Unconfirmed: settings.Unconfirmed,
	}
	if took, known := Took(settings); known {
		milliseconds := took.Milliseconds()
		r.Milliseconds = &milliseconds
	}
	return r
}

// Took is the time from a change of live settings to the last confirmation.
func Took(settings *v1alpha1.LiveSettingsStatus) (time.Duration, bool) {
	if settings.ChangedAt == nil || settings.ConfirmedAt == nil || settings.ConfirmedAt.Before(settings.ChangedAt) {
		return 0, false
	}
	return settings.ConfirmedAt.Sub(settings.ChangedAt.Time), true
}

func sharedQueue(status *v1alpha1.GoServiceStatus) *SharedQueue {
	c := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionQueueShared)
	if c == nil {
		return nil
	}
	q := &SharedQueue{Shared: c.Status == metav1.ConditionTrue, Reason: c.Reason, Message: show.Plain(c.Message)}
	if status.HandOff != nil {
		q.Secret = status.HandOff.Secret
	}
	return q
}
