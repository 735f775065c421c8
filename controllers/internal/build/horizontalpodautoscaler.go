// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"math"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
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
				WithAPIVersion(DeploymentKind.GroupVersion().String()).
				WithKind(DeploymentKind.Kind).
				WithName(name)).
			WithMinReplicas(in.plan.ReplicaFloor.Value).
			WithMaxReplicas(in.plan.Replicas.Value.Max).
			WithBehavior(autoscalingv2ac.HorizontalPodAutoscalerBehavior().
				WithScaleUp(scaleUp(in)).
				WithScaleDown(autoscalingv2ac.HPAScalingRules().
					WithStabilizationWindowSeconds(int32(in.plan.ScaleDownWindow.Value.Seconds())))).
			WithMetrics(autoscalingv2ac.MetricSpec().
				WithType(autoscalingv2.ContainerResourceMetricSourceType).
				WithContainerResource(autoscalingv2ac.ContainerResourceMetricSource().
					WithContainer(ContainerOf(&in.service.Spec)).
					WithName(corev1.ResourceCPU).
					WithTarget(autoscalingv2ac.MetricTarget().
						WithType(autoscalingv2.UtilizationMetricType).
						WithAverageUtilization(in.plan.CPUTarget.Value)))))}}
}

// scaleUp adds pods at once. All of it is written out, so that what the plan says holds whatever a server's defaults are.
func scaleUp(in input) *autoscalingv2ac.HPAScalingRulesApplyConfiguration {
	up := in.plan.ScaleUp.Value
	policy := func(kind autoscalingv2.HPAScalingPolicyType, value int32) *autoscalingv2ac.HPAScalingPolicyApplyConfiguration {
		return autoscalingv2ac.HPAScalingPolicy().WithType(kind).WithValue(value).WithPeriodSeconds(int32(up.Period.Seconds()))
	}
	rules := autoscalingv2ac.HPAScalingRules().
		WithStabilizationWindowSeconds(0).
		WithSelectPolicy(autoscalingv2.MaxChangePolicySelect).
		WithPolicies(policy(autoscalingv2.PercentScalingPolicy, up.Percent), policy(autoscalingv2.PodsScalingPolicy, up.Pods))
	if tolerance := in.plan.ScaleUpTolerance; tolerance != nil && in.environment.AutoscalerTolerance {
		rules.WithTolerance(*resource.NewMilliQuantity(int64(math.Round(tolerance.Value*1000)), resource.DecimalSI))
	}
	return rules
}
