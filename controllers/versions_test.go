// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
)

const nextVersion = "v1beta1"

// twoVersions is the definition with one more version of the same schema, as it will be served when the shape is settled.
func twoVersions(t *testing.T) *apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	definition := definitionOfGoService(t)
	next := definition.Spec.Versions[0].DeepCopy()
	next.Name, next.Storage = nextVersion, false
	definition.Spec.Versions = append(definition.Spec.Versions, *next)
	return definition
}

// kubectl apply keeps a copy of a definition in an annotation.
func TestADefinitionWithTwoVersionsFitsIntoAnAnnotation(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(twoVersions(t))
	if err != nil {
		t.Fatal(err)
	}
	if room := validation.TotalAnnotationSizeLimitB; len(text) > room {
		t.Errorf("it has %d bytes, %d more than the annotations of an object", len(text), len(text)-room)
	}
}

// Objects of one version are those of the next one, whichever of them is stored.
func TestTheNextVersionOfTheAPIServesTheSameObjects(t *testing.T) {
	t.Parallel()
	g := gomega.NewWithT(t)
	definition := twoVersions(t)
	definition.Spec.Group = "versions.example" // beside the one that all other tests use
	definition.Name = definition.Spec.Names.Plural + "." + definition.Spec.Group
	if _, err := envtest.InstallCRDs(testConfig, envtest.CRDInstallOptions{CRDs: []*apiextensionsv1.CustomResourceDefinition{definition}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = api.Delete(context.Background(), definition) })
	namespace := newNamespace(t)
	read := func(version, name string) *unstructured.Unstructured {
		t.Helper()
		var object unstructured.Unstructured
		object.SetGroupVersionKind(schema.GroupVersionKind{Group: definition.Spec.Group, Version: version, Kind: definition.Spec.Names.Kind})
		g.Eventually(func() error { return api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, &object) }).
			WithTimeout(patience).Should(gomega.Succeed())
		return &object
	}
	// same demands that both versions say the same of an object.
	same := func(name string) {
		t.Helper()
		var both [2]map[string]any
		for i, version := range []string{v1alpha1.GroupVersion.Version, nextVersion} {
			object := read(version, name)
			if got := object.GroupVersionKind().Version; got != version {
				t.Errorf("%s is of version %s, not %s", name, got, version)
			}
			object.SetManagedFields(nil)
			delete(object.Object, "apiVersion")
			both[i] = object.Object
		}
		if diff := cmp.Diff(both[0], both[1]); diff != "" {
			t.Errorf("%s (-%s +%s):\n%s", name, v1alpha1.GroupVersion.Version, nextVersion, diff)
		}
	}

	var names []string
	for i, object := range sampleServices(t) {
		version := []string{v1alpha1.GroupVersion.Version, nextVersion}[i%2]
		object.SetAPIVersion(definition.Spec.Group + "/" + version)
		object.SetNamespace(namespace)
		g.Eventually(func() error { return api.Create(t.Context(), object) }).WithTimeout(patience).Should(gomega.Succeed())
		names = append(names, object.GetName())
	}
	if len(names) < 3 {
		t.Fatalf("only samples %v", names)
	}
	for _, name := range names {
		same(name)
	}

	g.Eventually(func() error {
		var stored apiextensionsv1.CustomResourceDefinition
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(definition), &stored); err != nil {
			return err
		}
		stored.Spec.Versions[0].Storage, stored.Spec.Versions[1].Storage = false, true
		return api.Update(t.Context(), &stored)
	}).WithTimeout(patience).Should(gomega.Succeed())
	for _, name := range names {
		same(name) // as it was written before
		g.Eventually(func() error {
			object := read(v1alpha1.GroupVersion.Version, name)
			object.SetLabels(map[string]string{"written": "again"})
			return api.Update(t.Context(), object)
		}).WithTimeout(patience).Should(gomega.Succeed())
		same(name)
	}
}

// sampleServices are the GoServices of the samples.
func sampleServices(t *testing.T) (all []*unstructured.Unstructured) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "config", "samples", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for document := range strings.SplitSeq(string(text), "\n---\n") {
			var object unstructured.Unstructured
			if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if object.GetKind() == "GoService" && object.GetAPIVersion() == v1alpha1.GroupVersion.String() {
				all = append(all, &object)
			}
		}
	}
	return all
}
