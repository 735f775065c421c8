// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
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

var moments = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)

// lists of everything that the operator may make.
func childLists() []client.ObjectList {
	return []client.ObjectList{
		&corev1.ServiceAccountList{}, &corev1.ConfigMapList{}, &corev1.ServiceList{}, &appsv1.DeploymentList{},
		&policyv1.PodDisruptionBudgetList{}, &networkingv1.NetworkPolicyList{}, &autoscalingv2.HorizontalPodAutoscalerList{}, &networkingv1.IngressList{},
		&corev1.SecretList{},
	}
}

// take looks at a namespace.
func take(ctx context.Context, namespace string) (snapshot, error) {
	found := snapshot{}
	var services v1alpha1.GoServiceList
	if err := api.List(ctx, &services, client.InNamespace(namespace)); err != nil {
		return nil, err
	}
	words := map[string]string{namespace: "NAMESPACE"}
	for i := range services.Items {
		words[string(services.Items[i].UID)] = "UID-OF-" + services.Items[i].Name
	}
	for i := range services.Items {
		service := &services.Items[i]
		if service.Status.HandOff != nil {
			service.Status.HandOff.Revision = "REVISION" // of keys that follow from identities
		}
		slices.SortFunc(service.Status.Conditions, func(a, b metav1.Condition) int { return strings.Compare(a.Type, b.Type) }) // a map's order
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
	annotations, err := readable(object.GetAnnotations())
	if err != nil {
		return fmt.Errorf("%s %s: %w", kind, object.GetName(), err)
	}
	content["labels"], content["annotations"], content["owners"] = object.GetLabels(), annotations, object.GetOwnerReferences()
	content["finalizers"] = object.GetFinalizers()
	if secret, is := object.(*corev1.Secret); is {
		content["data"] = slices.Sorted(maps.Keys(secret.Data))
	}
	if _, is := object.(*corev1.Service); is {
		spec := content["spec"].(map[string]any)
		for _, allocated := range []string{"clusterIP", "clusterIPs", "healthCheckNodePort"} {
			delete(spec, allocated)
		}
		for _, port := range spec["ports"].([]any) {
			delete(port.(map[string]any), "nodePort")
		}
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

// readable annotations show what identities hide: a hash over the owner is only known to be there, and the template that a
// Deployment keeps is unpacked.
func readable(annotations map[string]string) (map[string]any, error) {
	shown := make(map[string]any, len(annotations))
	for name, value := range annotations {
		shown[name] = value
	}
	if annotations["goservice.dev/applied"] != "" {
		shown["goservice.dev/applied"] = "HASH"
	}
	packed := annotations["goservice.dev/pod-template"]
	if packed == "" {
		return shown, nil
	}
	var kept build.Template
	if err := json.Unmarshal([]byte(packed), &kept); err != nil {
		return nil, fmt.Errorf("reading the kept template: %w", err)
	}
	reader, err := gzip.NewReader(bytes.NewReader(kept.Content))
	if err != nil {
		return nil, fmt.Errorf("unpacking the kept template: %w", err)
	}
	var template any
	if err := json.NewDecoder(reader).Decode(&template); err != nil {
		return nil, fmt.Errorf("decoding the kept template: %w", err)
	}
	shown["goservice.dev/pod-template"] = map[string]any{
		"inputs": kept.Inputs, "version": kept.Version, "cause": string(kept.Cause), "content": template,
	}
	return shown, nil
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
