// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"os"
	"slices"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/controllers/plan"
)

// Of Secrets, which the table of kinds does not have, the operator reads none, and none can be read by way of a watch or a patch.
func TestTheRoleReadsNoSecrets(t *testing.T) {
	var verbs []string
	for _, rule := range clusterRole(t).Rules {
		if slices.Contains(rule.APIGroups, "") && slices.Contains(rule.Resources, "secrets") {
			verbs = append(verbs, rule.Verbs...)
		}
		if slices.Contains(rule.Resources, "*") || slices.Contains(rule.Verbs, "*") {
			t.Errorf("the role has more than it names: %v", rule)
		}
	}
	if !slices.Equal(verbs, []string{"create", "update"}) {
		t.Errorf("the role has %v for Secrets, want create and update", verbs)
	}
}

func clusterRole(t *testing.T) rbacv1.ClusterRole {
	t.Helper()
	text, err := os.ReadFile("../../../config/rbac/role.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var role rbacv1.ClusterRole
	if err := yaml.UnmarshalStrict(text, &role); err != nil {
		t.Fatal(err)
	}
	return role
}

// The operator may delete what an edit can make unnecessary, and nothing else.
func TestTheRoleDeletesOnlyWhatCanBecomeUnnecessary(t *testing.T) {
	role := clusterRole(t)
	counts := map[string][]int{} // by kind, how many each case has
	everyCase(t, func(t *testing.T, _ string, input goldenInput) {
		desired, err := Build(&input.Service, plan.Compute(&input.Service.Spec, plan.Observed{Sharing: input.RunningPods}), Environment{
			WorkloadImage: testImage, OlderPods: input.OlderPods,
			OptionalKinds: map[schema.GroupVersionKind]bool{
				ServiceMonitorKind: true, PrometheusRuleKind: true, HTTPRouteKind: input.Routes, GRPCRouteKind: input.Routes,
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range Kinds() {
			count := 0
			for _, c := range desired.Children {
				if c.Kind == kind.GroupVersionKind {
					count++
				}
			}
			counts[kind.Kind] = append(counts[kind.Kind], count)
		}
	})
	for _, kind := range Kinds() {
		plural, _ := meta.UnsafeGuessKindToResource(kind.GroupVersionKind)
		var verbs []string
		for _, rule := range role.Rules {
			if slices.Contains(rule.APIGroups, plural.Group) && slices.Contains(rule.Resources, plural.Resource) {
				verbs = append(verbs, rule.Verbs...)
			}
		}
		want := []string{"create", "get", "list", "patch", "watch"}
		if slices.Min(counts[kind.Kind]) < slices.Max(counts[kind.Kind]) {
			want = append(want, "delete")
		}
		slices.Sort(want)
		slices.Sort(verbs)
		if !slices.Equal(verbs, want) {
			t.Errorf("%s: the role has %v, want %v", plural.Resource, verbs, want)
		}
	}
}
