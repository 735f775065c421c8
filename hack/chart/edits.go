// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"fmt"
	"strings"
)

// runbooks is the page that the rules of config/prometheus link to.
const runbooks = "https://goservice.dev/docs/runbooks.md"

// edits put values in place of what config/ says, by kind.
var edits = map[string]func(*editor){
	"CustomResourceDefinition": definition,
	"ClusterRole":              clusterRole,
	"ConfigMap":                dashboard,
	"Deployment":               deployment,
	"NetworkPolicy":            networkPolicy,
	"PriorityClass":            priorityClass,
	"Role":                     role,
	"PrometheusRule":           func(e *editor) { e.labels(".Values.prometheusRule.labels") },
	"ServiceMonitor":           serviceMonitor,
}

// editor changes one object. The first error stays.
type editor struct {
	template *template
	object   object
	files    map[string][]byte
	err      error
}

func (e *editor) fail(format string, arguments ...any) {
	if e.err == nil {
		e.err = fmt.Errorf("%s: "+format, append([]any{key(e.object)}, arguments...)...)
	}
}

// at returns the map at a path. A number in it is an index, and a name that does not exist an error: config/ has changed then.
func (e *editor) at(path ...any) object {
	var value any = e.object
	for _, step := range path {
		switch step := step.(type) {
		case string:
			fields, _ := value.(object)
			value = fields[step]
		case int:
			list, _ := value.([]any)
			if step >= len(list) {
				e.fail("there is no %v", path)
				return object{}
			}
			value = list[step]
		}
	}
	found, is := value.(object)
	if !is {
		e.fail("there is no map at %v", path)
		return object{}
	}
	return found
}

// or lets a map or a list from the values replace what config/ has.
func (e *editor) or(in object, name, value string) {
	if in[name] == nil {
		e.fail("there is no %s", name)
		return
	}
	f, err := blockOr(value, in[name])
	if err != nil {
		e.fail("%w", err)
		return
	}
	in[name] = e.template.mark(f)
}

// labels replaces those of kustomize by those of Helm, and more from values.
func (e *editor) labels(more string) {
	labels := e.at("metadata", "labels")
	delete(labels, "app.kubernetes.io/name")
	delete(labels, "app.kubernetes.io/managed-by")
	labels["~common"] = e.template.mark(lines(fmt.Sprintf(`{{- include "goservice-operator.labels" (list . %s) | nindent 4 }}`, more)))
}

// within writes the fields of a map between others.
func within(value string, indent int) string {
	return fmt.Sprintf("{{- with %s }}{{ toYaml . | nindent %d }}{{ end }}", value, indent)
}

func definition(e *editor) {
	e.at("metadata", "annotations")["~keep"] = e.template.mark(lines("{{- if .Values.crds.keep }}", "helm.sh/resource-policy: keep", "{{- end }}"))
}

// clusterRole: only those for people are aggregated.
func clusterRole(e *editor) {
	if key(e.object) == managerRole {
		e.onlyClusterWide()
	}
	labels := e.at("metadata", "labels")
	for name, value := range labels {
		if strings.HasPrefix(name, "rbac.authorization.k8s.io/aggregate-to-") {
			delete(labels, name)
			labels["~aggregate"] = e.template.mark(lines("{{- if .Values.aggregateRoles }}", fmt.Sprintf("%s: %q", name, value), "{{- end }}"))
		}
	}
}

// dashboard: what Grafana reads is a file of its own, since Helm would take its braces for actions.
func dashboard(e *editor) {
	data := e.at("data")
	e.files = map[string][]byte{}
	for name, content := range data {
		text, _ := content.(string)
		if !strings.HasSuffix(text, "}\n") || strings.HasSuffix(text, "\n\n") {
			e.fail("%s must end with one newline", name)
		}
		e.files["dashboards/"+name] = []byte(text)
		data[name] = e.template.mark(func(before string) string {
			return fmt.Sprintf("%s|\n%s  {{- .Files.Get %q | trim | nindent %d }}", before, indentation(before), "dashboards/"+name, len(indentation(before))+2)
		})
	}
	labels := e.at("metadata", "labels")
	if labels["grafana_dashboard"] != "1" {
		e.fail("values.yaml has the label grafana_dashboard: \"1\"")
	}
	delete(labels, "grafana_dashboard")
	e.labels(".Values.dashboards.labels")
	e.at("metadata")["annotations"] = e.template.mark(block(".Values.dashboards.annotations"))
}

func networkPolicy(e *editor) {
	e.or(e.at("spec", "ingress", 0), "from", ".Values.networkPolicy.from")
}

func priorityClass(e *editor) {
	e.at("metadata")["name"] = e.template.mark(value(".Values.priorityClass.name | quote"))
}

func serviceMonitor(e *editor) {
	e.labels(".Values.serviceMonitor.labels")
	e.at("spec", "endpoints", 0)["interval"] = e.template.mark(lines("{{- with .Values.serviceMonitor.interval }}", "interval: {{ . | quote }}", "{{- end }}"))
}
