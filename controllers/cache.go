// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"bytes"
	"maps"
	"reflect"
	"slices"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/apply"
	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/internal/observe"
)

// CacheOptions keep only the operator's own objects in memory, without the fields that nothing here reads. Of foreign
// PodDisruptionBudgets the selectors are kept: no pod can be evicted that two of them select. Without namespaces, they watch all.
func CacheOptions(namespaces ...string) cache.Options {
	ours := labels.SelectorFromSet(labels.Set{build.LabelManagedBy: build.ManagedBy})
	byObject := map[client.Object]cache.ByObject{
		&corev1.Pod{}:         {Label: build.PodsOfServices(), Transform: slimPod},
		&v1alpha1.GoService{}: {Label: labels.Everything(), Transform: slimService},
	}
	for _, object := range ownedTypes() {
		if _, is := object.(*policyv1.PodDisruptionBudget); is {
			continue
		}
		byObject[object] = cache.ByObject{Label: ours, Transform: slimChild}
	}
	byObject[&policyv1.PodDisruptionBudget{}] = cache.ByObject{Label: labels.Everything(), Transform: slimChild}
	byObject[customResourceDefinition()] = cache.ByObject{Label: labels.Everything(), Transform: nameOnly}
	byObject[aNamespace()] = cache.ByObject{Label: labels.Everything(), Transform: slimNamespace}
	// Everything else is a child of an optional kind, which cannot be named here while the server does not know it.
	return cache.Options{ByObject: byObject, DefaultNamespaces: watched(namespaces), DefaultLabelSelector: ours, DefaultTransform: digestChild}
}

// digestChild keeps a digest of a child whose values nothing reads. A route is kept, since its definition may default fields that
// are not known here, and since the status tells whether a Gateway accepts it.
func digestChild(object any) (any, error) {
	child, is := object.(*unstructured.Unstructured)
	if !is {
		return object, nil
	}
	child.SetManagedFields(nil)
	internMetadata(child)
	if child.GroupVersionKind().Group == build.GatewayGroup {
		return child, observe.SlimRoute(child, intern)
	}
	return child, apply.Digest(child)
}

// nameOnly keeps of a definition that it is there: a cluster has hundreds, and their annotations hold whole manifests.
func nameOnly(object any) (any, error) {
	if definition, is := object.(*metav1.PartialObjectMetadata); is {
		definition.ManagedFields, definition.Annotations, definition.Labels = nil, nil, nil
	}
	return object, nil
}

// slimChild keeps of a child what may be applied to it, since every value of that is compared, and what the status shows.
func slimChild(object any) (any, error) {
	switch child := object.(type) {
	case *appsv1.Deployment:
		child.ManagedFields = slices.Clone(slices.DeleteFunc(child.ManagedFields, tellsNothingOfReplicas))
		child.Spec.Template.Labels = internMap(child.Spec.Template.Labels)
		internSelector(child.Spec.Selector)
		for i := range child.Spec.Template.Spec.TopologySpreadConstraints {
			internSelector(child.Spec.Template.Spec.TopologySpreadConstraints[i].LabelSelector)
		}
	case *corev1.Service:
		child.ManagedFields = nil
		child.Spec.Selector = internMap(child.Spec.Selector)
	case *autoscalingv2.HorizontalPodAutoscaler:
		child.ManagedFields = nil
		child.Status = autoscalingv2.HorizontalPodAutoscalerStatus{Conditions: slimAutoscalerConditions(child.Status.Conditions)}
	case *networkingv1.NetworkPolicy:
		child.ManagedFields = nil
		internSelector(&child.Spec.PodSelector)
	case *policyv1.PodDisruptionBudget:
		child.ManagedFields, child.Status = nil, policyv1.PodDisruptionBudgetStatus{}
		internSelector(child.Spec.Selector)
		if _, handedOver := child.Annotations[build.AnnotationAdopt]; observe.Foreign(child) && !handedOver {
			child.Annotations = nil
		}
	case client.Object:
		child.SetManagedFields(nil)
	}
	if child, is := object.(client.Object); is {
		internMetadata(child)
	}
	return object, nil
}

func internSelector(selector *metav1.LabelSelector) {
	if selector != nil {
		selector.MatchLabels = internMap(selector.MatchLabels)
	}
}

// slimAutoscalerConditions keeps what keeps an autoscaler from its work: reasons and messages of what is well change with every
// move of the count, and nothing reads them.
func slimAutoscalerConditions(conditions []autoscalingv2.HorizontalPodAutoscalerCondition) []autoscalingv2.HorizontalPodAutoscalerCondition {
	var kept []autoscalingv2.HorizontalPodAutoscalerCondition
	for _, c := range conditions {
		switch {
		case c.Type != autoscalingv2.AbleToScale && c.Type != autoscalingv2.ScalingActive:
		case c.Status == corev1.ConditionFalse:
			c.Reason, c.Message = intern(c.Reason), intern(c.Message)
			kept = append(kept, c)
		default:
			kept = append(kept, autoscalingv2.HorizontalPodAutoscalerCondition{Type: c.Type, Status: c.Status})
		}
	}
	return kept
}

// tellsNothingOfReplicas is false for those managers of a Deployment's fields that tell whether somebody else has taken over
// the replica count.
func tellsNothingOfReplicas(entry metav1.ManagedFieldsEntry) bool {
	return entry.FieldsV1 == nil || apply.Ours(entry) || !bytes.Contains(entry.FieldsV1.GetRawBytes(), []byte(`"f:replicas"`))
}

