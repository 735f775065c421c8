// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
)

// orphan releases every child, as the garbage collector does after kubectl delete --cascade=orphan.
func orphan(t *testing.T, namespace string) {
	t.Helper()
	for name, child := range childrenOf(t, namespace) {
		patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"ownerReferences":null}}`))
		if err := api.Patch(t.Context(), child, patch); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

// restore makes every child anew, as Velero does: with what it had, and with its field managers by a second request, since the
// API server drops them from a create. The owner that the children name is gone.
func restore(t *testing.T, namespace string) {
	t.Helper()
	for name, child := range childrenOf(t, namespace) {
		if err := api.Delete(t.Context(), child); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		managers := child.GetManagedFields()
		child.SetResourceVersion("")
		child.SetUID("")
		if err := api.Create(t.Context(), child, client.FieldOwner("velero")); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		created := child.DeepCopyObject().(client.Object)
		child.SetManagedFields(append(managers, created.GetManagedFields()...))
		if err := api.Patch(t.Context(), child, client.MergeFrom(created), client.FieldOwner("velero")); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

func TestWhatTheOperatorMadeIsTakenBack(t *testing.T) {
	t.Parallel()
	const autoscaled = `{autoscaling: {minReplicas: 2, maxReplicas: 10}, rateLimit: {requestsPerSecond: 100}}`
	cases := map[string]struct {
		spec  string
		lose  func(*testing.T, string)
		count int32
	}{
		"orphans, autoscaled":              {autoscaled, orphan, 7},
		"orphans of a fixed count":         {`{replicas: 7, rateLimit: {requestsPerSecond: 100}}`, orphan, 7},
		"orphans that nothing ever scaled": {autoscaled, orphan, 0},
		"children of an earlier life":      {autoscaled, func(*testing.T, string) {}, 7},
		"a restored backup":                {autoscaled, restore, 7},
		"a backup without its owner":       {autoscaled, func(t *testing.T, namespace string) { orphan(t, namespace); restore(t, namespace) }, 7},
		"a backup of a fixed count":        {`{replicas: 7, rateLimit: {requestsPerSecond: 100}}`, restore, 7},
		"a backup that nothing scaled":     {autoscaled, restore, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t)
			op := startOperator(t, namespace, nil)
			service := applyService(t, namespace, c.spec)
			settled(t, namespace, serviceName)
			if c.count > 0 {
				autoscale(t, namespace, c.count)
			}
			op.stop()
			if err := api.Delete(t.Context(), service); err != nil {
				t.Fatal(err)
			}
			c.lose(t, namespace)
			before := childrenOf(t, namespace)
			was := before["Deployment/checkout"].(*appsv1.Deployment)

			startOperator(t, namespace, nil)
			anew := applyService(t, namespace, c.spec)
			settled(t, namespace, serviceName)
			after := childrenOf(t, namespace)
			if diff := cmp.Diff(names(before), names(after)); diff != "" {
				t.Errorf("children (-before +after):\n%s", diff)
			}
			for name, child := range after {
				if owner := metav1.GetControllerOf(child); owner == nil || owner.UID != anew.UID || len(child.GetOwnerReferences()) != 1 {
					t.Errorf("%s has the owners %v", name, child.GetOwnerReferences())
				}
				if child.GetUID() != before[name].GetUID() {
					t.Errorf("%s was made anew", name)
				}
			}
			is := after["Deployment/checkout"].(*appsv1.Deployment)
			if diff := cmp.Diff(was.Spec, is.Spec); diff != "" {
				t.Errorf("the Deployment changed (-before +after):\n%s", diff)
			}
			// It is followed like any other.
			applyService(t, namespace, `{replicas: 3, rateLimit: {requestsPerSecond: 10}}`)
			settled(t, namespace, serviceName)
			if got := replicasOf(t, namespace); got != 3 {
				t.Errorf("%d replicas after an edit", got)
			}
		})
	}
}

func TestWhatOnlyLooksLikeTheOperatorsStaysForeign(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	op := startOperator(t, namespace, nil)
	service := applyService(t, namespace, `replicas: 1`)
	settled(t, namespace, serviceName)
	op.stop()
	// Somebody exported the objects and applied them: everything is as the operator made it, but the field managers.
	for name, child := range childrenOf(t, namespace) {
		if err := api.Delete(t.Context(), child); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		child.SetResourceVersion("")
		child.SetUID("")
		child.SetOwnerReferences(nil)
		child.SetManagedFields(nil)
		if err := api.Create(t.Context(), child, client.FieldOwner("kubectl")); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if err := api.Delete(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	before := versions(childrenOf(t, namespace))
	startOperator(t, namespace, nil)
	applyService(t, namespace, `replicas: 2`)
	expectCondition(t, namespace, v1alpha1.ConditionApplied, metav1.ConditionFalse, v1alpha1.ReasonConflict)
	if diff := cmp.Diff(before, versions(childrenOf(t, namespace))); diff != "" {
		t.Errorf("foreign objects were written (-before +after):\n%s", diff)
	}
}

func TestAServiceThatAFinalizerHoldsIsKeptUpToDate(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	startOperator(t, namespace, nil)
	service := applyService(t, namespace, `{replicas: 2, rateLimit: {requestsPerSecond: 100}}`)
	settled(t, namespace, serviceName)
	hold := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":["example.com/hold"]}}`))
	if err := api.Patch(t.Context(), service, hold); err != nil {
		t.Fatal(err)
	}
	if err := api.Delete(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	settled(t, namespace, serviceName) // the operator knows: the deletion is a generation of its own
	gone := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: serviceName}}
	if err := api.Delete(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	var before, after corev1.ConfigMap
	get(t, namespace, "checkout-live-settings", &before)
	edit := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"rateLimit":{"requestsPerSecond":40}}}`))
	if err := api.Patch(t.Context(), service, edit); err != nil {
		t.Fatal(err)
	}
	settled(t, namespace, serviceName)
	get(t, namespace, "checkout-live-settings", &after)
	if cmp.Equal(before.Data, after.Data) {
		t.Error("the live settings did not follow the spec")
	}
	if err := api.Get(t.Context(), client.ObjectKeyFromObject(gone), gone); !apierrors.IsNotFound(err) {
		t.Errorf("the deleted ServiceAccount: %v, want it gone", err)
	}
	release := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
	if err := api.Patch(t.Context(), service, release); err != nil {
		t.Fatal(err)
	}
}

// What the pods of the old template need goes only after the last of them.
func TestTheServiceAccountStaysWhilePodsNameIt(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	op := startOperator(t, namespace, nil)
	applyService(t, namespace, `replicas: 2`)
	settled(t, namespace, serviceName)
	setDeploymentStatus(t, namespace, appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: 2, UpdatedReplicas: 2})
	applyService(t, namespace, `{replicas: 2, pod: {serviceAccountName: theirs}}`)
	settled(t, namespace, serviceName)
	account := client.ObjectKey{Namespace: namespace, Name: serviceName}
	setDeploymentStatus(t, namespace, appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 3, UpdatedReplicas: 1})
	if written := nudgeOperator(t, namespace, op, 2); len(written) > 0 {
		t.Errorf("while old pods run the operator wrote %v", written)
	}
	if err := api.Get(t.Context(), account, &corev1.ServiceAccount{}); err != nil {
		t.Errorf("while old pods run: %v", err)
	}
	setDeploymentStatus(t, namespace, appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 2, UpdatedReplicas: 2})
	eventually(t, func(g gomega.Gomega) {
		g.Expect(apierrors.IsNotFound(api.Get(t.Context(), account, &corev1.ServiceAccount{}))).To(gomega.BeTrue())
	})
}
