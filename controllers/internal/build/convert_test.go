// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingv1ac "k8s.io/client-go/applyconfigurations/networking/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/fieldtest"
	"goservice.dev/operator/controllers/plan"
)

var filler = fieldtest.Filler{Text: "1", Number: 1}

func filled[T any](t *testing.T) *T {
	t.Helper()
	value := new(T)
	filler.Fill(t, reflect.ValueOf(value).Elem())
	return value
}

func TestNothingIsLostOnTheWayToApplyConfigurations(t *testing.T) {
	variable, source, tolerated := filled[v1alpha1.EnvVar](t), filled[v1alpha1.EnvFromSource](t), filled[v1alpha1.Toleration](t)
	peer := filled[v1alpha1.NetworkPolicyPeer](t)
	for name, pair := range map[string][2]any{
		"environment variable": {variable, envVar(variable)},
		"envFrom":              {source, envFrom(source)},
		"toleration":           {tolerated, toleration(tolerated)},
		"peer":                 {peer, converted(peer, networkingv1ac.NetworkPolicyPeer())},
	} {
		var given, sent any
		converted(&pair[0], &given)
		converted(&pair[1], &sent)
		if diff := cmp.Diff(given, sent); diff != "" {
			t.Errorf("%s (-given +sent):\n%s", name, diff)
		}
	}
}

func TestNoVariableComesTwice(t *testing.T) {
	input := readInput(t, "testdata/full")
	spec := &input.Service.Spec
	names := func() map[string]string {
		in := input.Service.DeepCopy()
		found := map[string]string{}
		for _, variable := range environment(inputOf(in)) {
			if _, twice := found[*variable.Name]; twice {
				t.Errorf("%s comes twice", *variable.Name)
			}
			if variable.Value != nil {
				found[*variable.Name] = *variable.Value
			}
		}
		return found
	}
	for name := range names() {
		spec.Env = append(spec.Env, v1alpha1.EnvVar{Name: v1alpha1.EnvName(name), Value: "the user's"})
	}
	spec.Env = spec.Env[2:] // the sample's own two are now among the others
	for name, value := range names() {
		if value != "the user's" {
			t.Errorf("%s is %q, want the user's", name, value)
		}
	}
}

func inputOf(service *v1alpha1.GoService) input {
	return input{service: service, plan: plan.Compute(&service.Spec, plan.Observed{})}
}
