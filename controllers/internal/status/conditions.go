// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
)

// definition is one type of condition.
type definition struct {
	kind string
	// normal is the status of a service that needs nobody; empty where each status is normal.
	normal metav1.ConditionStatus
	rules  chain
}

// definitions of every condition, in the order in which they are computed: a rule may read the conditions above its own.
// One whose normal status is False is there only while it is True.
var definitions = []definition{
	{v1alpha1.ConditionReady, yes, ready},
	{v1alpha1.ConditionApplied, yes, applied},
	{v1alpha1.ConditionAvailable, yes, available},
	{v1alpha1.ConditionProgressing, "", progressing},
	{v1alpha1.ConditionPlanned, yes, planned},
	{v1alpha1.ConditionReferences, yes, referenced},
	{v1alpha1.ConditionMonitored, yes, monitored},
	{v1alpha1.ConditionTuned, yes, tuned},
	{v1alpha1.ConditionMeasured, yes, measured},
	{v1alpha1.ConditionSLOMet, yes, sloMet},
	{v1alpha1.ConditionScaling, yes, scalable},
	{v1alpha1.ConditionExposed, yes, exposed},
	{v1alpha1.ConditionQueueShared, "", queueShared},
	{v1alpha1.ConditionEvictionBlocked, no, evictionBlocked},
	{v1alpha1.ConditionPaused, no, paused},
	{v1alpha1.ConditionStalled, no, stalled},
	{v1alpha1.ConditionReconciling, no, reconciling},
}

// conditions computes every condition over those of the present status.
func (s Situation) conditions(conditions []metav1.Condition) []metav1.Condition {
	for _, d := range definitions {
		if d.kind == v1alpha1.ConditionTuned && s.Confirmed.Revision == "" && s.Plan.OnToolkit {
			continue // no document could be made: no news of pods
		}
		s.computed = conditions
		condition, exists := d.rules.first(s)
		if !exists {
			meta.RemoveStatusCondition(&conditions, d.kind)
			continue
		}
		condition.Type, condition.ObservedGeneration, condition.LastTransitionTime = d.kind, s.Service.Generation, s.Now
		meta.SetStatusCondition(&conditions, condition)
	}
	return conditions
}

// paused tells of spec.paused.
var paused = chain{
	{yes, stopped},
}

// givenBack tells of build.AnnotationGiveBack.
func givenBack(s Situation) (string, string, bool) {
	return v1alpha1.ReasonGivenBack, "what runs was given back and belongs to nobody: delete this GoService, or hand it over again and remove the annotation " + build.AnnotationGiveBack,
		build.GivenBack(s.Service)
}

func stopped(s Situation) (string, string, bool) {
	return v1alpha1.ReasonPaused, "spec.paused is true: the operator changes nothing until it is false", s.Service.Spec.Paused
}
