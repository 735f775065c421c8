// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package explain

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
)

// Attention is what is wrong with a service.
type Attention struct {
	// Conditions with the same message, such as Ready and Stalled. None where no operator has looked at the spec.
	Conditions []ConditionStatus `json:"conditions"`
	Reason     string            `json:"reason"`
	Message    string            `json:"message"`
	// Since is when the first of the conditions changed.
	Since metav1.Time `json:"since"`
	// Waiting says that the operator is at work, and that time is likely to mend it.
	Waiting bool `json:"waiting"`
	// Do says what to do. Empty if the message does.
	Do string `json:"do,omitempty"`
}

// ConditionStatus is a condition's type and status.
type ConditionStatus struct {
	Type   string                 `json:"type"`
	Status metav1.ConditionStatus `json:"status"`
}

// order of conditions, from the one whose message says most.
var order = []string{
	v1alpha1.ConditionApplied, v1alpha1.ConditionReady, v1alpha1.ConditionAvailable, v1alpha1.ConditionProgressing, v1alpha1.ConditionReferences,
	v1alpha1.ConditionSLOMet, v1alpha1.ConditionPlanned, v1alpha1.ConditionScaling, v1alpha1.ConditionMeasured, v1alpha1.ConditionTuned,
	v1alpha1.ConditionExposed, v1alpha1.ConditionMonitored, v1alpha1.ConditionEvictionBlocked, v1alpha1.ConditionPaused,
	v1alpha1.ConditionStalled, v1alpha1.ConditionReconciling,
}

// whileTrue are conditions that are only there while something is wrong.
var whileTrue = []string{v1alpha1.ConditionEvictionBlocked, v1alpha1.ConditionPaused, v1alpha1.ConditionStalled, v1alpha1.ConditionReconciling}

// passing reasons are of times that end by themselves.
var passing = []string{
	v1alpha1.ReasonRollingOut, v1alpha1.ReasonScaling, v1alpha1.ReasonConfirming, v1alpha1.ReasonPulling, v1alpha1.ReasonMeasuring,
	v1alpha1.ReasonAwaitingGateway, v1alpha1.ReasonAwaitingAddress, v1alpha1.ReasonNotYetApplied, v1alpha1.ReasonAutoscalerUnseen,
}

// quiet reasons say that there is nothing to judge.
var quiet = []string{v1alpha1.ReasonNoTraffic, v1alpha1.ReasonMeasuring, v1alpha1.ReasonNoPods}

func attention(service *v1alpha1.GoService, now time.Time) []Attention {
	found := []Attention{}
	if behind := unseen(service, now); behind != nil {
		found = append(found, *behind)
	}
	for _, kind := range order {
		c := meta.FindStatusCondition(service.Status.Conditions, kind)
		if c == nil || !amiss(c) {
			continue
		}
		same := slices.IndexFunc(found, func(a Attention) bool { return a.Message == c.Message })
		if same >= 0 {
			found[same].Conditions = append(found[same].Conditions, ConditionStatus{kind, c.Status})
			found[same].Waiting = found[same].Waiting && kind != v1alpha1.ConditionStalled
			continue
		}
		if consequence(kind, service.Status.Conditions) {
			continue
		}
		found = append(found, Attention{
			Conditions: []ConditionStatus{{kind, c.Status}}, Reason: c.Reason, Message: c.Message, Since: c.LastTransitionTime,
			Waiting: kind == v1alpha1.ConditionReconciling || slices.Contains(passing, c.Reason), Do: advice(service, c),
		})
	}
	slices.SortStableFunc(found, func(a, b Attention) int { return rank(a) - rank(b) })
	return found
}

func rank(a Attention) int {
	if a.Waiting {
		return 1
	}
	return 0
}

// unseen tells of an edit that no operator has looked at for a while.
func unseen(service *v1alpha1.GoService, now time.Time) *Attention {
	if service.Status.ObservedGeneration >= service.Generation {
		return nil
	}
	message := "no operator has looked at this GoService yet"
	if service.Status.ObservedGeneration >= 0 {
		message = fmt.Sprintf("the operator has processed generation %d of the spec, not yet %d", service.Status.ObservedGeneration, service.Generation)
	}
	return &Attention{
		Conditions: []ConditionStatus{}, Reason: "NotObserved", Since: service.CreationTimestamp, Message: message,
		Waiting: now.Sub(service.CreationTimestamp.Time) < time.Minute && service.Status.ObservedGeneration < 0,
		Do:      "it takes less than a second while an operator runs; kubectl gosvc check says whether one does",
	}
}

