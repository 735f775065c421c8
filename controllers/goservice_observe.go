// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

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
	"goservice.dev/operator/controllers/internal/plan"
	"goservice.dev/operator/controllers/internal/tuner"
)

// ownerIndex finds the children of a GoService by the owner's UID.
const ownerIndex = "goservice.dev/owner"

// observed is what exists in the cluster for one GoService.
type observed struct {
	children   map[apply.Key]client.Object
	deployment *appsv1.Deployment
	// tunable are the pods whose container runs and that are not leaving: those that can take traffic.
	tunable []confirm.Pod
	// serving are the names of those that are ready.
	serving []string
	// trouble says in a sentence why a pod does not run; empty when none is in trouble.
	trouble string
}

// observe reads children and pods from the cache.
func (r *GoServiceReconciler) observe(ctx context.Context, service *v1alpha1.GoService) (observed, error) {
	o := observed{children: map[apply.Key]client.Object{}}
	present := r.optional.present()
	for _, kind := range build.Kinds() {
		if kind.Optional && !present[kind.GroupVersionKind] {
			continue
		}
		list, err := r.newList(kind.GroupVersionKind)
		if err != nil {
			return observed{}, err
		}
		// Not through the client: it would ask the API server, which knows no index, for kinds that the scheme does not know.
		if err := r.optional.cache.List(ctx, list, client.InNamespace(service.Namespace),
			client.MatchingFields{ownerIndex: string(service.UID)}, client.UnsafeDisableDeepCopy); err != nil {
			return observed{}, fmt.Errorf("listing every %s of GoService %s/%s: %w", kind.Kind, service.Namespace, service.Name, err)
		}
		if err := eachItem(list, func(object client.Object) {
			o.children[apply.Key{Kind: kind.GroupVersionKind, Name: object.GetName()}] = object
			if deployment, is := object.(*appsv1.Deployment); is {
				o.deployment = deployment
			}
		}); err != nil {
			return observed{}, err
		}
	}
	var pods corev1.PodList
	if err := r.Client.List(ctx, &pods, client.InNamespace(service.Namespace),
		client.MatchingLabelsSelector{Selector: build.PodSelector(service.Name)}, client.UnsafeDisableDeepCopy); err != nil {
		return observed{}, fmt.Errorf("listing the pods of GoService %s/%s: %w", service.Namespace, service.Name, err)
	}
	for i := range pods.Items {
		if pod, running := tunablePod(&pods.Items[i]); running {
			o.tunable = append(o.tunable, pod)
			if pod.Ready {
				o.serving = append(o.serving, pod.Name)
			}
		}
		if o.trouble == "" {
			o.trouble = podTrouble(&pods.Items[i])
		}
	}
	slices.Sort(o.serving) // the cache has no order
	return o, nil
}

// figures are what the plan takes in, with what was measured if anything was.
func (o observed) figures(measured *tuner.Outcome) plan.Observed {
	figures := plan.Observed{RunningPods: int32(len(o.tunable))}
	if measured != nil {
		figures.ServiceTime, figures.CPUTime, figures.Tuned = measured.Cost.ServiceTime, measured.Cost.CPUTime, measured.Tuned
	}
	if o.deployment != nil && o.deployment.Spec.Replicas != nil {
		figures.WantedReplicas = *o.deployment.Spec.Replicas
	}
	return figures
}

// tunablePod reports whether the pod's container runs and the pod is not leaving.
func tunablePod(pod *corev1.Pod) (confirm.Pod, bool) {
	if pod.DeletionTimestamp != nil || pod.Status.Phase != corev1.PodRunning {
		return confirm.Pod{}, false
	}
	for i := range pod.Status.ContainerStatuses {
		status := &pod.Status.ContainerStatuses[i]
		if status.Name != build.ContainerName || status.State.Running == nil {
			continue
		}
		return confirm.Pod{
			UID: pod.UID, Namespace: pod.Namespace, Name: pod.Name, IP: pod.Status.PodIP,
			Restarts: status.RestartCount, Ready: status.Ready, Annotation: pod.Annotations[build.AnnotationTuningRevision],
		}, true
	}
	return confirm.Pod{}, false
}

// podTrouble says why a pod does not run: what the scheduler or the container runtime says of it. Pods that merely start
// are in no trouble.
func podTrouble(pod *corev1.Pod) string {
	for i := range pod.Status.Conditions {
		c := &pod.Status.Conditions[i]
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return fmt.Sprintf("a pod cannot be scheduled: %s", c.Message)
		}
	}
	for i := range pod.Status.ContainerStatuses {
		waiting := pod.Status.ContainerStatuses[i].State.Waiting
		if waiting == nil || waiting.Reason == "ContainerCreating" || waiting.Reason == "PodInitializing" {
			continue
		}
		if ended := pod.Status.ContainerStatuses[i].LastTerminationState.Terminated; ended != nil && ended.Message != "" {
			return fmt.Sprintf("a container ended with code %d: %s", ended.ExitCode, firstLine(ended.Message))
		}
		return fmt.Sprintf("a container waits: %s", waiting.Reason)
	}
	return ""
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// newList is an empty list of a kind: typed where the scheme knows it, so that it shares the typed cache.
func (r *GoServiceReconciler) newList(kind schema.GroupVersionKind) (client.ObjectList, error) {
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

// indexOwner is the index function of ownerIndex.
func indexOwner(object client.Object) []string {
	controller := metav1.GetControllerOfNoCopy(object)
	if controller == nil || controller.Kind != goServiceKind.Kind || controller.APIVersion != goServiceKind.GroupVersion().String() {
		return nil
	}
	return []string{string(controller.UID)}
}
