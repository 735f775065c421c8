// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package samples holds manifests for people to read and copy; its tests keep them true.
package samples

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
)

// foreign are the fields with the form of Kubernetes' own types; the sample shows that they exist, not all that is in them.
var foreign = map[string]bool{
	"spec.env": true, "spec.envFrom": true, "spec.imagePullSecrets": true, "spec.resources": true,
	"spec.probes.startup": true, "spec.probes.liveness": true, "spec.probes.readiness": true, "spec.volumes": true, "spec.volumeMounts": true,
	"spec.initContainers": true, "spec.securityContext": true, "spec.pod.securityContext": true,
	"spec.pod.affinity": true, "spec.pod.tolerations": true, "spec.pod.topologySpreadConstraints": true,
}

// excluded cannot stand beside another field of the sample, which names it in a comment.
var excluded = map[string]bool{"spec.replicas": true, "spec.disruptionBudget.maxUnavailable": true, "spec.disruptionBudget.disabled": true}

func read(t *testing.T, path string, into any) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(content, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func TestSamplesAreGoServices(t *testing.T) {
	paths, err := filepath.Glob("goservice_*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no samples found: %v", err)
	}
	for _, path := range paths {
		t.Run(path, func(t *testing.T) {
			var service v1alpha1.GoService
			read(t, path, &service)
			if got, want := service.APIVersion+" "+service.Kind, v1alpha1.GroupVersion.String()+" GoService"; got != want {
				t.Errorf("%s is %q, want %q", path, got, want)
			}
		})
	}
}

// TestSamplesShowEveryField looks for each field in the full sample; some are only for images that are not built on the toolkit.
func TestSamplesShowEveryField(t *testing.T) {
	var definition apiextensionsv1.CustomResourceDefinition
	read(t, "../crd/bases/goservice.dev_goservices.yaml", &definition)
	var full, team map[string]any
	read(t, "goservice_full.yaml", &full)
	read(t, "goservice_team.yaml", &team)

	schema := definition.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
	notInTeam := missing("spec", &schema, team["spec"])
	for _, path := range missing("spec", &schema, full["spec"]) {
		if slices.ContainsFunc(notInTeam, func(lacks string) bool { return strings.HasPrefix(path, lacks) }) {
			t.Errorf("no sample shows %s", path)
		}
	}
}

// missing lists the fields of the schema that the value lacks.
func missing(path string, schema *apiextensionsv1.JSONSchemaProps, value any) []string {
	if foreign[path] {
		return nil
	}
	if schema.Type == "array" {
		items, _ := value.([]any)
		if len(items) == 0 {
			return []string{path}
		}
		// The first item shows what an item can have.
		return missing(path+"[]", schema.Items.Schema, items[0])
	}
	fields, _ := value.(map[string]any)
	var paths []string
	for name, property := range schema.Properties {
		field := path + "." + name
		switch inner, given := fields[name]; {
		case excluded[field]:
		case !given:
			paths = append(paths, field)
		default:
			paths = append(paths, missing(field, &property, inner)...)
		}
	}
	return paths
}
