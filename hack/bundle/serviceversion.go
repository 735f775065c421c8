// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// icon of the operator in a catalog: a gauge.
const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><path d="M8 44a24 24 0 1 1 48 0" fill="none" stroke="#00add8" stroke-width="8" stroke-linecap="round"/><path d="M32 44 46 26" stroke="#1b1f24" stroke-width="6" stroke-linecap="round"/><circle cx="32" cy="44" r="5" fill="#1b1f24"/></svg>
`

const summary = "Deploys stateless Go services from GoServices and tunes them while they run."

const description = summary + `

From a short manifest, a GoService, the operator makes a Deployment, Services, a ServiceMonitor, a disruption budget, and an autoscaler whose numbers follow
from declared objectives for latency and availability. It measures the pods and moves replicas, utilization, and pools so that the objectives hold, and
gives each reason in the status. Rate limits and other live settings reach running pods within a second, without a restart.

It runs images of your own, with or without the operator's toolkit, and a workload that comes with it.
`

// serviceVersion is the operator as the Operator Lifecycle Manager installs it.
func (r *release) serviceVersion(p *parts) (object, error) {
	number, tagged := strings.CutPrefix(r.version, "v")
	if !tagged {
		number = "0.0.0-" + r.version // of sources without a tag
	}
	examples, err := json.MarshalIndent(r.samples, "", "  ")
	if err != nil {
		return nil, err
	}
	owned, err := ownedBy(p.crd)
	if err != nil {
		return nil, err
	}
	manager, images, err := imagesOf(p.deployment)
	if err != nil {
		return nil, err
	}
	mode := func(kind string, supported bool) object { return object{"type": kind, "supported": supported} }
	return object{
		"apiVersion": "operators.coreos.com/v1alpha1", "kind": "ClusterServiceVersion",
		"metadata": object{
			"name": fmt.Sprintf("%s.v%s", name, number), "namespace": "placeholder",
			"labels": object{
				"operatorframework.io/os.linux": "supported", "operatorframework.io/arch.amd64": "supported", "operatorframework.io/arch.arm64": "supported",
			},
			"annotations": object{
				"alm-examples": string(examples), "capabilities": "Auto Pilot", "categories": "Application Runtime", "certified": "false",
				"containerImage": manager, "createdAt": r.created.Format(time.RFC3339), "description": summary,
				"repository": r.source, "support": "The GoService Authors",
			},
		},
		"spec": object{
			"displayName": "GoService Operator", "description": description, "version": number, "maturity": "alpha", "minKubeVersion": minKubeVersion,
			"keywords":    []string{"go", "autoscaling", "slo", "rate limit", "tuning"},
			"provider":    object{"name": "The GoService Authors", "url": "https://goservice.dev"},
			"maintainers": []object{{"name": "The GoService Authors", "email": "maintainers@goservice.dev"}},
			"links":       []object{{"name": "Documentation", "url": r.source}},
			"icon":        []object{{"base64data": base64.StdEncoding.EncodeToString([]byte(icon)), "mediatype": "image/svg+xml"}},
			// Some namespaces take a role for each, which the Helm chart makes.
			"installModes": []object{mode("OwnNamespace", false), mode("SingleNamespace", false), mode("MultiNamespace", false), mode("AllNamespaces", true)},
			"install": object{"strategy": "deployment", "spec": object{
				"permissions":        []object{{"serviceAccountName": p.serviceAccount, "rules": p.permissions}},
				"clusterPermissions": []object{{"serviceAccountName": p.serviceAccount, "rules": p.clusterPermissions}},
				"deployments":        []object{{"name": nameOf(p.deployment), "label": dig(p.deployment, "metadata", "labels"), "spec": p.deployment["spec"]}},
			}},
			"customresourcedefinitions": object{"owned": []object{owned}},
			"relatedImages":             images,
		},
	}, nil
}

// minKubeVersion is the chart's, by a test.
const minKubeVersion = "1.30.0"

// imagesOf the operator's container and its services, which a mirror has to have.
func imagesOf(deployment object) (manager string, images []object, err error) {
	containers, _ := dig(deployment, "spec", "template", "spec")["containers"].([]any)
	for _, c := range containers {
		container, _ := c.(object)
		manager, _ = container["image"].(string)
		images = append(images, object{"name": "manager", "image": manager})
		environment, _ := container["env"].([]any)
		for _, e := range environment {
			if variable, _ := e.(object); variable["name"] == "WORKLOAD_IMAGE" {
				images = append(images, object{"name": "workload", "image": variable["value"]})
			}
		}
	}
	if len(images) != 2 {
		return "", nil, fmt.Errorf("Deployment %s: one container with an image and the variable WORKLOAD_IMAGE is expected", nameOf(deployment))
	}
	return manager, images, nil
}

func dig(o object, path ...string) object {
	for _, key := range path {
		o, _ = o[key].(object)
	}
	return o
}

// ownedBy the operator: its kind, with a word on each field.
func ownedBy(crd object) (object, error) {
	spec := dig(crd, "spec")
	versions, _ := spec["versions"].([]any)
	if len(versions) != 1 {
		return nil, fmt.Errorf("CustomResourceDefinition %s has %d versions; say which ones a bundle describes", nameOf(crd), len(versions))
	}
	version, _ := versions[0].(object)
	properties := dig(version, "schema", "openAPIV3Schema", "properties")
	kind := func(name, version string) object { return object{"kind": name, "version": version, "name": ""} }
	return object{
		"name": nameOf(crd), "version": version["name"], "kind": dig(spec, "names")["kind"], "displayName": "Go service", "description": summary,
		"resources": []object{
			kind("Deployment", "v1"), kind("Service", "v1"), kind("HorizontalPodAutoscaler", "v2"), kind("PodDisruptionBudget", "v1"), kind("ConfigMap", "v1"),
			kind("ServiceAccount", "v1"), kind("NetworkPolicy", "v1"), kind("Pod", "v1"),
		},
		"specDescriptors":   descriptors(dig(properties, "spec", "properties")),
		"statusDescriptors": descriptors(dig(properties, "status", "properties")),
	}, nil
}

// descriptors of fields: their names in words, and the first sentence about each.
func descriptors(fields object) []object {
	var all []object
	for _, field := range sortedKeys(fields) {
		schema, _ := fields[field].(object)
		about, _ := schema["description"].(string)
		about, _, _ = strings.Cut(strings.Join(strings.Fields(about), " "), ". ")
		all = append(all, object{"path": field, "displayName": words(field), "description": strings.TrimSuffix(about, ".") + "."})
	}
	return all
}

// words of a field's name: rateLimit is Rate Limit.
func words(field string) string {
	var text strings.Builder
	runes := []rune(field)
	for i, r := range runes {
		switch {
		case i == 0:
			r = unicode.ToUpper(r)
		case unicode.IsUpper(r) && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])):
			text.WriteByte(' ')
		}
		text.WriteRune(r)
	}
	return text.String()
}
