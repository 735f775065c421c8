// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// everything are the values that turn on what config/ has as components.
var everything = values{
	"serviceMonitor": values{"enabled": true}, "prometheusRule": values{"enabled": true}, "dashboards": values{"enabled": true},
	"networkPolicy": values{"enabled": true}, "secretReferences": values{"enabled": true},
}

// With its default values the chart makes what `kustomize build config/default` makes, and with the optional parts turned on what the
// components add, but for what same leaves out.
func TestTheChartMakesWhatKustomizeMakes(t *testing.T) {
	withEachHelm(t, func(t *testing.T, helm helm) {
		for name, test := range map[string]struct {
			components []string
			values     values
		}{
			"default":        {},
			"all components": {components, everything},
		} {
			t.Run(name, func(t *testing.T) {
				built, err := kustomize(configFolder, test.components...)
				if err != nil {
					t.Fatal(err)
				}
				want, got := map[string]object{}, rendered(t, helm, request{values: test.values})
				for _, o := range built {
					if o = same(t, o); o != nil {
						want[key(o)] = o
					}
				}
				for name := range got {
					got[name] = same(t, got[name])
				}
				if difference := cmp.Diff(want, got); difference != "" {
					t.Errorf("kustomize makes -, the chart +\n%s", difference)
				}
			})
		}
	})
}

// same leaves out in what the chart and kustomize differ, each for a reason.
func same(t *testing.T, o object) object {
	t.Helper()
	// Helm makes the namespace: install --create-namespace. A chart that has it deletes it with all that others keep there.
	if o["kind"] == "Namespace" {
		return nil
	}
	o = asJSON(t, o)
	metadata := o["metadata"].(object)
	// Both say who manages an object, and Helm also of which release and chart it is.
	labels := metadata["labels"].(object)
	if labels["app.kubernetes.io/name"] != "goservice-operator" {
		t.Errorf("%s has the labels %v", key(o), labels)
	}
	for _, name := range []string{"app.kubernetes.io/managed-by", "app.kubernetes.io/instance", "app.kubernetes.io/version", "helm.sh/chart"} {
		delete(labels, name)
	}
	switch o["kind"] {
	case "CustomResourceDefinition":
		// Uninstalling the chart leaves it.
		delete(metadata["annotations"].(object), "helm.sh/resource-policy")
	case "Deployment":
		// The chart's images have its version, those of config/ get theirs from `make deploy`.
		manager := o["spec"].(object)["template"].(object)["spec"].(object)["containers"].([]any)[0].(object)
		withoutTag(t, manager, "image")
		for _, variable := range manager["env"].([]any) {
			if variable := variable.(object); variable["name"] == "WORKLOAD_IMAGE" {
				withoutTag(t, variable, "value")
			}
		}
	}
	return o
}

func withoutTag(t *testing.T, in object, name string) {
	t.Helper()
	reference, tag, found := strings.Cut(in[name].(string), ":")
	if !found || tag != "latest" && tag != appVersion(t) {
		t.Errorf("%s is %v", name, in[name])
	}
	in[name] = reference
}

// asJSON makes of all numbers the same type.
func asJSON(t *testing.T, o object) object {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	var copied object
	if err := json.Unmarshal(text, &copied); err != nil {
		t.Fatal(err)
	}
	return copied
}

// rendered is what helm template prints, by key.
func rendered(t *testing.T, helm helm, r request) map[string]object {
	t.Helper()
	objects := map[string]object{}
	for _, o := range documents(t, helm, r) {
		objects[key(o)] = o
	}
	return objects
}

func fromYAML(t *testing.T, document string) object {
	t.Helper()
	var o object
	if err := yaml.Unmarshal([]byte(document), &o); err != nil {
		t.Fatalf("%v in\n%s", err, document)
	}
	return o
}

// The generated files of the chart are those that the generator makes now: after a change in config/, make chart.
func TestTheChartIsUpToDate(t *testing.T) {
	want, err := generate(configFolder)
	if err != nil {
		t.Fatal(err)
	}
	present, err := generatedIn(chartFolder)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(present)
	if difference := cmp.Diff(slices.Sorted(maps.Keys(want)), present); difference != "" {
		t.Errorf("files, generated - and present +; run make chart\n%s", difference)
	}
	for name, text := range want {
		if got, _ := os.ReadFile(filepath.Join(chartFolder, name)); string(got) != string(text) {
			t.Errorf("%s is not what config/ makes of it: run make chart", name)
		}
	}
}

// A kind that config/ gets has to be given a place: nothing of config/ is missing in the chart by mistake.
func TestAnObjectWithoutAPlaceIsAnError(t *testing.T) {
	g := generator{templates: map[string]*template{}}
	g.place(object{"kind": "ValidatingAdmissionPolicy", "metadata": object{"name": "new"}}, places)
	if g.err == nil || !strings.Contains(g.err.Error(), "ValidatingAdmissionPolicy/new has no place") {
		t.Errorf("error is %v", g.err)
	}
}
