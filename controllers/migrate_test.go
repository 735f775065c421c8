// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/controllers/migrate"
)

// migrated runs a test on each of the converter's cases.
func migrated(t *testing.T, test func(t *testing.T, folder string)) {
	t.Helper()
	folders, err := filepath.Glob(filepath.Join("migrate", "testdata", "*"))
	if err != nil || len(folders) == 0 {
		t.Fatalf("the converter has no cases: %v", err)
	}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) { test(t, folder) })
	}
}

func textOf(t *testing.T, folder, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, file))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// The schema accepts what the converter writes, and the API server what the operator makes of it.
func TestConvertedServicesAreApplied(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	op := startOperator(t, namespace, nil)
	defer op.stop()
	migrated(t, func(t *testing.T, folder string) {
		var service unstructured.Unstructured
		if err := yaml.Unmarshal(textOf(t, folder, "want.yaml"), &service.Object); err != nil {
			t.Fatal(err)
		}
		service.SetNamespace(namespace)
		if err := api.Create(t.Context(), &service); err != nil {
			t.Fatal(err)
		}
		settled(t, namespace, service.GetName())
	})
}

// What the API server fills in makes no difference: an export of what runs is converted to the same as what was applied.
func TestAnExportIsConvertedToTheSame(t *testing.T) {
	t.Parallel()
	migrated(t, func(t *testing.T, folder string) {
		namespace := newNamespace(t)
		var applied, exported migrate.Manifests
		for _, object := range inputOf(t, folder) {
			object.SetNamespace(namespace)
			readObject(t, &applied, object)
			if object.GetKind() != "ServiceMonitor" {
				createHere(t, object)
			}
			readObject(t, &exported, object)
		}
		if diff := cmp.Diff(conversionOf(t, &applied), conversionOf(t, &exported)); diff != "" {
			t.Errorf("(-of what was applied +of the export)\n%s", diff)
		}
	})
}

// inputOf a case are its objects, with other texts in the place of some.
func inputOf(t *testing.T, folder string, replaced ...string) []*unstructured.Unstructured {
	t.Helper()
	var objects []*unstructured.Unstructured
	for _, document := range strings.Split(strings.NewReplacer(replaced...).Replace(string(textOf(t, folder, "input.yaml"))), "\n---\n") {
		var content map[string]any
		if err := yaml.Unmarshal([]byte(document), &content); err != nil {
			t.Fatal(err)
		}
		items, isList := content["items"].([]any)
		if !isList {
			items = []any{content}
		}
		for _, item := range items {
			objects = append(objects, &unstructured.Unstructured{Object: item.(map[string]any)})
		}
	}
	return objects
}

// createHere makes an object of a case. The cluster here has other addresses.
func createHere(t *testing.T, object *unstructured.Unstructured) {
	t.Helper()
	object.SetResourceVersion("")
	if address, _, _ := unstructured.NestedString(object.Object, "spec", "clusterIP"); address != corev1.ClusterIPNone {
		unstructured.RemoveNestedField(object.Object, "spec", "clusterIP")
		unstructured.RemoveNestedField(object.Object, "spec", "clusterIPs")
	}
	if err := api.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	get(t, object.GetNamespace(), object.GetName(), object)
}

