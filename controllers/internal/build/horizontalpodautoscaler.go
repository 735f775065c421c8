// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	autoscalingv2ac "k8s.io/client-go/applyconfigurations/autoscaling/v2"
)

var horizontalPodAutoscalerKind = autoscalingv2.SchemeGroupVersion.WithKind("HorizontalPodAutoscaler")

// horizontalPodAutoscaler is an ordinary one: it keeps working while the operator is away.
func horizontalPodAutoscaler(in input) []Child {
	if !in.plan.Autoscaled {
		return nil
	}
	name := in.service.Name
	return []Child{{Name: name, Configuration: autoscalingv2ac.HorizontalPodAutoscaler(name, in.service.Namespace).
		WithLabels(objectLabels(name, componentService)).
		WithSpec(autoscalingv2ac.HorizontalPodAutoscalerSpec().
			WithScaleTargetRef(autoscalingv2ac.CrossVersionObjectReference().
				WithAPIVersion(deploymentKind.GroupVersion().String()).
				WithKind(deploymentKind.Kind).
				WithName(name)).
			WithMinReplicas(in.plan.ReplicaFloor.Value).
			WithMaxReplicas(in.plan.Replicas.Value.Max).
			WithBehavior(autoscalingv2ac.HorizontalPodAutoscalerBehavior().
				WithScaleDown(autoscalingv2ac.HPAScalingRules().
					WithStabilizationWindowSeconds(int32(in.plan.ScaleDownWindow.Value.Seconds())))).
			WithMetrics(autoscalingv2ac.MetricSpec().
				WithType(autoscalingv2.ContainerResourceMetricSourceType).
				WithContainerResource(autoscalingv2ac.ContainerResourceMetricSource().
					WithContainer(ContainerName).
					WithName(corev1.ResourceCPU).
					WithTarget(autoscalingv2ac.MetricTarget().
						WithType(autoscalingv2.UtilizationMetricType).
						WithAverageUtilization(in.plan.CPUTarget.Value)))))}}
}
