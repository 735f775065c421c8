// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"
)

// configFolder holds what Argo CD reads.
const configFolder = "../../config/argocd"

// actionNames are the actions on a GoService, in the order in which the file has them.
var actionNames = []string{"pause", "resume", "restart"}

func main() {
	text, err := configMap(configFolder)
	if err == nil {
		err = os.WriteFile(filepath.Join(configFolder, "argocd-cm.yaml"), text, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "argocd:", err)
		os.Exit(1)
	}
}

type definition struct {
	Name string `yaml:"name"`
	Lua  string `yaml:"action.lua"`
}

type actions struct {
	Discovery   string       `yaml:"discovery.lua"`
	Definitions []definition `yaml:"definitions"`
}

// configMap is a patch for the ConfigMap argocd-cm.
func configMap(config string) ([]byte, error) {
	folder := filepath.Join(config, "resource_customizations", "goservice.dev", "GoService")
	health, err := os.ReadFile(filepath.Join(folder, "health.lua"))
	if err != nil {
		return nil, err
	}
	discovery, err := os.ReadFile(filepath.Join(folder, "actions", "discovery.lua"))
	if err != nil {
		return nil, err
	}
	all := actions{Discovery: string(discovery)}
	for _, name := range actionNames {
		script, err := os.ReadFile(filepath.Join(folder, "actions", name, "action.lua"))
		if err != nil {
			return nil, err
		}
		all.Definitions = append(all.Definitions, definition{name, string(script)})
	}
	customizations, err := asYAML(all)
	if err != nil {
		return nil, err
	}
	text, err := asYAML(map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "argocd-cm"},
		"data": map[string]string{
			"resource.customizations.health.goservice.dev_GoService":  string(health),
			"resource.customizations.actions.goservice.dev_GoService": customizations,
		},
	})
	return []byte("# Generated from resource_customizations by hack/argocd: make argocd. A patch for Argo CD's own ConfigMap.\n" + text), err
}

func asYAML(value any) (string, error) {
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(value); err != nil {
		return "", err
	}
	return text.String(), encoder.Close()
}
