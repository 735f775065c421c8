// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package observe

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestChildrenOfEveryVersionAreFound(t *testing.T) {
	cases := map[string]struct {
		version, kind string
		want          []string
	}{
		"this version":   {"goservice.dev/v1alpha1", "GoService", []string{"1"}},
		"another":        {"goservice.dev/v1beta1", "GoService", []string{"1"}},
		"another group":  {"example.dev/v1alpha1", "GoService", nil},
		"the core group": {"v1", "GoService", nil},
		"another kind":   {"goservice.dev/v1alpha1", "Other", nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			child := &corev1.Service{ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{
				{APIVersion: c.version, Kind: c.kind, Name: "checkout", UID: "1", Controller: new(true)},
			}}}
			if diff := cmp.Diff(c.want, IndexOwner(child)); diff != "" {
				t.Errorf("owners (-want +got):\n%s", diff)
			}
		})
	}
}
