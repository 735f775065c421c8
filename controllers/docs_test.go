// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
)

var (
	fencedYAML   = regexp.MustCompile("(?ms)^( *)```yaml\n(.*?)^ *```$")
	indentedYAML = regexp.MustCompile(`(?m)^    (?:spec:|apiVersion: goservice\.dev/.*)$`)
	fencedBlock  = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	patchPattern = regexp.MustCompile(`kubectl patch gosvc \S+ --type=merge -p '([^']+)'`)
)

// Each GoService of the documentation, whole or from spec on, is one that the API server takes without dropping a field; so is what each
// patch makes of the smallest sample.
func TestTheAPIServerTakesTheGoServicesOfTheDocumentation(t *testing.T) {
	namespace, strict := newNamespace(t), client.WithFieldValidation(api, metav1.FieldValidationStrict)
	take := func(page string, object map[string]any) {
		service := &unstructured.Unstructured{Object: object}
		service.SetGroupVersionKind(v1alpha1.GoServiceKind)
		service.SetNamespace(namespace)
		service.SetName("checkout")
		if err := strict.Create(t.Context(), service, client.DryRunAll); err != nil {
			t.Errorf("%s: %v", page, err)
		}
	}
	text, err := os.ReadFile(filepath.Join("..", "config", "samples", "goservice_minimal.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	sample := &unstructured.Unstructured{}
	if err := yaml.UnmarshalStrict(text, sample); err != nil {
		t.Fatal(err)
	}
	sample.SetNamespace(namespace)
	sample.SetName("sample")
	if err := strict.Create(t.Context(), sample); err != nil {
		t.Fatal(err)
	}
	services, patches := 0, 0
	err = filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == "../dist" || path == "../bin" || entry.IsDir() && entry.Name() == "testdata" {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".md" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, lost := range indentedYAML.FindAllString(fencedBlock.ReplaceAllString(string(text), ""), -1) {
			t.Errorf("%s: %q begins a block that is not fenced as yaml, so nothing reads it", path, lost)
		}
		for _, block := range fencedYAML.FindAllStringSubmatch(string(text), -1) {
			object := map[string]any{}
			if err := yaml.UnmarshalStrict([]byte(block[2]), &object); err != nil {
				t.Errorf("%s: %v in\n%s", path, err, block[2])
				continue
			}
			_, hasSpec := object["spec"]
			switch kind := object["kind"]; {
			case kind == v1alpha1.GoServiceKind.Kind, kind == nil && hasSpec && len(object) == 1:
				services++
				take(path, object)
			case kind == nil && object["patches"] == nil: // of kustomize
				t.Errorf("%s: neither an object nor the spec of a GoService from spec on:\n%s", path, block[2])
			}
		}
		for _, patch := range patchPattern.FindAllSubmatch(text, -1) {
			patches++
			if err := strict.Patch(t.Context(), sample.DeepCopy(), client.RawPatch(types.MergePatchType, patch[1]), client.DryRunAll); err != nil {
				t.Errorf("%s: %s: %v", path, patch[0], err)
			}
		}
		return nil
	})
	if err != nil || services == 0 || patches == 0 {
		t.Errorf("%d GoServices and %d patches: %v", services, patches, err)
	}
}
