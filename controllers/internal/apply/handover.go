// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
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

// CanTake reports whether an object was handed over to an owner and nobody else holds it.
func CanTake(owner, object client.Object) bool {
	return handedOver(object, owner) && held(object) == ""
}

func handedOver(object client.Object, owner client.Object) bool {
	return object.GetAnnotations()[build.AnnotationAdopt] == owner.GetName() && object.GetDeletionTimestamp() == nil
}

// take an object that was handed over. Where something else must come first it says what.
func (e *Engine) take(ctx context.Context, pass Pass, child *build.Child, found *unstructured.Unstructured) error {
	if err := e.ownerLives(ctx, pass, child.Kind, child.Name); err != nil {
		return err
	}
	reason, err := e.obstacle(ctx, pass, child, found)
	if err != nil {
		return failure(child.Kind, child.Name, err)
	}
	if reason != "" {
		e.record(child.Kind, ResultConflict)
		return failure(child.Kind, child.Name, &NotTakenError{child.Kind.Kind, child.Name, reason})
	}
	if build.KindOf(child.Kind).SelectsPods && !pass.serves() && !pass.leadsHere(found) {
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
	d := p.deployment()
	return d != nil && d.Spec.Replicas != nil && d.Status.AvailableReplicas >= *d.Spec.Replicas
}

// deployment of the owner, nil where it has none.
func (p *Pass) deployment() *appsv1.Deployment {
	for _, object := range p.Existing {
		if d, is := object.(*appsv1.Deployment); is {
			return d
		}
	}
	return nil
}

// leadsHere reports whether a Service selects the pods of a Deployment that was handed over and is as it was then: clients reach the same
// pods before and after, be they available or not.
func (p *Pass) leadsHere(found *unstructured.Unstructured) bool {
	selector, _, err := unstructured.NestedStringMap(found.Object, "spec", "selector")
	if err != nil || len(selector) == 0 || found.GetKind() != build.ServiceKind.Kind {
		return false
	}
	d := p.deployment()
	return d != nil && build.JustHandedOver(d) && labels.SelectorFromSet(selector).Matches(labels.Set(d.Spec.Template.Labels))
}

// waits is why a Deployment that was handed over stays as it is for now, nil where nothing keeps it. Its new pods may name their ports
// otherwise: until the Service, handed over as well, leads to them by number, clients would not reach them.
func (r *run) waits(child *build.Child, live client.Object) error {
	if len(r.failures) == 0 || child.Kind != build.DeploymentKind || live == nil || !build.JustHandedOver(live) {
		return nil
	}
	for _, one := range Failures(errors.Join(r.failures...)) {
		var foreign *ConflictError
		if one.Kind == build.ServiceKind.Kind && one.Name == r.Owner.GetName() && !errors.As(one.Err, &foreign) {
			return failure(child.Kind, child.Name, fmt.Errorf("%s %q was handed over, and waits for its Service: %w", child.Kind.Kind, child.Name, ErrStale))
		}
	}
	return nil
}

// obstacle is what somebody has to do before an object can be taken; empty where nothing is in the way.
func (e *Engine) obstacle(ctx context.Context, pass Pass, child *build.Child, found *unstructured.Unstructured) (string, error) {
	if reason := held(found); reason != "" {
		return reason, nil
	}
	switch child.Kind {
	case build.DeploymentKind:
		return e.obstacleToPods(ctx, pass, child, found)
	case build.ServiceKind:
		var service corev1.Service
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(found.Object, &service); err != nil {
			return "", fmt.Errorf("reading Service %q: %w", found.GetName(), err)
		}
		declared, err := serviceOf(child)
		if err != nil {
			return "", err
		}
		return lostByClients(&service, declared), nil
	}
	return "", nil
}

// held says who has to let go of an object first.
func held(found client.Object) string {
	if controller := metav1.GetControllerOf(found); controller != nil {
		return fmt.Sprintf("%s %q controls it and would go on changing it", controller.Kind, controller.Name)
	}
	return tracked(found)
}

// trackers are labels and annotations by which tools find what they apply and delete.
var trackers = []struct{ key, tool string }{
	{"meta.helm.sh/release-name", "Helm release"},
	{"argocd.argoproj.io/tracking-id", "Argo CD application"},
	{"argocd.argoproj.io/instance", "Argo CD application"},
	{"kustomize.toolkit.fluxcd.io/name", "Flux Kustomization"},
	{"helm.toolkit.fluxcd.io/name", "Flux HelmRelease"},
	{"applyset.kubernetes.io/part-of", "ApplySet of kubectl"},
	{"config.k8s.io/owning-inventory", "inventory of kpt or Config Sync"},
	{"kapp.k14s.io/app", "kapp application"},
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