func readObject(t *testing.T, into *migrate.Manifests, object *unstructured.Unstructured) {
	t.Helper()
	text, err := yaml.Marshal(object.Object)
	if err == nil {
		err = into.Read(text)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// conversionOf manifests is the first GoService.
func conversionOf(t *testing.T, m *migrate.Manifests) string {
	t.Helper()
	output, err := migrate.Convert(m, migrate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := migrate.YAML(output.Results[0].Service)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What the converter writes takes over in place what it was made of, by the commands at the end of its notes and nothing else.
func TestConvertedServicesAreHandedOver(t *testing.T) {
	t.Parallel()
	migrated(t, func(t *testing.T, folder string) {
		namespace := newNamespace(t)
		defer startOperator(t, namespace, nil).stop()
		var manifests migrate.Manifests
		before := map[string]*unstructured.Unstructured{}
		for _, object := range inputOf(t, folder, "nodePort: 30080", "nodePort: 30150") { // which another test has
			object.SetNamespace(namespace)
			if object.GetKind() != "ServiceMonitor" {
				createHere(t, object)
				before[strings.ToLower(object.GetKind())+"/"+object.GetName()] = object
			}
			readObject(t, &manifests, object)
		}
		output, err := migrate.Convert(&manifests, migrate.Options{})
		if err != nil {
			t.Fatal(err)
		}
		converted := output.Results[0]
		servedBy(t, namespace, converted.Service.Name)
		text, err := migrate.YAML(converted.Service)
		if err != nil {
			t.Fatal(err)
		}
		var service unstructured.Unstructured
		if err := yaml.Unmarshal(text, &service.Object); err != nil {
			t.Fatal(err)
		}
		typeHandOver(t, converted.HandOver, before)
		if err := api.Create(t.Context(), &service); err != nil {
			t.Fatal(err)
		}
		settled(t, namespace, service.GetName())
		keptInPlace(t, namespace, converted, before)
	})
}

// typeHandOver does what the commands say, of which each object here takes an annotation.
func typeHandOver(t *testing.T, commands []string, objects map[string]*unstructured.Unstructured) {
	t.Helper()
	kinds := map[string]string{"hpa": "horizontalpodautoscaler", "pdb": "poddisruptionbudget"}
	if len(commands) != 1 {
		t.Fatalf("commands: %q", commands)
	}
	words := strings.Fields(commands[0])
	annotation, value, _ := strings.Cut(words[len(words)-1], "=")
	handed := 0
	for _, word := range words {
		kind, name, is := strings.Cut(word, "/")
		if full := kinds[kind]; full != "" {
			kind = full
		}
		if object := objects[kind+"/"+name]; is && object != nil {
			annotate(t, object.DeepCopy(), annotation, value)
			handed++
		}
	}
	if handed < 2 {
		t.Errorf("only %d objects are handed over by %q", handed, commands)
	}
}

// keptInPlace demands that the objects are the same ones, with what clients and tools know of them.
func keptInPlace(t *testing.T, namespace string, converted migrate.Result, before map[string]*unstructured.Unstructured) {
	t.Helper()
	name := converted.Service.Name
	var deployment appsv1.Deployment
	get(t, namespace, name, &deployment)
	var was appsv1.Deployment
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(before["deployment/"+name].Object, &was); err != nil {
		t.Fatal(err)
	}
	if deployment.UID != was.UID || *deployment.Spec.Replicas != *was.Spec.Replicas {
		t.Errorf("the Deployment is another one, or has %d replicas instead of %d", *deployment.Spec.Replicas, *was.Spec.Replicas)
	}
	selector := labels.SelectorFromSet(was.Spec.Selector.MatchLabels)
	if pods := deployment.Spec.Template; len(pods.Spec.Containers) != 1 || pods.Spec.Containers[0].Name != was.Spec.Template.Spec.Containers[0].Name || !selector.Matches(labels.Set(pods.Labels)) {
		t.Errorf("the container is %s, and the pods have %v", pods.Spec.Containers[0].Name, pods.Labels)
	}
	var entrance, wasEntrance corev1.Service
	get(t, namespace, name, &entrance)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(before["service/"+name].Object, &wasEntrance); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(assignedTo(&wasEntrance), assignedTo(&entrance)); diff != "" {
		t.Errorf("what the Service has (-before +after):\n%s", diff)
	}
}

// assignedTo a Service is what clients outside may know of it.
func assignedTo(service *corev1.Service) []any {
	result := []any{service.UID, service.Spec.ClusterIPs, service.Spec.Type}
	for _, port := range service.Spec.Ports {
		result = append(result, port.Port, port.Protocol, port.NodePort)
	}
	return result
}
