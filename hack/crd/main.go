// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command crd leaves out of a CustomResourceDefinition the descriptions of what has the form of Kubernetes' own types, which
// Kubernetes documents: kubectl apply keeps a copy of the whole in an annotation, with room for 256 KiB, and two versions of the
// API have to fit.
package main

import (
	"flag"
	"fmt"
	"os"
	"path"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// embedded are the fields below which descriptions are left out; * stands for any name.
var embedded = []string{
	"spec.env[]", "spec.envFrom[]", "spec.resources", "spec.volumes[].*", "spec.volumeMounts[]", "spec.initContainers[]",
	"spec.probes.*", "spec.securityContext", "spec.pod.tolerations[]",
	"spec.pod.securityContext", "spec.pod.dnsConfig", "spec.pod.hostAliases[]", "spec.networkPolicy.from[]", "spec.expose.gateway", "status.*",
}

func main() {
	flag.Parse()
	for _, file := range flag.Args() {
		if err := trim(file); err != nil {
			fmt.Fprintln(os.Stderr, "crd:", err)
			os.Exit(1)
		}
	}
}

func trim(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var definition map[string]any
	if err := yaml.Unmarshal(text, &definition); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	var typed apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(text, &typed); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	spec, _ := definition["spec"].(map[string]any)
	versions, _ := spec["versions"].([]any)
	for i := range typed.Spec.Versions {
		schema := typed.Spec.Versions[i].Schema.OpenAPIV3Schema
		leaveOut("", schema, false)
		versions[i].(map[string]any)["schema"] = map[string]any{"openAPIV3Schema": schema}
	}
	trimmed, err := yaml.Marshal(definition)
	if err != nil {
		return err
	}
	return os.WriteFile(file, append([]byte("---\n"), trimmed...), 0o644)
}

// leaveOut removes the descriptions below a node that is embedded.
func leaveOut(at string, node *apiextensionsv1.JSONSchemaProps, below bool) {
	if below {
		node.Description = ""
	}
	below = below || isEmbedded(at)
	for name := range node.Properties {
		property := node.Properties[name]
		leaveOut(strings.TrimPrefix(at+"."+name, "."), &property, below)
		node.Properties[name] = property
	}
	if node.Items != nil && node.Items.Schema != nil {
		leaveOut(at+"[]", node.Items.Schema, below)
	}
	if node.AdditionalProperties != nil && node.AdditionalProperties.Schema != nil {
		leaveOut(at+".*", node.AdditionalProperties.Schema, below)
	}
}

func isEmbedded(at string) bool {
	for _, pattern := range embedded {
		// Names have no slashes, and path.Match's brackets are none of ours.
		if match, err := path.Match(strings.ReplaceAll(pattern, "[]", "+"), strings.ReplaceAll(at, "[]", "+")); err == nil && match {
			return true
		}
	}
	return false
}
