// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package observe reads what exists for one GoService: its children, its pods and what they say of themselves. It reads
// caches only and decides nothing.
package observe

import (
	"context"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/apply"
	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/internal/confirm"
	"goservice.dev/operator/workload/livesettings"
	v0 "goservice.dev/operator/workload/livesettings/v0"
)

// OwnerIndex finds the children of a GoService by the owner's UID.
const OwnerIndex = "goservice.dev/owner"

// State is what exists in the cluster for one GoService.
type State struct {
	Children   map[apply.Key]client.Object
	Deployment *appsv1.Deployment
	// Tunable are the pods whose container runs and that are not leaving: those that can take traffic.
	Tunable []confirm.Pod
	// Serving are the names of those that are ready by their condition Ready, in order.
	Serving []string
	// Leaving are the pods that are being deleted and whose container still runs: they serve what they have accepted, and
	// new requests until every balancer knows that they leave.
	Leaving []confirm.Pod
	// OtherBudgets are the names of foreign PodDisruptionBudgets that select the service's pods and stay, in order.
	OtherBudgets []string
	// HandedOver are those that were handed over to the service, which has a budget of its own.
	HandedOver []client.Object
	// Older says that a pod or the Deployment's template mounts the older form of live settings.
	Older bool
	// Troubles are what keeps pods from serving, each once, in a fixed order.
	Troubles []Trouble
}

// PodIndex finds the pods of a service by its name: a label selector would look at every pod of the namespace.
const PodIndex = "goservice.dev/service"

// IndexPod is the index function of PodIndex.
func IndexPod(pod client.Object) []string {
	if name := build.ServiceOfPod(pod.GetLabels()); name != "" {
		return []string{name}
	}
	return nil
}

// Observer reads the caches.
type Observer struct {
	// Client reads pods by PodIndex, and PodDisruptionBudgets.
	Client client.Reader
	// Cache reads children by OwnerIndex, also of kinds that the scheme does not know.
	Cache client.Reader
	// Scheme tells typed kinds from others.
	Scheme *runtime.Scheme
	// Present says which optional kinds are served.
	Present func() map[schema.GroupVersionKind]bool
}

// Observe reads the children and pods of a service.
func (r *Observer) Observe(ctx context.Context, service *v1alpha1.GoService) (State, error) {
	o := State{Children: map[apply.Key]client.Object{}}
	present := r.Present()
	for _, kind := range build.Kinds() {
		if kind.Optional && !present[kind.GroupVersionKind] {
			continue
		}
		list, err := r.newList(kind.GroupVersionKind)
		if err != nil {
			return State{}, err
		}
		// Not through the client: it would ask the API server, which knows no index, for kinds that the scheme does not know.
		if err := r.Cache.List(ctx, list, client.InNamespace(service.Namespace),
			client.MatchingFields{OwnerIndex: string(service.UID)}, client.UnsafeDisableDeepCopy); err != nil {
			return State{}, fmt.Errorf("listing every %s of GoService %s/%s: %w", kind.Kind, service.Namespace, service.Name, err)
		}
		if err := eachItem(list, func(object client.Object) {
			o.Children[apply.Key{Kind: kind.GroupVersionKind, Name: object.GetName()}] = object
			if deployment, is := object.(*appsv1.Deployment); is {
				o.Deployment = deployment
				o.Older = o.Older || mountsOlder(deployment.Spec.Template.Annotations)
			}
		}); err != nil {
			return State{}, err
		}
	}
	var pods corev1.PodList
	if err := r.Client.List(ctx, &pods, client.InNamespace(service.Namespace),
		client.MatchingFields{PodIndex: service.Name}, client.UnsafeDisableDeepCopy); err != nil {
		return State{}, fmt.Errorf("listing the pods of GoService %s/%s: %w", service.Namespace, service.Name, err)
	}
	for i := range pods.Items {
		if phase := pods.Items[i].Status.Phase; phase != corev1.PodSucceeded && phase != corev1.PodFailed {
			o.Older = o.Older || mountsOlder(pods.Items[i].Annotations)
		}
		if pod, running := TunablePod(&pods.Items[i]); running {
			o.Tunable = append(o.Tunable, pod)
			if pod.Ready {
				o.Serving = append(o.Serving, pod.Name)
			}
		}
		if pod, leaving := LeavingPod(&pods.Items[i]); leaving {
			o.Leaving = append(o.Leaving, pod)
		}
		if trouble, is := PodTrouble(&pods.Items[i]); is {
			o.Troubles = append(o.Troubles, trouble)
		}
	}
	slices.Sort(o.Serving) // the cache has no order
	o.Troubles = distinct(o.Troubles)
	err := r.otherBudgets(ctx, service, &o)
	return o, err
}

// WithoutPods is the state of a service whose pods are another one's.
func (o State) WithoutPods() State {
	o.Tunable, o.Leaving, o.Serving, o.Troubles = nil, nil, nil, nil
	return o
}

// newList is an empty list of a kind: typed where the scheme knows it, so that it shares the typed cache.
func (r *Observer) newList(kind schema.GroupVersionKind) (client.ObjectList, error) {
	listKind := kind.GroupVersion().WithKind(kind.Kind + "List")
	if !r.Scheme.Recognizes(listKind) {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(listKind)
		return list, nil
	}
	object, err := r.Scheme.New(listKind)
	if err != nil {
		return nil, err
	}
	list, is := object.(client.ObjectList)
	if !is {
		return nil, fmt.Errorf("%s is no list", listKind)
	}
	return list, nil
}

func eachItem(list client.ObjectList, visit func(client.Object)) error {
	return meta.EachListItem(list, func(item runtime.Object) error {
		object, is := item.(client.Object)
		if !is {
			return fmt.Errorf("%T is no API object", item)
		}
		visit(object)
		return nil
	})
}

// IndexOwner is the index function of OwnerIndex.
func IndexOwner(object client.Object) []string {
	controller := metav1.GetControllerOfNoCopy(object)
	if controller == nil || controller.Kind != v1alpha1.GoServiceKind.Kind {
		return nil
	}
	// Of any version: a child keeps the one that it was made with.
	if group, _, _ := strings.Cut(controller.APIVersion, "/"); group != v1alpha1.GoServiceKind.Group {
		return nil
	}
	return []string{string(controller.UID)}
}

// LiveSettings are those that new pods start with; false where there are none, or none that can be read. Right after an
// upgrade of the operator there is only their older form.
func (o State) LiveSettings() (livesettings.Document, bool) {
	text := ""
	for _, child := range o.Children {
		if configMap, is := child.(*corev1.ConfigMap); is {
			if newest, has := configMap.Data[livesettings.FileName]; has {
				text = newest
				break
			}
			text = configMap.Data[v0.FileName]
		}
	}
	document, err := livesettings.Parse([]byte(text))
	return document, err == nil
}
