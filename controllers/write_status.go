// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/apply"
	"goservice.dev/operator/controllers/internal/confirm"
	"goservice.dev/operator/controllers/internal/status"
	"goservice.dev/operator/controllers/tuner"
)

// writeStatus writes a status that differs from the present one and announces what changed.
func (r *GoServiceReconciler) writeStatus(ctx context.Context, service *v1alpha1.GoService, next v1alpha1.GoServiceStatus, confirmed confirm.Result, measured *tuner.Outcome) error {
	observeConfirmed(client.ObjectKeyFromObject(service), confirmed)
	if equality.Semantic.DeepEqual(service.Status, next) {
		r.upgrades.note(client.ObjectKeyFromObject(service))
		return nil
	}
	changes := status.Transitions(&service.Status, &next, confirmed)
	if !service.Spec.Paused { // what was decided is not put into force
		changes = append(changes, status.Decided(service.Status.Decisions, measured)...)
	}
	version, err := r.patchStatus(ctx, service, next)
	if err != nil {
		return fmt.Errorf("writing the status of GoService %s/%s: %w", service.Namespace, service.Name, err)
	}
	r.written.remember(service, version, next)
	r.upgrades.note(client.ObjectKeyFromObject(service))
	r.announce(service, changes)
	return nil
}

// patchStatus sends what differs between the present status and the new one, on condition that nobody wrote in between, and
// returns the new resource version. Neither the spec nor more of the answer than its metadata goes over the wire.
func (r *GoServiceReconciler) patchStatus(ctx context.Context, service *v1alpha1.GoService, status v1alpha1.GoServiceStatus) (string, error) {
	only := func(status v1alpha1.GoServiceStatus) *v1alpha1.GoService {
		return &v1alpha1.GoService{
			ObjectMeta: metav1.ObjectMeta{Namespace: service.Namespace, Name: service.Name, ResourceVersion: service.ResourceVersion},
			Status:     status,
		}
	}
	patch, err := client.MergeFromWithOptions(only(service.Status), client.MergeFromWithOptimisticLock{}).Data(only(status))
	if err != nil {
		return "", err
	}
	answer := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: service.Namespace, Name: service.Name}}
	answer.SetGroupVersionKind(v1alpha1.GoServiceKind)
	err = r.Client.Status().Patch(ctx, answer, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(apply.FieldManager))
	return answer.ResourceVersion, err
}

func (r *GoServiceReconciler) announce(service *v1alpha1.GoService, changes []status.Transition) {
	for _, change := range changes {
		var regarding runtime.Object = service
		if change.Recurring {
			// Without a version the reference is the same each time, and the recorder counts repeats instead of writing them.
			regarding = &corev1.ObjectReference{
				APIVersion: v1alpha1.GoServiceKind.GroupVersion().String(), Kind: v1alpha1.GoServiceKind.Kind,
				Namespace: service.Namespace, Name: service.Name, UID: service.UID,
			}
		}
		r.Events.Eventf(regarding, nil, change.Type, change.Reason, change.Action, "%s", change.Message)
	}
}
