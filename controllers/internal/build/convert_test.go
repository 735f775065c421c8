// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
)

// fill sets every field below a value to something that is not its zero value.
func fill(t *testing.T, value reflect.Value) {
	t.Helper()
	switch value.Type() { // those that have a form of their own
	case reflect.TypeFor[resource.Quantity]():
		value.Set(reflect.ValueOf(resource.MustParse("1")))
		return
	case reflect.TypeFor[intstr.IntOrString]():
		value.Set(reflect.ValueOf(intstr.FromInt32(1)))
		return
	}
	switch value.Kind() {
	case reflect.Pointer:
		value.Set(reflect.New(value.Type().Elem()))
		fill(t, value.Elem())
	case reflect.Struct:
		for i := range value.NumField() {
			fill(t, value.Field(i))
		}
	case reflect.Slice:
		value.Set(reflect.MakeSlice(value.Type(), 1, 1))
		fill(t, value.Index(0))
	case reflect.Map:
		element := reflect.New(value.Type().Elem()).Elem()
		fill(t, element)
		value.Set(reflect.MakeMap(value.Type()))
		value.SetMapIndex(reflect.ValueOf("key").Convert(value.Type().Key()), element)
	case reflect.String:
		value.SetString("1")
	case reflect.Bool:
		value.SetBool(true)
	case reflect.Int32, reflect.Int64:
		value.SetInt(1)
	default:
		t.Fatalf("no value for a %s", value.Type())
	}
}

func filled[T any](t *testing.T) *T {
	t.Helper()
	value := new(T)
	fill(t, reflect.ValueOf(value).Elem())
	return value
}

func TestNothingIsLostOnTheWayToApplyConfigurations(t *testing.T) {
	variable, source, tolerated, constraint := filled[v1alpha1.EnvVar](t), filled[v1alpha1.EnvFromSource](t),
		filled[v1alpha1.Toleration](t), filled[v1alpha1.TopologySpreadConstraint](t)
	for name, pair := range map[string][2]any{
		"environment variable": {variable, envVar(variable)},
		"envFrom":              {source, envFrom(source)},
		"toleration":           {tolerated, toleration(tolerated)},
		"constraint":           {constraint, spreadConstraint(constraint)},
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