// slimPod keeps what observe reads of a pod.
func slimPod(object any) (any, error) {
	pod, is := object.(*corev1.Pod)
	if !is {
		return object, nil
	}
	return &corev1.Pod{
		TypeMeta: pod.TypeMeta,
		ObjectMeta: metav1.ObjectMeta{
			Name: pod.Name, Namespace: pod.Namespace, UID: pod.UID, ResourceVersion: pod.ResourceVersion,
			Labels: internMap(pod.Labels), DeletionTimestamp: pod.DeletionTimestamp,
			Annotations: map[string]string{
				build.AnnotationLiveSettings:     pod.Annotations[build.AnnotationLiveSettings],
				build.AnnotationLiveSettingsForm: intern(pod.Annotations[build.AnnotationLiveSettingsForm]),
				build.AnnotationContainer:        intern(pod.Annotations[build.AnnotationContainer]),
			},
		},
		Status: corev1.PodStatus{
			Phase: pod.Status.Phase, PodIP: pod.Status.PodIP,
			Conditions: slimPodConditions(pod.Status.Conditions), ContainerStatuses: slimContainers(pod.Status.ContainerStatuses),
			InitContainerStatuses: slimContainers(pod.Status.InitContainerStatuses),
		},
	}, nil
}

func slimPodConditions(conditions []corev1.PodCondition) []corev1.PodCondition {
	var kept []corev1.PodCondition
	for i := range conditions {
		c := &conditions[i]
		switch c.Type {
		case corev1.PodReady, corev1.PodScheduled, corev1.PodReadyToStartContainers:
			kept = append(kept, corev1.PodCondition{Type: c.Type, Status: c.Status, LastTransitionTime: c.LastTransitionTime, Message: intern(c.Message)})
		}
	}
	return kept
}

func slimContainers(statuses []corev1.ContainerStatus) []corev1.ContainerStatus {
	if len(statuses) == 0 {
		return nil
	}
	kept := make([]corev1.ContainerStatus, len(statuses))
	for i := range statuses {
		c := &statuses[i]
		kept[i] = corev1.ContainerStatus{
			Name: intern(c.Name), Image: intern(c.Image), Ready: c.Ready, Started: c.Started, RestartCount: c.RestartCount,
			State: c.State, LastTerminationState: c.LastTerminationState,
		}
	}
	return kept
}

// slimService shares the sentences of a status: services that are alike have the same.
func slimService(object any) (any, error) {
	service, is := object.(*v1alpha1.GoService)
	if !is {
		return object, nil
	}
	service.ManagedFields = nil
	internMetadata(service)
	for i := range service.Status.Conditions {
		c := &service.Status.Conditions[i]
		c.Type, c.Reason, c.Message = intern(c.Type), intern(c.Reason), intern(c.Message)
	}
	service.Status.Conditions = slices.Clone(service.Status.Conditions) // decoding leaves room for as many again
	internStrings(reflect.ValueOf(&service.Status.Plan).Elem())
	return service, nil
}

// internStrings shares every string in a value that was decoded from JSON, but keys of maps.
func internStrings(value reflect.Value) {
	if !value.CanSet() {
		return // a field that is the type's own affair
	}
	switch value.Kind() {
	case reflect.String:
		value.SetString(intern(value.String()))
	case reflect.Pointer:
		if !value.IsNil() {
			internStrings(value.Elem())
		}
	case reflect.Struct:
		for i := range value.NumField() {
			internStrings(value.Field(i))
		}
	case reflect.Slice:
		for i := range value.Len() {
			internStrings(value.Index(i))
		}
	}
}

// internMetadata shares with other objects what is the same in all of them.
func internMetadata(object client.Object) {
	object.SetNamespace(intern(object.GetNamespace()))
	object.SetLabels(internMap(object.GetLabels()))
	object.SetAnnotations(internMap(object.GetAnnotations()))
	owners := object.GetOwnerReferences()
	for i := range owners {
		owners[i].APIVersion, owners[i].Kind = intern(owners[i].APIVersion), intern(owners[i].Kind)
	}
	object.SetOwnerReferences(owners)
}

// internMap shares keys, which most objects have in common, values that are the operator's own, and whole maps with the
// objects that came last: the children of one service have the same labels, and their selectors, too. Other values are as
// many as there are services.
func internMap(m map[string]string) map[string]string {
	if m == nil {
		return nil
	}
	return recent.intern(m)
}

// recentMaps are the maps that were seen last. Nobody writes to what is in a cache.
type recentMaps struct {
	mu   sync.Mutex
	maps [64]map[string]string
	next int
}

var recent recentMaps

func (r *recentMaps) intern(m map[string]string) map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, known := range r.maps {
		if maps.Equal(known, m) {
			return known
		}
	}
	result := make(map[string]string, len(m))
	for key, value := range m {
		if key == build.LabelManagedBy {
			value = intern(value)
		}
		result[intern(key)] = value
	}
	r.maps[r.next] = result
	r.next = (r.next + 1) % len(r.maps)
	return result
}

const (
	maxInterned       = 1024
	maxInternedLength = 512
)

// interner keeps the first strings that it sees; users' own labels must not make it grow for ever.
type interner struct {
	mu    sync.RWMutex
	known map[string]string
}

var shared interner

// intern returns one copy of equal strings, so that a string which every object has is in memory once.
func intern(text string) string { return shared.intern(text) }

func (i *interner) intern(text string) string {
	if text == "" || len(text) > maxInternedLength {
		return text
	}
	i.mu.RLock()
	known, exists := i.known[text]
	full := len(i.known) >= maxInterned
	i.mu.RUnlock()
	if exists {
		return known
	}
	if full {
		return text
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if known, exists = i.known[text]; exists {
		return known
	}
	if i.known == nil {
		i.known = map[string]string{}
	}
	i.known[text] = text
	return text
}
