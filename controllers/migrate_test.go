// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"os"
	"path/filepath"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// What hack/migrate writes is accepted by the schema, and what the operator makes of it by the API server.
func TestConvertedServicesAreApplied(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("migrate", "testdata", "*", "want.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no converted services: %v", err)
	}
	namespace := newNamespace(t)
	op := startOperator(t, namespace, nil)
	defer op.stop()
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var service unstructured.Unstructured
		if err := yaml.Unmarshal(text, &service.Object); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		service.SetNamespace(namespace)
		if err := api.Create(t.Context(), &service); err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		settled(t, namespace, service.GetName())
		var deployment appsv1.Deployment
		get(t, namespace, service.GetName(), &deployment)
	}
}
