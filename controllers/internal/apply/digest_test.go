// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package apply

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestADigestTellsWhetherAnObjectIsAsItWasApplied(t *testing.T) {
	const desired = `
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: checkout, labels: {team: shop}, annotations: {goservice.dev/applied: "1"}}
spec: {groups: [{name: a, rules: [{record: x, expr: up, labels: {severity: page}}]}]}`
	for name, c := range map[string]struct {
		change func(object map[string]any)
		want   bool
	}{
		"as it was applied": {func(map[string]any) {}, true},
		"read with other numbers' types": {func(o map[string]any) {
			o["metadata"].(map[string]any)["generation"] = float64(3)
		}, true},
		"a label of its own more": {func(o map[string]any) {
			o["metadata"].(map[string]any)["labels"].(map[string]any)["mine"] = "x"
		}, true},
		"a label less":    {func(o map[string]any) { delete(o["metadata"].(map[string]any), "labels") }, false},
		"another mark":    {func(o map[string]any) { o["metadata"].(map[string]any)["annotations"] = map[string]any{} }, false},
		"another rule":    {func(o map[string]any) { o["spec"].(map[string]any)["groups"].([]any)[0].(map[string]any)["name"] = "b" }, false},
		"something added": {func(o map[string]any) { o["spec"].(map[string]any)["more"] = true }, false},
		"no spec":         {func(o map[string]any) { delete(o, "spec") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			live := &unstructured.Unstructured{Object: fromYAML(t, desired)}
			c.change(live.Object)
			for range 2 { // a cache may do it again
				if err := Digest(live); err != nil {
					t.Fatal(err)
				}
			}
			if _, there := live.Object["spec"]; there {
				t.Error("the spec is still there")
			}
			got, err := covers(live, &unstructured.Unstructured{Object: fromYAML(t, desired)})
			if err != nil || got != c.want {
				t.Errorf("%t, %v, want %t", got, err, c.want)
			}
		})
	}
}

func TestWhatHasNoDigestIsAnError(t *testing.T) {
	odd := &unstructured.Unstructured{Object: map[string]any{"spec": make(chan int)}}
	if err := Digest(odd); err == nil || odd.Object["spec"] == nil || odd.Object[digestField] != nil {
		t.Errorf("error %v, object %v", err, odd.Object)
	}
	live := &unstructured.Unstructured{Object: map[string]any{digestField: "x"}}
	if same, err := covers(live, odd); err == nil || same {
		t.Errorf("%t, error %v", same, err)
	}
}
