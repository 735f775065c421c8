// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/fieldtest"
)

// Each field of the kinds that are converted has a fate, which docs/migrate.md tells.
func TestEveryFieldHasAFate(t *testing.T) {
	var tables bytes.Buffer
	for _, kind := range []struct {
		title string
		of    reflect.Type // nil for kinds without Go types
		fates map[string]fate
	}{
		{"Deployment: `spec`", reflect.TypeFor[appsv1.DeploymentSpec](), deploymentFields},
		{"Service: `spec`", reflect.TypeFor[corev1.ServiceSpec](), serviceFields},
		{"Service: `spec.ports[]`", reflect.TypeFor[corev1.ServicePort](), servicePortFields},
		{"HorizontalPodAutoscaler: `spec`", reflect.TypeFor[autoscalingv2.HorizontalPodAutoscalerSpec](), autoscalerFields},
		{"PodDisruptionBudget: `spec`", reflect.TypeFor[policyv1.PodDisruptionBudgetSpec](), budgetFields},
		{"NetworkPolicy: `spec`", reflect.TypeFor[networkingv1.NetworkPolicySpec](), policyFields},
		{"Ingress: `spec`", reflect.TypeFor[networkingv1.IngressSpec](), ingressFields},
		{"ServiceMonitor: `spec`", nil, monitorFields},
		{"ServiceMonitor: `spec.endpoints[]`", nil, endpointFields},
	} {
		names := slices.Sorted(maps.Keys(kind.fates))
		if kind.of != nil {
			names = fieldsOf(kind.of)
		}
		fmt.Fprintf(&tables, "| %s | goes to |\n|---|---|\n", kind.title)
		for _, name := range names {
			f, known := kind.fates[name]
			if !known {
				t.Errorf("%s.%s has no fate", kind.of.Name(), name)
			}
			fmt.Fprintf(&tables, "| `%s` | %s |\n", name, told(t, f))
		}
		if kind.of == nil {
			fmt.Fprintf(&tables, "| any other | not carried over: %s |\n", otherMonitorField)
		} else if len(names) != len(kind.fates) {
			t.Errorf("%s has fates for fields that there are not: %q", kind.of.Name(), slices.Sorted(maps.Keys(kind.fates)))
		}
		tables.WriteString("\n")
	}
	fieldtest.SameInDocs(t, "../..", "migrate.md", "controllers/migrate", tables.String(), *update)
}

func fieldsOf(kind reflect.Type) []string {
	var names []string
	for i := range kind.NumField() {
		name, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// told is a fate for people. The fields that it names must exist.
func told(t *testing.T, f fate) string {
	t.Helper()
	if f.lost != "" {
		return "not carried over: " + f.lost
	}
	if f.to == "" {
		return f.remark
	}
	for path := range strings.SplitSeq(f.to, ", ") {
		if !hasField(reflect.TypeFor[v1alpha1.GoServiceSpec](), strings.Split(strings.ReplaceAll(path, "[]", ""), ".")) {
			t.Errorf("there is no spec.%s", path)
		}
	}
	text := "`spec." + strings.ReplaceAll(f.to, ", ", "`, `spec.") + "`"
	if f.remark != "" {
		text += "; " + f.remark
	}
	return text
}

func hasField(in reflect.Type, path []string) bool {
	for in.Kind() == reflect.Pointer || in.Kind() == reflect.Slice {
		in = in.Elem()
	}
	for i := range in.NumField() {
		if name, _, _ := strings.Cut(in.Field(i).Tag.Get("json"), ","); name == path[0] {
			return len(path) == 1 || hasField(in.Field(i).Type, path[1:])
		}
	}
	return false
}
