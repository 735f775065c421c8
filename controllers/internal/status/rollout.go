// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"goservice.dev/operator/api/v1alpha1"
)

// Reasons of a Deployment's condition Progressing, as the deployment controller (pkg/controller/deployment/util in Kubernetes)
// writes them.
const (
	progressDeadlineExceeded = "ProgressDeadlineExceeded"
	replicaSetCreateError    = "ReplicaSetCreateError"
)

// ready is the first thing that keeps the service from being ready. More pods than the least number may still be on their way.
var ready = chain{
	{no, unlessPaused(unless(applied))},
	{no, replicaSetRefused},
	{no, templateUnobserved},
	{no, rolloutStalled},
	{no, troubled(oldPodsRun, tooFewPods)},
	{no, oldPodsRun},
	{no, unless(available)},
	{yes, serves},
}

// available asks for as many serving pods as the plan has at least, so that scaling out does not make a service that serves
// unavailable.
var available = chain{
	{no, tooFewPods},
	{yes, enoughPods},
}

// progressing says whether pods are being replaced or added.
var progressing = chain{
	{yes, templateUnobserved},
	{no, rolloutStalled},
	{yes, oldPodsRun},
	{yes, scaling},
	{no, always(v1alpha1.ReasonRolloutComplete, "all pods run the latest template")},
}

// templateUnobserved holds from the write of a pod template until the deployment controller has seen it: until then, what the
// Deployment reports is about the template before.
func templateUnobserved(s Situation) (string, string, bool) {
	d, message := s.Observed.Deployment, "waiting for the rollout of the latest pod template to start"
	if refused, is := s.refusedReplicaSet(); is {
		message += ": " + refused.message // other troubles are of the template before
	}
	return v1alpha1.ReasonRollingOut, message,
		d == nil || d.Status.ObservedGeneration < max(d.Generation, s.Generation)
}

// replicaSetRefused stands above templateUnobserved: a deployment controller that may not create the ReplicaSet says so, but
// not that it has seen the template.
func replicaSetRefused(s Situation) (string, string, bool) {
	refused, is := s.refusedReplicaSet()
	return refused.reason, "the rollout of the latest pod template cannot start: " + refused.message, is
}

// rolloutStalled stands below templateUnobserved: an edit that mends a stalled rollout must not look as stalled as that was.
func rolloutStalled(s Situation) (string, string, bool) {
	for _, c := range s.deploymentStatus().Conditions {
		if c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse && c.Reason == progressDeadlineExceeded {
			return v1alpha1.ReasonRolloutStalled, s.withTrouble("new pods are not becoming ready"), true
		}
	}
	return "", "", false
}

func oldPodsRun(s Situation) (string, string, bool) {
	d := s.deploymentStatus()
	return v1alpha1.ReasonRollingOut, s.withTrouble(fmt.Sprintf("%d of %d pods have the latest template", d.UpdatedReplicas, s.wantedReplicas())),
		d.UpdatedReplicas < d.Replicas
}

func scaling(s Situation) (string, string, bool) {
	d, wanted := s.deploymentStatus(), s.wantedReplicas()
	return v1alpha1.ReasonScaling, s.withTrouble(fmt.Sprintf("%d of %d pods are available", d.AvailableReplicas, wanted)),
		d.AvailableReplicas < wanted || d.Replicas > wanted
}

func tooFewPods(s Situation) (string, string, bool) {
	return v1alpha1.ReasonUnavailable, s.withTrouble(s.servingPods()), s.deploymentStatus().AvailableReplicas < s.Plan.Replicas.Value.Min
}

func enoughPods(s Situation) (string, string, bool) {
	return v1alpha1.ReasonAvailable, s.servingPods(), true
}

func serves(s Situation) (string, string, bool) {
	return v1alpha1.ReasonReady, s.applyWord() + s.servingPods(), true
}

func (s Situation) servingPods() string {
	return fmt.Sprintf("%d of at least %d pods are available", s.deploymentStatus().AvailableReplicas, s.Plan.Replicas.Value.Min)
}

// applyWord says of a paused service no more than is known: a newer spec may wait.
func (s Situation) applyWord() string {
	if s.Service.Spec.Paused {
		return "the operator is paused, and "
	}
	return "the latest spec is applied and "
}