func amiss(c *metav1.Condition) bool {
	if slices.Contains(whileTrue, c.Type) {
		return c.Status == metav1.ConditionTrue
	}
	if c.Type == v1alpha1.ConditionProgressing { // what it says while it is True, Ready says too
		return c.Reason == v1alpha1.ReasonRolloutStalled
	}
	return c.Status != metav1.ConditionTrue && !slices.Contains(quiet, c.Reason)
}

// consequence says that a condition only repeats in other words what another one explains.
func consequence(kind string, conditions []metav1.Condition) bool {
	ready := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
	switch kind {
	case v1alpha1.ConditionAvailable, v1alpha1.ConditionStalled, v1alpha1.ConditionReconciling:
		return ready != nil && ready.Status != metav1.ConditionTrue
	}
	return false
}

// advices on reasons whose messages do not say what to do.
var advices = map[string]string{
	v1alpha1.ReasonConflict: "rename the GoService, delete the object, or hand it over: kubectl gosvc adopt deployment/{name} -n {namespace}",
	v1alpha1.ReasonInvalid:  "edit the spec: kubectl edit gosvc {name} -n {namespace}",
	v1alpha1.ReasonDenied:   "change what the message names: a quota, an admission policy, or the permissions of the operator; it retries by itself",
	v1alpha1.ReasonGivenBack: "what ran was given back and stays; delete the GoService, or take it over again with " +
		"kubectl annotate gosvc/{name} -n {namespace} goservice.dev/give-back-",
	v1alpha1.ReasonRolloutStalled: "see why the new pods do not become ready, then edit spec.image or the field that changed last: " +
		"kubectl get pods -n {namespace} -l app.kubernetes.io/name={name}",
	v1alpha1.ReasonOutOfMemory:      "kubectl gosvc top {name} -n {namespace} shows what the pods use",
	v1alpha1.ReasonContainerExited:  "kubectl logs -n {namespace} -l app.kubernetes.io/name={name} --previous shows the rest",
	v1alpha1.ReasonUnschedulable:    "lower spec.resources.requests, relax spec.pod, or add nodes",
	v1alpha1.ReasonQuotaExceeded:    "lower spec.resources, or have the quota raised",
	v1alpha1.ReasonLimitRange:       "lower spec.resources, or have the LimitRange changed",
	v1alpha1.ReasonScaledToZero:     "scale it to 1 or more: kubectl scale deployment/{name} -n {namespace} --replicas=1",
	v1alpha1.ReasonNoMetrics:        "metrics-server is usually missing: kubectl gosvc check says whether metrics.k8s.io is served",
	v1alpha1.ReasonRejectedByPods:   "the pods keep their last valid settings; undo the edit, or rebuild the image on the current toolkit",
	v1alpha1.ReasonUnreachablePods:  "let the operator reach port 9100 of the pods: a NetworkPolicy, an image that is not built on the toolkit, or a node that hangs",
	v1alpha1.ReasonNotMeasured:      "let the operator reach the metrics of the pods, or set spec.tuning.source: Prometheus",
	v1alpha1.ReasonNoPrometheus:     "start the operator with --prometheus-address, or set spec.tuning.source: Pods",
	v1alpha1.ReasonMissed:           "see whether pods are short (Pods, below), slow, or failing: kubectl gosvc top {name} -n {namespace}",
	v1alpha1.ReasonPaused:           "kubectl gosvc resume {name} -n {namespace}",
	v1alpha1.ReasonAboveMaxReplicas: "raise spec.autoscaling.maxReplicas or spec.resources, or lower spec.slo.load.peakRequestsPerSecond",
	v1alpha1.ReasonRateLimitTooSmall: "raise the limit with kubectl gosvc retune {name} -n {namespace} --rate N, or lower " +
		"spec.slo.load.peakRequestsPerSecond",
	v1alpha1.ReasonUnreachable:     "raise spec.slo.latency.threshold, or make a request cheaper",
	v1alpha1.ReasonMultipleBudgets: "delete one of the budgets, or set spec.disruptionBudget.disabled: true",
	v1alpha1.ReasonMissingSecret:   "create it in namespace {namespace}", v1alpha1.ReasonMissingConfigMap: "create it in namespace {namespace}",
}

func advice(service *v1alpha1.GoService, c *metav1.Condition) string {
	return strings.NewReplacer("{name}", service.Name, "{namespace}", service.Namespace).Replace(advices[c.Reason])
}
