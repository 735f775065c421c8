// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// components are the optional parts of config/, which the chart has behind values.
var components = []string{"prometheus", "grafana", "network-policy", "secret-references"}

// object is a Kubernetes object as YAML has it: maps, lists, and scalars.
type object = map[string]any

// key names an object among those of one installation.
func key(o object) string {
	metadata, _ := o["metadata"].(map[string]any)
	return fmt.Sprintf("%v/%v", o["kind"], metadata["name"])
}

// kustomize builds config/default with components, in memory: nothing in the checkout changes.
func kustomize(config string, components ...string) ([]object, error) {
	files := filesys.MakeFsInMemory()
	err := filepath.WalkDir(config, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		inside, err := filepath.Rel(config, path)
		if err != nil {
			return err
		}
		return files.WriteFile("/config/"+filepath.ToSlash(inside), text)
	})
	if err != nil {
		return nil, err
	}
	overlay := "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../config/default]\ncomponents: ["
	for i, component := range components {
		if i > 0 {
			overlay += ", "
		}
		overlay += "../config/" + component
	}
	if err := files.WriteFile("/overlay/kustomization.yaml", []byte(overlay+"]\n")); err != nil {
		return nil, err
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, "/overlay")
	if err != nil {
		return nil, fmt.Errorf("building %s with %s: %w", config, strings.Join(components, ", "), err)
	}
	var objects []object
	for _, resource := range built.Resources() {
		content, err := resource.Map()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", resource.CurId(), err)
		}
		objects = append(objects, content)
	}
	return objects, nil
}
