// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/controllers/internal/apply"
)

// autoscaledBy gives the service an autoscaler whose ScalingActive has been False for two minutes, for a reason if there is one.
func autoscaledBy(s *Situation, reason, message string) *autoscalingv2.HorizontalPodAutoscaler {
	s.Plan.Autoscaled = true
	active := autoscalingv2.HorizontalPodAutoscalerCondition{
		Type: autoscalingv2.ScalingActive, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(noon.Add(-2 * time.Minute)),
	}
	if reason != "" {
		active.Status, active.Reason, active.Message = corev1.ConditionFalse, reason, message
	}
	autoscaler := &autoscalingv2.HorizontalPodAutoscaler{Status: autoscalingv2.HorizontalPodAutoscalerStatus{
		Conditions: []autoscalingv2.HorizontalPodAutoscalerCondition{{Type: autoscalingv2.AbleToScale, Status: corev1.ConditionTrue}, active},
	}}
	s.Observed.Children[apply.Key{Name: serviceName}] = autoscaler
	return autoscaler
}

func TestScalingSaysWhyTheAutoscalerDoesNothing(t *testing.T) {
	const unserved = "the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get metrics for resource cpu: " +
		"unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)"
	cases := map[string]struct {
		change func(*Situation)
		want   string
	}{
		"a fixed count":           {func(*Situation) {}, ""},
		"there is no autoscaler":  {func(s *Situation) { s.Plan.Autoscaled = true }, "Unknown AutoscalerUnseen: the autoscaler has not evaluated the service yet"},
		"it has not looked":       {func(s *Situation) { autoscaledBy(s, "", "").Status.Conditions = nil }, "Unknown AutoscalerUnseen: the autoscaler has not evaluated the service yet"},
		"it works":                {func(s *Situation) { autoscaledBy(s, "", "") }, "True Scaling: the autoscaler works"},
		"no metrics server":       {func(s *Situation) { autoscaledBy(s, "FailedGetResourceMetric", unserved) }, "False NoMetrics: the autoscaler cannot read CPU usage and keeps the number of pods: metrics.k8s.io is not served in this cluster; install metrics-server"},
		"another lack of metrics": {func(s *Situation) { autoscaledBy(s, "FailedGetResourceMetric", "no metrics returned") }, "False NoMetrics: the autoscaler has no metric to scale on (FailedGetResourceMetric): no metrics returned"},
		"a second autoscaler": {func(s *Situation) {
			autoscaledBy(s, "AmbiguousSelector", "pods by selector app=x are controlled by multiple HPAs")
		}, "False AmbiguousAutoscaler: another HorizontalPodAutoscaler selects the same pods, and Kubernetes lets neither scale: delete the other one, or set spec.autoscaling.mode to External"},
		"the Deployment is at 0": {func(s *Situation) {
			autoscaledBy(s, "ScalingDisabled", "zero")
			s.Observed.Deployment.Spec.Replicas = new(int32(0))
		}, "False ScaledToZero: something else scaled the Deployment to 0, and it stays there: no autoscaler acts at 0; scale it to 1 or more to start it again"},
		"the pods have just begun": {func(s *Situation) {
			c := autoscaledBy(s, "FailedGetResourceMetric", "no metrics returned")
			c.Status.Conditions[1].LastTransitionTime = metav1.NewTime(noon.Add(-time.Second))
		}, "Unknown Measuring: the autoscaler waits for the pods' first measurements"},
		"no pod serves": {func(s *Situation) {
			autoscaledBy(s, "FailedGetResourceMetric", "did not receive metrics")
			s.Observed.Deployment.Status.AvailableReplicas = 0
		}, "Unknown Measuring: the autoscaler waits for the pods' first measurements"},
		"the Deployment is refused": {func(s *Situation) {
			c := &autoscaledBy(s, "", "").Status.Conditions[0]
			c.Status, c.Reason, c.Message = corev1.ConditionFalse, "FailedUpdateScale", "denied"
		}, "False CannotScale: the autoscaler cannot scale the Deployment (FailedUpdateScale): denied"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := serving()
			c.change(&s)
			if got := said(computed(s))["Scaling"]; got != c.want {
				t.Errorf("Scaling:\n got %s\nwant %s", got, c.want)
			}
		})
	}
}
