// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"reflect"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"

	"goservice.dev/operator/api/v1alpha1"
)

func TestNamesAreShortAndDistinct(t *testing.T) {
	seen := map[string]string{}
	for length := 1; length <= maxNameLength; length++ {
		for _, last := range []string{"a", "b"} {
			service := strings.Repeat("x", length-1) + last
			for _, name := range []string{LiveSettingsName(service), MetricsServiceName(service)} {
				if problems := validation.IsDNS1035Label(name); len(problems) > 0 {
					t.Errorf("%q is not a valid image name: %v", name, problems)
				}
				if other, taken := seen[name]; taken {
					t.Errorf("%q is the name of a child of %q and of %q", name, service, other)
				}
				seen[name] = service
			}
		}
	}
}

func TestServiceOfPod(t *testing.T) {
	checkout := &v1alpha1.GoService{ObjectMeta: metav1.ObjectMeta{Name: "checkout"}}
	handedOver := checkout.DeepCopy()
	handedOver.Name = "cart"
	handedOver.Spec.Pod = &v1alpha1.PodSpec{Selector: map[string]v1alpha1.LabelValue{labelName: "checkout", "app": "cart"}}
	if !PodSelector(handedOver).Matches(labels.Set(PodLabels(handedOver))) || !PodsOfServices().Matches(labels.Set(PodLabels(handedOver))) {
		t.Errorf("pods with %v are not selected by %v", PodLabels(handedOver), PodSelector(handedOver))
	}
	cases := map[string]struct {
		labels map[string]string
		want   string
	}{
		"a pod of a service":             {objectLabels("checkout", componentService), "checkout"},
		"a stranger's":                   {map[string]string{labelName: "checkout"}, ""},
		"another operator's":             {map[string]string{labelName: "checkout", LabelManagedBy: "helm"}, ""},
		"no labels":                      {nil, ""},
		"another's, by its own selector": {PodLabels(handedOver), "cart"},
		"selected by the selector alone": {selectorOf(checkout), "checkout"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := ServiceOfPod(c.labels); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if selected := PodSelector(checkout).Matches(labels.Set(c.labels)); selected != (c.want == "checkout") {
				t.Errorf("selected: %t, though the pod's service is %q", selected, c.want)
			}
		})
	}
}

// spoil empties every map and zeroes every element of a slice that can be reached from a value.
func spoil(value any) { spoilReflected(reflect.ValueOf(value)) }

func spoilReflected(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			spoilReflected(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				spoilReflected(v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			spoilReflected(v.Index(i))
			if v.Index(i).CanSet() {
				v.Index(i).SetZero()
			}
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			spoilReflected(v.MapIndex(key))
		}
		v.Clear()
	default:
	}
}
