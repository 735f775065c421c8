// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"sync"

	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"goservice.dev/operator/api/v1alpha1"
)

// writtenStatuses bridges the moment between a status write and its arrival in the cache: a reconcile in between would
// otherwise compute changes, and announce them, a second time.
type writtenStatuses struct {
	mu   sync.Mutex
	last map[client.ObjectKey]writtenStatus
}

type writtenStatus struct {
	// before and after are the resource versions around the write.
	before, after string
	status        v1alpha1.GoServiceStatus
}

// remember notes that a status was written over a service, which has the given version since.
func (w *writtenStatuses) remember(before *v1alpha1.GoService, version string, status v1alpha1.GoServiceStatus) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last == nil {
		w.last = map[client.ObjectKey]writtenStatus{}
	}
	w.last[client.ObjectKeyFromObject(before)] = writtenStatus{before.ResourceVersion, version, status}
}

// refresh brings a service from the cache up to date if the cache still shows it as it was before the last write.
func (w *writtenStatuses) refresh(service *v1alpha1.GoService) {
	w.mu.Lock()
	defer w.mu.Unlock()
	name := client.ObjectKeyFromObject(service)
	written, exists := w.last[name]
	if !exists {
		return
	}
	if written.before != service.ResourceVersion {
		delete(w.last, name)
		return
	}
	service.ResourceVersion = written.after
	service.Status = *written.status.DeepCopy()
}

// predicate lets every event through. Once the cache has a written version, what was remembered of it is in memory twice.
func (w *writtenStatuses) predicate() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		w.arrived(e.ObjectNew)
		return true
	}}
}

// arrived forgets what the cache has by now. An older version may still arrive after a write.
func (w *writtenStatuses) arrived(service client.Object) {
	w.mu.Lock()
	defer w.mu.Unlock()
	name := client.ObjectKeyFromObject(service)
	written, exists := w.last[name]
	if !exists {
		return
	}
	if order, err := resourceversion.CompareResourceVersion(service.GetResourceVersion(), written.after); err == nil && order >= 0 {
		delete(w.last, name)
	}
}

func (w *writtenStatuses) forget(name client.ObjectKey) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.last, name)
}
