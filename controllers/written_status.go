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
	// version that the object has since the write.
	version string
	status  v1alpha1.GoServiceStatus
}

// remember notes that a status was written over a service, which has the given version since.
func (w *writtenStatuses) remember(before *v1alpha1.GoService, version string, status v1alpha1.GoServiceStatus) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last == nil {
		w.last = map[client.ObjectKey]writtenStatus{}
	}
	w.last[client.ObjectKeyFromObject(before)] = writtenStatus{version, status}
}

// refresh brings a service from the cache up to date if the cache has not seen the last write yet. That may be several writes
// ago: a status from between them looks like the newest one, and a change back to it would never be written.
func (w *writtenStatuses) refresh(service *v1alpha1.GoService) {
	w.mu.Lock()
	defer w.mu.Unlock()
	name := client.ObjectKeyFromObject(service)
	written, exists := w.last[name]
	if !exists {
		return
	}
	if written.seenIn(service) {
		delete(w.last, name)
		return
	}
	// Writes demand that nobody wrote in between, so that nothing but the status differs.
	service.ResourceVersion = written.version
	service.Status = *written.status.DeepCopy()
}

// seenIn says whether an object is as new as the write.
func (w writtenStatus) seenIn(service client.Object) bool {
	order, err := resourceversion.CompareResourceVersion(service.GetResourceVersion(), w.version)
	return err != nil || order >= 0
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
	if written.seenIn(service) {
		delete(w.last, name)
	}
}

func (w *writtenStatuses) forget(name client.ObjectKey) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.last, name)
}
