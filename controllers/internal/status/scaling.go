// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"fmt"
	"strings"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"

	"goservice.dev/operator/api/v1alpha1"
)

// metricsTime is how long a new autoscaler may be without measurements before a status calls it blind: the metrics server
// looks at pods every 15 s and needs two looks.
const metricsTime = time.Minute

// scalable says whether the HorizontalPodAutoscaler can do its work, by its own conditions.
var scalable = chain{
	{unknown, ifAutoscaled(noAutoscaler)},
	{no, ifAutoscaled(scalesToZero)},
	{no, ifAutoscaled(ambiguous)},
	{no, ifAutoscaled(unable)},
	{unknown, ifAutoscaled(noMetricsYet)},
	{no, ifAutoscaled(noMetricsServer)},
	{no, ifAutoscaled(inactive)},
	{yes, ifAutoscaled(always(v1alpha1.ReasonScaling, "the autoscaler works"))},
}

func ifAutoscaled(p predicate) predicate {
	return func(s Situation) (string, string, bool) {
		if !s.Plan.Autoscaled {
			return "", "", false
		}
		return p(s)
	}
}

// autoscaler is the service's own, nil while there is none.
func (s Situation) autoscaler() *autoscalingv2.HorizontalPodAutoscaler {
	for _, child := range s.Observed.Children {
		if autoscaler, is := child.(*autoscalingv2.HorizontalPodAutoscaler); is {
			return autoscaler
		}
	}
	return nil
}

// autoscalerLacks is a condition of the autoscaler that is False.
func (s Situation) autoscalerLacks(kind autoscalingv2.HorizontalPodAutoscalerConditionType) *autoscalingv2.HorizontalPodAutoscalerCondition {
	if autoscaler := s.autoscaler(); autoscaler != nil {
		for i := range autoscaler.Status.Conditions {
			if c := &autoscaler.Status.Conditions[i]; c.Type == kind && c.Status == corev1.ConditionFalse {
				return c
			}
		}
	}
	return nil
}

func noAutoscaler(s Situation) (string, string, bool) {
	autoscaler := s.autoscaler()
	return v1alpha1.ReasonAutoscalerUnseen, "the autoscaler has not evaluated the service yet",
		autoscaler == nil || len(autoscaler.Status.Conditions) == 0
}

func scalesToZero(s Situation) (string, string, bool) {
	told, _ := s.trouble()
	return v1alpha1.ReasonScaledToZero, told.message, s.scaledToZero()
}

func ambiguous(s Situation) (string, string, bool) {
	c := s.autoscalerLacks(autoscalingv2.ScalingActive)
	if c == nil || c.Reason != "AmbiguousSelector" {
		return "", "", false
	}
	return v1alpha1.ReasonAmbiguousAutoscaler, "another HorizontalPodAutoscaler selects the same pods, and Kubernetes lets neither scale: " +
		"delete the other one, or set spec.autoscaling.mode to External", true
}

func unable(s Situation) (string, string, bool) {
	c := s.autoscalerLacks(autoscalingv2.AbleToScale)
	if c == nil {
		return "", "", false
	}
	return v1alpha1.ReasonCannotScale, fmt.Sprintf("the autoscaler cannot scale the Deployment (%s): %s", c.Reason, oneLine(c.Message)), true
}

func noMetricsYet(s Situation) (string, string, bool) {
	c := s.autoscalerLacks(autoscalingv2.ScalingActive)
	return v1alpha1.ReasonMeasuring, "the autoscaler waits for the pods' first measurements",
		c != nil && (s.deploymentStatus().AvailableReplicas == 0 || !s.reached(c.LastTransitionTime.Add(metricsTime)))
}

func noMetricsServer(s Situation) (string, string, bool) {
	c := s.autoscalerLacks(autoscalingv2.ScalingActive)
	return v1alpha1.ReasonNoMetrics, "the autoscaler cannot read CPU usage and keeps the number of pods: " +
			"metrics.k8s.io is not served in this cluster; install metrics-server",
		c != nil && (strings.Contains(c.Message, "could not find the requested resource") || strings.Contains(c.Message, "metrics.k8s.io) not found"))
}

func inactive(s Situation) (string, string, bool) {
	c := s.autoscalerLacks(autoscalingv2.ScalingActive)
	if c == nil {
		return "", "", false
	}
	return v1alpha1.ReasonNoMetrics, fmt.Sprintf("the autoscaler has no metric to scale on (%s): %s", c.Reason, oneLine(c.Message)), true
}
