// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/bench/internal/bed"
)

const (
	// stockTarget is the CPU target that most services have, in percent of the request.
	stockTarget = 50
	// stockWindow is Kubernetes' default.
	stockWindow = 5 * time.Minute
	// knownWindow is what somebody who knows how soon a pod starts lets pass before pods go.
	knownWindow = time.Minute
)

// contender is one way to scale the service.
type contender struct {
	// name for people, key in the line for machines, namespace as the prefix of one.
	name, key, namespace string
	// target of the rival's autoscaler, and the window before it takes pods away. Without meaning for the operator.
	target int32
	window time.Duration
	// fitted gives the rival's pods as many workers as the operator has fitted. Their queue is left as it is under the operator: what
	// bounds it is the longest wait.
	fitted bool
}

const ours = "GoService"

// contendersOf are a rival with Kubernetes' defaults, one for each target as somebody sets it who knows the service, and the operator, in
// the order of the table.
func contendersOf(targets []int32, pooled bool) []contender {
	all := []contender{{
		name: fmt.Sprintf("HPA %d %%, default", stockTarget), key: "hpa_", namespace: "bench-slo-hpa-", target: stockTarget, window: stockWindow,
	}}
	for _, target := range targets {
		known := contender{
			name: fmt.Sprintf("HPA %d %%, %.0f s", target, knownWindow.Seconds()), key: fmt.Sprintf("hpa%d_", target),
			namespace: "bench-slo-known-", target: target, window: knownWindow, fitted: pooled,
		}
		if pooled {
			known.name, known.key = known.name+", fitted pool", fmt.Sprintf("fitted%d_", target)
		}
		all = append(all, known)
	}
	return append(all, contender{name: ours, namespace: "bench-slo-"})
}

// turns of a run: the operator is the first in the first run, and the order is the opposite in each next one.
func turns(contenders []contender, run int) []contender {
	order := slices.Clone(contenders)
	if run%2 == 0 {
		slices.Reverse(order)
	}
	return order
}

// pool of each pod.
type pool struct {
	Workers      int32
	QueueTimeout time.Duration
}

// poolOf reads from a service's plan the pool that pods start with; one that is not built on the toolkit has none.
func poolOf(service *v1alpha1.GoService) (*pool, error) {
	if service.Status.Plan == nil {
		return nil, fmt.Errorf("the GoService has no plan")
	}
	if service.Status.Plan.Workers == nil {
		return &pool{}, nil
	}
	workers, err := strconv.ParseInt(service.Status.Plan.Workers.Value, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("the plan's workers: %w", err)
	}
	timeout, err := time.ParseDuration(service.Status.Plan.QueueTimeout.Value)
	if err != nil {
		return nil, fmt.Errorf("the plan's longest wait: %w", err)
	}
	return &pool{int32(workers), timeout}, nil
}

func (c contender) service(s settings, fitted *pool) *v1alpha1.GoService {
	cpu := *resource.NewMilliQuantity(s.milliCPU, resource.DecimalSI)
	spec := v1alpha1.GoServiceSpec{
		SLO: &v1alpha1.SLOSpec{
			Availability: "99.9",
			Latency:      &v1alpha1.LatencyObjective{Threshold: metav1.Duration{Duration: s.threshold}, Percentile: fmt.Sprint(s.percentile)},
		},
		Autoscaling: &v1alpha1.AutoscalingSpec{MinReplicas: new(int32(fewest)), MaxReplicas: new(int32(s.most))},
		Resources: &v1alpha1.ResourcesSpec{
			Requests: corev1.ResourceList{corev1.ResourceCPU: cpu, corev1.ResourceMemory: resource.MustParse("32Mi")},
			Limits:   corev1.ResourceList{corev1.ResourceCPU: cpu, corev1.ResourceMemory: resource.MustParse("128Mi")},
		},
	}
	if s.image != "" {
		spec.Image, spec.ImagePullPolicy, spec.Args = s.image, corev1.PullIfNotPresent, []string{"-metrics=otelhttp"}
		spec.Observability = &v1alpha1.ObservabilitySpec{Metrics: &v1alpha1.MetricsSpec{Indicators: v1alpha1.IndicatorsOpenTelemetry}}
	}
	if c.name != ours {
		spec.Tuning = &v1alpha1.TuningSpec{Mode: v1alpha1.TuningDisabled}
		spec.Autoscaling = &v1alpha1.AutoscalingSpec{Mode: v1alpha1.AutoscalingExternal}
		spec.Replicas = new(int32(fewest))
	}
	if c.fitted {
		spec.Pool = &v1alpha1.PoolSpec{Workers: &fitted.Workers}
	}
	return &v1alpha1.GoService{ObjectMeta: metav1.ObjectMeta{Name: serviceName}, Spec: spec}
}

// autoscaler of a rival: an ordinary one on CPU, of the same bounds as the operator has.
func (c contender) autoscaler(s settings, namespace string) *autoscalingv2.HorizontalPodAutoscaler {
	hpa := &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: serviceName + "-rival"},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: v1alpha1.GroupVersion.String(), Kind: "GoService", Name: serviceName},
			MinReplicas:    new(int32(fewest)), MaxReplicas: int32(s.most),
			Metrics: []autoscalingv2.MetricSpec{{
				Type: autoscalingv2.ResourceMetricSourceType,
				Resource: &autoscalingv2.ResourceMetricSource{
					Name:   corev1.ResourceCPU,
					Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: &c.target},
				},
			}},
		},
	}
	if c.window != stockWindow { // one that is set, even to the default, makes a behavior
		hpa.Spec.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{
			ScaleDown: &autoscalingv2.HPAScalingRules{StabilizationWindowSeconds: new(int32(c.window / time.Second))},
		}
	}
	return hpa
}

// deploy the service, and the rival's autoscaler of it.
func (c contender) deploy(ctx context.Context, b *bed.Bed, s settings, service *v1alpha1.GoService) error {
	if err := b.Deploy(ctx, service, fewest); err != nil {
		return err
	}
	if c.name == ours {
		return nil
	}
	if err := b.Client.Create(ctx, c.autoscaler(s, b.Namespace)); err != nil {
		return fmt.Errorf("creating the rival's autoscaler: %w", err)
	}
	return nil
}
