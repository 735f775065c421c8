// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build explore

package controllers

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
)

// snapshot is all that a user can see of a namespace, by kind and name, without what differs from run to run: identities,
// versions and times.
type snapshot map[string]string

var (
	moments   = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	durations = regexp.MustCompile(`\b(\d+(\.\d+)?(ms|µs|s|m))+\b`)
)

// lists of everything that the operator may make.
func childLists() []client.ObjectList {
	return []client.ObjectList{
		&corev1.ServiceAccountList{}, &corev1.ConfigMapList{}, &corev1.ServiceList{}, &appsv1.DeploymentList{},
		&policyv1.PodDisruptionBudgetList{}, &autoscalingv2.HorizontalPodAutoscalerList{},
	}
}

// take looks at a namespace. Names holds what is replaced in all texts, such as a service's own name.
func take(ctx context.Context, namespace string, names map[string]string) (snapshot, error) {
	found := snapshot{}
	var services v1alpha1.GoServiceList
	if err := api.List(ctx, &services, client.InNamespace(namespace)); err != nil {
		return nil, err
	}
	words := maps.Clone(names)
	if words == nil {
		words = map[string]string{}
	}
	words[namespace] = "NAMESPACE"
	for i := range services.Items {
		words[string(services.Items[i].UID)] = "UID-OF-" + services.Items[i].Name
	}
	for i := range services.Items {
		service := &services.Items[i]
		service.Status.Learned = nil // when it was learned differs, and what follows from it is in the plan
		if err := found.add(service, "GoService", map[string]any{"status": service.Status}, words); err != nil {
			return nil, err
		}
	}
	for _, list := range childLists() {
		if err := api.List(ctx, list, client.InNamespace(namespace)); err != nil {
			return nil, err
		}
		if err := meta.EachListItem(list, func(item runtime.Object) error {
			object := item.(client.Object)
			kind, err := apiutil.GVKForObject(object, testScheme)
			if err != nil {
				return err
			}
			content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
			if err != nil {
				return err
			}
			return found.add(object, kind.Kind, content, words)
		}); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// add an object's declared content.
func (s snapshot) add(object client.Object, kind string, content map[string]any, words map[string]string) error {
	if kind != "GoService" {
		delete(content, "status")
	}
	delete(content, "metadata")
	annotations := maps.Clone(object.GetAnnotations())
	delete(annotations, "goservice.dev/applied")      // a hash over the owner, too
	delete(annotations, "goservice.dev/pod-template") // the template again, compressed, where names are not seen
	content["labels"], content["annotations"], content["owners"] = object.GetLabels(), annotations, object.GetOwnerReferences()
	if service, is := object.(*corev1.Service); is {
		spec := content["spec"].(map[string]any)
		for _, allocated := range []string{"clusterIP", "clusterIPs", "healthCheckNodePort"} {
			delete(spec, allocated)
		}
		_ = service
	}
	text, err := yaml.Marshal(content)
	if err != nil {
		return err
	}
	name, body := object.GetName(), string(text)
	for word, by := range words {
		name, body = strings.ReplaceAll(name, word, by), strings.ReplaceAll(body, word, by)
	}
	s[kind+"/"+name] = moments.ReplaceAllString(body, "TIME")
	return nil
}

// eventsOf counts what was told in a namespace, by reason and note. Durations differ from run to run.
func eventsOf(ctx context.Context, namespace string) (map[string]int, error) {
	var list eventsv1.EventList
	if err := api.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil, err
	}
	told := map[string]int{}
	for i := range list.Items {
		event := &list.Items[i]
		count := 1
		if event.Series != nil {
			count = int(event.Series.Count)
		}
		note := durations.ReplaceAllString(event.Note, "DURATION")
		told[fmt.Sprintf("%s %s: %s", event.Type, event.Reason, note)] += count
	}
	return told, nil
}

// orphans are the operator's objects that no living GoService owns.
func orphans(ctx context.Context, namespace string) ([]string, error) {
	var services v1alpha1.GoServiceList
	if err := api.List(ctx, &services, client.InNamespace(namespace)); err != nil {
		return nil, err
	}
	alive := map[string]bool{}
	for i := range services.Items {
		alive[string(services.Items[i].UID)] = true
	}
	var found []string
	for _, list := range childLists() {
		if err := api.List(ctx, list, client.InNamespace(namespace), client.MatchingLabels{build.LabelManagedBy: build.ManagedBy}); err != nil {
			return nil, err
		}
		if err := meta.EachListItem(list, func(item runtime.Object) error {
			object := item.(client.Object)
			if owner := metav1.GetControllerOf(object); owner == nil || !alive[string(owner.UID)] {
				found = append(found, fmt.Sprintf("%T %s", object, object.GetName()))
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// pretty writes a value for a failure's message.
func pretty(value any) string {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(text)
}
