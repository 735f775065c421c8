// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
)

// The manifest of a new service on the toolkit, whose module knows no type of the operator's, has only fields that there are.
func TestTheManifestOfANewServiceIsAGoService(t *testing.T) {
	toolkit, err := filepath.Abs("../workload")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	program := filepath.Join(folder, "new")
	for _, command := range []*exec.Cmd{
		exec.CommandContext(t.Context(), "go", "-C", toolkit, "build", "-buildvcs=false", "-o", program, "./new"),
		exec.CommandContext(t.Context(), program, "-toolkit", toolkit, "checkout"),
	} {
		command.Dir = folder
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, output)
		}
	}
	manifest, err := os.ReadFile(filepath.Join(folder, "checkout", "goservice.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var service v1alpha1.GoService
	if err := yaml.UnmarshalStrict(manifest, &service); err != nil {
		t.Fatal(err)
	}
	if service.Name != "checkout" || service.Spec.Image != "registry.example/checkout:v1" || service.Kind != "GoService" {
		t.Errorf("%+v", service)
	}
}
