// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/client-go/discovery"

	"goservice.dev/operator/api/v1alpha1"
)

// TestAutoscalerMovesAsPlanned reads the rules as the API server keeps them, the tolerance if that server knows it, and the
// figures with their reasons beside them. After that nothing is written any more, not even after a restart: a server that
// kept another form of what was sent would be written to again and again.
func TestAutoscalerMovesAsPlanned(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	op := startOperator(t, namespace, nil)
	applyService(t, namespace, `slo: {availability: "99.9", latency: {threshold: 50ms}, load: {peakRequestsPerSecond: 2000}}`)
	service := settled(t, namespace, serviceName)
	server, err := discovery.NewDiscoveryClientForConfig(testConfig)
	if err != nil {
		t.Fatal(err)
	}
	knows, err := knowsTolerance(server)
	if err != nil {
		t.Fatal(err)
	}

	want := &autoscalingv2.HPAScalingRules{
		StabilizationWindowSeconds: new(int32(0)), SelectPolicy: new(autoscalingv2.MaxChangePolicySelect),
		Policies: []autoscalingv2.HPAScalingPolicy{
			{Type: autoscalingv2.PercentScalingPolicy, Value: 100, PeriodSeconds: 15},
			{Type: autoscalingv2.PodsScalingPolicy, Value: 54, PeriodSeconds: 15},
		},
	}
	if knows {
		want.Tolerance = new(resource.MustParse("0.03"))
	}
	children := childrenOf(t, namespace)
	behavior := children["HorizontalPodAutoscaler/checkout"].(*autoscalingv2.HorizontalPodAutoscaler).Spec.Behavior
	if diff := cmp.Diff(want, behavior.ScaleUp); diff != "" {
		t.Errorf("rules for scaling up (-want +got):\n%s", diff)
	}
	if got := *behavior.ScaleDown.StabilizationWindowSeconds; got != 60 {
		t.Errorf("scaling down after %d s", got)
	}
	for name, figure := range map[string]*v1alpha1.PlannedValue{
		"54 pods or 100% within 15s, without delay": service.Status.Plan.ScaleUp,
		"3%": service.Status.Plan.ScaleUpTolerance, "1m": service.Status.Plan.ScaleDownWindow, "55%": service.Status.Plan.Utilization,
	} {
		if figure == nil || figure.Value != name || figure.Reason == "" {
			t.Errorf("planned %+v, want %s with a reason", figure, name)
		}
	}
	before := versions(children)
	if written := nudgeOperator(t, namespace, op, 1); len(written) > 0 {
		t.Errorf("written without need: %v", written)
	}
	op.stop()
	op = startOperator(t, namespace, nil)
	if written := nudgeOperator(t, namespace, op, 2); len(written) > 0 {
		t.Errorf("written without need after a restart: %v", written)
	}
	after := versions(childrenOf(t, namespace))
	delete(before, "Deployment/checkout") // its status is written by the test
	delete(after, "Deployment/checkout")
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("children changed (-before +after):\n%s", diff)
	}
}
