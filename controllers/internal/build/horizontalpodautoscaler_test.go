// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
)

// TestToleranceOnlyWhereItIsKnown keeps a field from servers that would refuse it.
func TestToleranceOnlyWhereItIsKnown(t *testing.T) {
	objective := &v1alpha1.LatencyObjective{Threshold: metav1.Duration{Duration: 50 * time.Millisecond}, Percentile: "99"}
	for name, c := range map[string]struct {
		latency   *v1alpha1.LatencyObjective
		knows     bool
		tolerance string
	}{
		"a server that knows it":            {objective, true, "30m"},
		"an older server":                   {objective, false, ""},
		"no latency objective says a value": {nil, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			service := &v1alpha1.GoService{
				ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "checkout"},
				Spec:       v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Availability: "99.9", Latency: c.latency}},
			}
			desired, err := Build(service, plan.Compute(&service.Spec, plan.Observed{}), Environment{WorkloadImage: testImage, AutoscalerTolerance: c.knows})
			if err != nil {
				t.Fatal(err)
			}
			for _, child := range desired.Children {
				if child.Kind != horizontalPodAutoscalerKind {
					continue
				}
				object, err := child.Unstructured()
				if err != nil {
					t.Fatal(err)
				}
				got, found, err := unstructured.NestedString(object, "spec", "behavior", "scaleUp", "tolerance")
				if err != nil || got != c.tolerance || found != (c.tolerance != "") {
					t.Errorf("tolerance %q (%t, %v), want %q", got, found, err, c.tolerance)
				}
				return
			}
			t.Error("no HorizontalPodAutoscaler is built")
		})
	}
}
