// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"

	"goservice.dev/operator/api/v1alpha1"
)

const (
	// reconcileTimeout ends a reconcile that waits for an answer which does not come. Requests have no deadline of their own.
	reconcileTimeout = time.Minute
	// stuckAfter is when a reconcile that did not even heed reconcileTimeout makes the operator unhealthy.
	stuckAfter = 3 * time.Minute
)

// warm is the readiness of leader and standby: every cache that a reconcile reads is filled, so that a standby which takes
// over goes on at once.
func (r *GoServiceReconciler) warm(informers cache.Informers) healthz.Checker {
	return func(request *http.Request) error {
		watched := append(ownedTypes(), &corev1.Pod{}, &v1alpha1.GoService{}, customResourceDefinition(), aNamespace())
		for kind, served := range r.optional.present() {
			if served {
				object := &unstructured.Unstructured{}
				object.SetGroupVersionKind(kind)
				watched = append(watched, object)
			}
		}
		for _, object := range watched {
			if err := synced(request.Context(), informers, object); err != nil {
				return err
			}
		}
		return synced(request.Context(), r.references.configMaps, &corev1.ConfigMap{})
	}
}

func synced(ctx context.Context, informers cache.Informers, object client.Object) error {
	name := fmt.Sprintf("%T", object)
	switch object := object.(type) {
	case *unstructured.Unstructured:
		name = object.GetKind()
	case *metav1.PartialObjectMetadata:
		name = object.Kind
	}
	informer, err := informers.GetInformer(ctx, object, cache.BlockUntilSynced(false))
	if err != nil {
		return fmt.Errorf("watching %s: %w", name, err)
	}
	if !informer.HasSynced() {
		return fmt.Errorf("the cache of %s is not filled yet", name)
	}
	return nil
}

// running notes which reconciles are running and since when.
type running struct {
	mu    sync.Mutex
	since map[types.NamespacedName]time.Time
}

// begin notes that a reconcile starts; what it returns, that it ended.
func (r *running) begin(name types.NamespacedName) (end func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.since == nil {
		r.since = map[types.NamespacedName]time.Time{}
	}
	r.since[name] = time.Now()
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.since, name)
	}
}

// check fails when a worker is lost to a reconcile that does not end: only a new process gets it back.
func (r *running) check(*http.Request) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, since := range r.since {
		if age := time.Since(since); age > stuckAfter {
			return fmt.Errorf("the reconcile of GoService %s has been running for %s", name, age.Round(time.Second))
		}
	}
	return nil
}
