// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"goservice.dev/operator/api/v1alpha1"
)

// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get;list;watch

// aNamespace is one of which the cache holds the metadata.
func aNamespace() *metav1.PartialObjectMetadata {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	return namespace
}

// annotationUserRange of a namespace holds the users that OpenShift assigned to it: pods that name another are refused.
const annotationUserRange = "openshift.io/sa.scc.uid-range"

// slimNamespace keeps of a namespace whether it is being deleted, and whether users are assigned to it.
func slimNamespace(object any) (any, error) {
	if namespace, is := object.(*metav1.PartialObjectMetadata); is {
		var annotations map[string]string
		if users := namespace.Annotations[annotationUserRange]; users != "" {
			annotations = map[string]string{annotationUserRange: users}
		}
		namespace.ObjectMeta = metav1.ObjectMeta{
			Name: namespace.Name, UID: namespace.UID, ResourceVersion: namespace.ResourceVersion, DeletionTimestamp: namespace.DeletionTimestamp,
			Annotations: annotations,
		}
	}
	return object, nil
}

// ends reports whether a namespace is being deleted, which cannot be undone. Nothing can be created in it any more, and
// what is in it goes one by one: a child that is gone must not be made again. The namespace controller starts to delete
// seconds after the namespace was marked, so that the cache knows in time.
func (r *GoServiceReconciler) ends(ctx context.Context, name string) (bool, error) {
	namespace, err := r.namespace(ctx, name)
	return beingDeleted(namespace), err
}

// assignsUsers reports whether the platform assigned users to a namespace.
func (r *GoServiceReconciler) assignsUsers(ctx context.Context, name string) (bool, error) {
	namespace, err := r.namespace(ctx, name)
	return namespace.Annotations[annotationUserRange] != "", err
}

// namespace is what the cache holds of one, empty if it does not: the cache of namespaces may be behind that of services.
func (r *GoServiceReconciler) namespace(ctx context.Context, name string) (*metav1.PartialObjectMetadata, error) {
	namespace := aNamespace()
	return namespace, client.IgnoreNotFound(r.Get(ctx, types.NamespacedName{Name: name}, namespace))
}

func beingDeleted(object client.Object) bool { return object.GetDeletionTimestamp() != nil }

// namespaceEnds lets through that a namespace is being deleted, or is another one by the name of one that was.
var namespaceEnds = predicate.Funcs{
	CreateFunc: func(e event.CreateEvent) bool { return beingDeleted(e.Object) },
	UpdateFunc: func(e event.UpdateEvent) bool {
		return beingDeleted(e.ObjectNew) || e.ObjectOld.GetUID() != e.ObjectNew.GetUID()
	},
	DeleteFunc: func(event.DeleteEvent) bool { return false }, // its services have gone before
}

// namespaceToServices leads from a namespace to every GoService in it.
func (r *GoServiceReconciler) namespaceToServices(ctx context.Context, namespace client.Object) []reconcile.Request {
	return r.servicesIn(ctx, namespace.GetName())
}

// budgetToServices leads from a foreign PodDisruptionBudget to every GoService of its namespace: it may select, or have
// selected, the pods of any.
func (r *GoServiceReconciler) budgetToServices(ctx context.Context, budget client.Object) []reconcile.Request {
	return r.servicesIn(ctx, budget.GetNamespace())
}

// servicesIn are the GoServices of a namespace, as requests to reconcile them.
func (r *GoServiceReconciler) servicesIn(ctx context.Context, namespace string) []reconcile.Request {
	return listServices(ctx, r.Client, client.InNamespace(namespace))
}

// listServices that a cache holds, as requests to reconcile them.
func listServices(ctx context.Context, cache client.Reader, which ...client.ListOption) []reconcile.Request {
	var services v1alpha1.GoServiceList
	if err := cache.List(ctx, &services, append(which, client.UnsafeDisableDeepCopy)...); err != nil {
		return nil // the cache has stopped
	}
	requests := make([]reconcile.Request, len(services.Items))
	for i := range services.Items {
		requests[i].NamespacedName = client.ObjectKeyFromObject(&services.Items[i])
	}
	return requests
}
