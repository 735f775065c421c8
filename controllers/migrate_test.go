// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
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
		for _, document := range bytes.Split(textOf(t, folder, "input.yaml"), []byte("\n---\n")) {
			var content map[string]any
			if err := yaml.Unmarshal(document, &content); err != nil {
				t.Fatal(err)
			}
			items, isList := content["items"].([]any)
			if !isList {
				items = []any{content}
			}
			for _, item := range items {
				object := &unstructured.Unstructured{Object: item.(map[string]any)}
				object.SetNamespace(namespace)
				object.SetResourceVersion("")
				readObject(t, &applied, object)
				if object.GetKind() != "ServiceMonitor" {
					unstructured.RemoveNestedField(object.Object, "spec", "clusterIP") // the cluster here has other addresses
					unstructured.RemoveNestedField(object.Object, "spec", "clusterIPs")
					if err := api.Create(t.Context(), object); err != nil {
						t.Fatal(err)
					}
					get(t, namespace, object.GetName(), object)
				}
				readObject(t, &exported, object)
			}
		}
		if diff := cmp.Diff(conversionOf(t, &applied), conversionOf(t, &exported)); diff != "" {
			t.Errorf("(-of what was applied +of the export)\n%s", diff)
		}
	})
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
