// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/tuner"
)

// learned is what the next operator has to know. Where nothing is measured now, what a request costs stays known, and so does
// the error budget; figures that measurements moved are not in force and are not taken up again later.
func (s Situation) learned() *v1alpha1.LearnedStatus {
	before := s.Service.Status.Learned
	if s.Service.Spec.SLO == nil {
		return nil
	}
	if s.Outcome != nil {
		learned := s.Outcome.Learned.Status()
		learned.MaxReplicas = s.MaxReplicas
		learned.At = metav1.NewTime(s.Now.Truncate(time.Second))
		if before != nil && sameLearned(*before, *learned) {
			return before.DeepCopy()
		}
		if sameLearned(v1alpha1.LearnedStatus{}, *learned) {
			return nil
		}
		return learned
	}
	if before == nil {
		if s.MaxReplicas == 0 {
			return nil
		}
		before = tuner.Learned{At: s.Now.Time}.Status() // an upper bound that was found
	}
	kept := &v1alpha1.LearnedStatus{
		Version: before.Version, At: before.At,
		CPUNanoseconds: before.CPUNanoseconds, ServiceNanoseconds: before.ServiceNanoseconds,
		HighestCPUNanoseconds: before.HighestCPUNanoseconds, HighestServiceNanoseconds: before.HighestServiceNanoseconds,
		LatencyBoundNanoseconds: before.LatencyBoundNanoseconds, ThresholdNanoseconds: before.ThresholdNanoseconds,
		MaxReplicas: s.MaxReplicas, StartupSeconds: before.DeepCopy().StartupSeconds, Profile: before.Profile.DeepCopy(), Budget: before.DeepCopy().Budget,
	}
	if sameLearned(v1alpha1.LearnedStatus{}, *kept) {
		return nil
	}
	return kept
}

// sameLearned says whether two differ in no more than their time and intervals without a request.
func sameLearned(a, b v1alpha1.LearnedStatus) bool {
	a.At, b.At = metav1.Time{}, metav1.Time{}
	a.Version, b.Version = 0, 0
	a.Budget, b.Budget = counted(a.Budget), counted(b.Budget)
	return equality.Semantic.DeepEqual(a, b)
}

func counted(budget []v1alpha1.LearnedTally) []v1alpha1.LearnedTally {
	var with []v1alpha1.LearnedTally
	for i := range budget {
		if t := budget[i]; t.Total > 0 || t.Failed > 0 || t.Slow > 0 {
			with = append(with, t)
		}
	}
	return with
}

// withoutDrift is the next status, or the present one where they differ only in what moves with every request and that was
// written less than a tuner.DriftPeriod ago.
func (s Situation) withoutDrift(next v1alpha1.GoServiceStatus) v1alpha1.GoServiceStatus {
	before := &s.Service.Status
	if before.Learned == nil || next.Learned == nil {
		return next
	}
	if age := s.Now.Sub(before.Learned.At.Time); age >= tuner.DriftPeriod || age <= -tuner.DriftPeriod { // by a clock that was ahead
		return next
	}
	still := *next.DeepCopy()
	still.SLO = before.SLO.DeepCopy()
	keepMeasured(still.Figures, before.Figures)
	drifted := before.DeepCopy().Learned
	still.Learned.At, still.Learned.Budget = drifted.At, drifted.Budget
	still.Learned.StartupSeconds, still.Learned.Profile = drifted.StartupSeconds, drifted.Profile
	was, is := meta.FindStatusCondition(before.Conditions, v1alpha1.ConditionSLOMet), meta.FindStatusCondition(still.Conditions, v1alpha1.ConditionSLOMet)
	if was != nil && is != nil && was.Status == is.Status && was.Reason == is.Reason {
		is.Message = was.Message // says how much of the budget is left
	}
	if equality.Semantic.DeepEqual(*before, still) {
		return still
	}
	return next
}
