// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/controllers/internal/build"
)

// A foreign object is handed over by the annotation build.AnnotationAdopt on itself, so that only those who may edit it can give it away.
// It is taken in one write: the fields of those who wrote its spec become this operator's, so that the apply that follows removes what it
// does not have. In between nothing is lost if the operator dies: the object is the owner's then.

// NotTakenError says why an object that was handed over is not taken yet.
type NotTakenError struct {
	Kind, Name, Reason string
}

func (e *NotTakenError) Error() string {
	return fmt.Sprintf("%s %q is handed over and not taken: %s", e.Kind, e.Name, e.Reason)
}

func handedOver(object client.Object, owner client.Object) bool {
	return object.GetAnnotations()[build.AnnotationAdopt] == owner.GetName() && object.GetDeletionTimestamp() == nil
}

// take an object that was handed over. Where something else must come first it says what.
func (e *Engine) take(ctx context.Context, pass Pass, child *build.Child, found *unstructured.Unstructured) error {
	reason, err := e.obstacle(ctx, pass, child, found)
	if err != nil {
		return failure(child.Kind, child.Name, err)
	}
	if reason != "" {
		e.record(child.Kind, ResultConflict)
		return failure(child.Kind, child.Name, &NotTakenError{child.Kind.Kind, child.Name, reason})
	}
	if build.KindOf(child.Kind).SelectsPods && !pass.serves() {
		return failure(child.Kind, child.Name,
			fmt.Errorf("%s %q is handed over, and is taken as soon as pods of the service are available: %w", child.Kind.Kind, child.Name, ErrStale))
	}
	patch, err := taking(pass, child, found)
	if err != nil {
		return failure(child.Kind, child.Name, fmt.Errorf("taking %s %q: %w", child.Kind.Kind, child.Name, err))
	}
	answer := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: found.GetNamespace(), Name: found.GetName()}}
	answer.SetGroupVersionKind(child.Kind)
	if err := e.Client.Patch(ctx, answer, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(FieldManager)); err != nil {
		return e.failed("taking", child.Kind, child.Name, err)
	}
	e.record(child.Kind, ResultTaken)
	// What is applied depends on what is there: the next pass sees it.
	return failure(child.Kind, child.Name, fmt.Errorf("%s %q was taken: %w", child.Kind.Kind, child.Name, ErrStale))
}

// serves reports whether the owner's Deployment has every pod available that it wants.
func (p *Pass) serves() bool {
	for _, object := range p.Existing {
		if d, is := object.(*appsv1.Deployment); is {
			return d.Spec.Replicas != nil && d.Status.AvailableReplicas >= *d.Spec.Replicas
		}
	}
	return false
}

// obstacle is what somebody has to do before an object can be taken; empty where nothing is in the way.
func (e *Engine) obstacle(ctx context.Context, pass Pass, child *build.Child, found *unstructured.Unstructured) (string, error) {
	if controller := metav1.GetControllerOf(found); controller != nil {
		return fmt.Sprintf("%s %q controls it and would go on changing it", controller.Kind, controller.Name), nil
	}
	if reason := tracked(found); reason != "" {
		return reason, nil
	}
	if child.Kind != build.DeploymentKind {
		return "", nil
	}
	return e.obstacleToPods(ctx, pass, child, found)
}

// trackers are labels and annotations by which tools find what they apply and delete.
var trackers = []struct{ key, tool string }{
	{"meta.helm.sh/release-name", "Helm release"},
	{"argocd.argoproj.io/tracking-id", "Argo CD application"},
	{"argocd.argoproj.io/instance", "Argo CD application"},
	{"kustomize.toolkit.fluxcd.io/name", "Flux Kustomization"},
	{"helm.toolkit.fluxcd.io/name", "Flux HelmRelease"},
}

// tracked says which tool has to let go of an object first: it would apply its own again, or delete the object.
func tracked(found client.Object) string {
	for _, t := range trackers {
		name, is := found.GetAnnotations()[t.key]
		if !is {
			name, is = found.GetLabels()[t.key]
		}
		if is {
			name, _, _ = strings.Cut(name, ":")
			return fmt.Sprintf("%s %q still applies it; take it out of there without deleting it, then remove %s from it", t.tool, name, t.key)
		}
	}
	return ""
}

// taking is the patch that makes the owner the controller of an object and this operator the manager of its fields.
func taking(pass Pass, child *build.Child, found *unstructured.Unstructured) ([]byte, error) {
	managers, err := takenOver(found)
	if err != nil {
		return nil, err
	}
	annotations := map[string]any{build.AnnotationAdopt: nil, corev1.LastAppliedConfigAnnotation: nil}
	if child.Template != nil {
		key, value := build.HandedOver()
		annotations[key] = value
	}
	return json.Marshal(map[string]any{"metadata": map[string]any{
		"uid": found.GetUID(), "resourceVersion": found.GetResourceVersion(),
		"managedFields":   managers,
		"ownerReferences": append(found.GetOwnerReferences(), *metav1.NewControllerRef(pass.Owner, pass.OwnerKind)),
		"labels":          map[string]any{build.LabelManagedBy: build.ManagedBy},
		"annotations":     annotations,
	}})
}
