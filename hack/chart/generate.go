// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A place is where a chart has an object: its file, and the value that it depends on, if any.
type place struct {
	file, condition string
}

// places of the objects of config/default by kind, and of those that a component adds.
var (
	places = map[string]place{
		"CustomResourceDefinition": {"crd", ".Values.crds.install"},
		"ServiceAccount":           {"serviceaccount", ""},
		"ClusterRole":              {"rbac", ""},
		"ClusterRoleBinding":       {"rbac", ""},
		"Role":                     {"rbac", ""},
		"RoleBinding":              {"rbac", ""},
		"Service":                  {"service", ""},
		"Deployment":               {"deployment", ""},
		"PodDisruptionBudget":      {"poddisruptionbudget", ".Values.podDisruptionBudget.enabled"},
		"PriorityClass":            {"priorityclass", ".Values.priorityClass.create"},
	}
	optional = map[string]map[string]place{
		"prometheus": {
			"ServiceMonitor": {"servicemonitor", ".Values.serviceMonitor.enabled"},
			"PrometheusRule": {"prometheusrule", ".Values.prometheusRule.enabled"},
		},
		"grafana":        {"ConfigMap": {"dashboards", ".Values.dashboards.enabled"}},
		"network-policy": {"NetworkPolicy": {"networkpolicy", ".Values.networkPolicy.enabled"}},
		"secret-references": {
			"ClusterRole":        {"secret-references", ".Values.secretReferences.enabled"},
			"ClusterRoleBinding": {"secret-references", ".Values.secretReferences.enabled"},
			"Role":               {"secret-references", ".Values.secretReferences.enabled"},
			"RoleBinding":        {"secret-references", ".Values.secretReferences.enabled"},
		},
	}
	// left are kinds that are no part of the chart. helm install --create-namespace makes the namespace, and a chart that had it
	// would delete it with all that others keep there.
	left = []string{"Namespace"}
)

// generate returns the generated files of the chart by their paths in it.
func generate(config string) (map[string][]byte, error) {
	base, err := kustomize(config)
	if err != nil {
		return nil, err
	}
	g := generator{templates: map[string]*template{}, files: map[string][]byte{}}
	known := map[string]bool{}
	for _, o := range base {
		known[key(o)] = true
		g.place(o, places)
	}
	for _, component := range components {
		objects, err := kustomize(config, component)
		if err != nil {
			return nil, err
		}
		for _, o := range objects {
			if !known[key(o)] {
				g.place(o, optional[component])
			}
		}
	}
	for name, t := range g.templates {
		g.files["templates/"+name+".yaml"] = t.content()
	}
	return g.files, g.err
}

// generator collects the templates of a chart. The first error stays.
type generator struct {
	templates map[string]*template
	files     map[string][]byte
	err       error
}

func (g *generator) place(o object, places map[string]place) {
	kind, _ := o["kind"].(string)
	at, known := places[kind]
	switch {
	case g.err != nil || slices.Contains(left, kind):
		return
	case !known:
		g.err = fmt.Errorf("%s has no place in the chart: add its kind to places or left in hack/chart/generate.go", key(o))
		return
	}
	t := g.templates[at.file]
	if t == nil {
		t = &template{condition: at.condition}
		g.templates[at.file] = t
	}
	o = mapped(o, func(text string) string {
		return strings.ReplaceAll(strings.ReplaceAll(text, "goservice-system", namespaceWord), runbooks, runbooksWord)
	}).(object)
	e := editor{template: t, object: o}
	e.labels("dict")
	inNamespaces := local(&e)
	if edit := edits[kind]; edit != nil {
		edit(&e)
	}
	for _, name := range slices.Sorted(maps.Keys(e.files)) {
		g.files[name] = e.files[name]
	}
	around := wrapping{}
	if name := key(o); name == secretsRole || name == secretsBinds {
		around = everywhere
	}
	if g.err = e.err; g.err == nil {
		g.err = t.add(o, around)
	}
	if g.err == nil && inNamespaces != nil {
		g.err = t.add(inNamespaces, inEach)
	}
}

// mapped is a copy of a value in which a function has changed every string but the keys.
func mapped(value any, change func(string) string) any {
	switch value := value.(type) {
	case string:
		return change(value)
	case []any:
		var list []any
		for _, item := range value {
			list = append(list, mapped(item, change))
		}
		return list
	case object:
		fields := object{}
		for name, field := range value {
			fields[name] = mapped(field, change)
		}
		return fields
	}
	return value
}
