// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/apply"
	"goservice.dev/operator/controllers/internal/build"
)

// What was given back stays as it is, and nobody takes it again.
func TestWhatIsGivenBackStaysAsItIs(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	objects := createdBy(t, namespace, manifestsOfTeam(30140, serviceName, serviceName), false)
	served(t, namespace)
	handOver(t, objects...)
	op := startOperator(t, namespace, nil)
	service := applyService(t, namespace, goServiceOfTeam)
	settled(t, namespace, serviceName)
	before := specsOf(t, objects)

	annotate(t, service.DeepCopy(), build.AnnotationGiveBack, "true")
	eventually(t, func(g gomega.Gomega) {
		g.Expect(expectCondition(t, namespace, v1alpha1.ConditionApplied, metav1.ConditionUnknown, v1alpha1.ReasonGivenBack)).To(gomega.ContainSubstring("delete this GoService"))
		g.Expect(names(childrenOf(t, namespace))).To(gomega.Equal([]string{"Service/checkout-metrics"}), "what is about metrics goes with the GoService")
	})
	if diff := cmp.Diff(before, specsOf(t, objects)); diff != "" {
		t.Errorf("giving back changed (-before +after):\n%s", diff)
	}
	for _, object := range objects {
		current := object.DeepCopy()
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(object), current); err != nil {
			t.Fatal(err)
		}
		for _, entry := range current.GetManagedFields() {
			if strings.HasPrefix(entry.Manager, apply.FieldManager) {
				t.Errorf("%s still has the manager %s", current.GetKind(), entry.Manager)
			}
		}
		if len(current.GetOwnerReferences()) > 0 || strings.Contains(fmt.Sprint(current.GetAnnotations()), "goservice.dev/") {
			t.Errorf("%s is left with %v, %v", current.GetKind(), current.GetOwnerReferences(), current.GetAnnotations())
		}
	}
	if err := api.Delete(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	eventually(t, func(g gomega.Gomega) {
		g.Expect(apierrors.IsNotFound(api.Get(t.Context(), client.ObjectKeyFromObject(service), service))).To(gomega.BeTrue())
	})
	// An applier meets no conflict, and the operator, still running, does nothing about it.
	op.writes.forget()
	edited := objects[0].DeepCopy()
	edited.Object = map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": serviceName, "namespace": namespace},
		"spec": map[string]any{"replicas": int64(2)}}
	if err := api.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(edited), client.FieldOwner("helm")); err != nil {
		t.Fatal(err)
	}
	if got := replicasOf(t, namespace); got != 2 {
		t.Errorf("%d replicas", got)
	}
	// Nor does a GoService of the name, unless it is handed over again.
	if written := op.writes.written(); len(written) > 0 {
		t.Errorf("the operator wrote %v", written)
	}
	applyService(t, namespace, goServiceOfTeam)
	expectCondition(t, namespace, v1alpha1.ConditionApplied, metav1.ConditionFalse, v1alpha1.ReasonConflict)
}

// specsOf objects as they are in the cluster now.
func specsOf(t *testing.T, objects []*unstructured.Unstructured) map[string]any {
	t.Helper()
	result := map[string]any{}
	for _, object := range objects {
		current := object.DeepCopy()
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(object), current); err != nil {
			t.Fatal(err)
		}
		result[current.GetKind()+"/"+current.GetName()] = current.Object["spec"]
	}
	return result
}
