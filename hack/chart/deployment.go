// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import "slices"

// A flag of the operator that a value sets. Without a value it is left out: the operator has defaults of its own.
type setting struct {
	flag, value string
	// format of the flag's value, where the dot is the value, or an item of it.
	format string
	// each says that the value is a list or a map, and the flag comes once for each item. In a map, $key is the item's name.
	each bool
}

// settings in the order of values.yaml. Numbers of values are floating-point numbers to Helm, and 1e+06 is no number to the operator.
var settings = []setting{
	{flag: "zap-log-level", value: "log.level", format: "%v"},
	{flag: "zap-encoder", value: "log.format", format: "%v"},
	{flag: "watch-namespaces", value: "watchNamespaces", format: "a,b"},
	{flag: "max-concurrent-reconciles", value: "maxConcurrentReconciles", format: "%d"},
	{flag: "upgrade-services", value: "upgradeServices", format: "%d"},
	{flag: "runbook-url", value: "runbookURL", format: "%v"},
	{flag: "monitor-label", value: "monitorLabels", format: "name=value", each: true},
	{flag: "metrics-from", value: "metricsFrom", format: "json", each: true},
	{flag: "prometheus-address", value: "prometheus.address", format: "%v"},
	{flag: "prometheus-ca-file", value: "prometheus.caFile", format: "%v"},
	{flag: "prometheus-bearer-token-file", value: "prometheus.bearerTokenFile", format: "%v"},
	{flag: "prometheus-header", value: "prometheus.headers", format: "name=value", each: true},
}

// arguments are the lines that append the flags of the values to the operator's arguments.
func arguments() []string {
	var text []string
	for _, s := range settings {
		argument := map[string]string{
			"%v":         `{{ printf "--` + s.flag + `=%v" . | quote }}`,
			"%d":         `{{ printf "--` + s.flag + `=%d" (int .) | quote }}`,
			"a,b":        `{{ printf "--` + s.flag + `=%s" (join "," .) | quote }}`,
			"json":       `{{ printf "--` + s.flag + `=%s" (toJson .) | quote }}`,
			"name=value": `{{ printf "--` + s.flag + `=%s=%s" $key . | quote }}`,
		}[s.format]
		open := "{{- with .Values." + s.value + " }}"
		switch {
		case s.format == "name=value":
			open = "{{- range $key, $_ := .Values." + s.value + " }}"
		case s.each:
			open = "{{- range .Values." + s.value + " }}"
		}
		text = append(text, open, "- "+argument, "{{- end }}")
	}
	return append(text, "{{- range .Values.extraArgs }}", "- {{ . | quote }}", "{{- end }}")
}

func deployment(e *editor) {
	t := e.template
	e.at("spec")["replicas"] = t.mark(value(".Values.replicas"))

	metadata := e.at("spec", "template", "metadata")
	e.at("spec", "template", "metadata", "labels")["~more"] = t.mark(lines(within(".Values.podLabels", 8)))
	e.at("spec", "template", "metadata", "annotations")["~more"] = t.mark(lines(within(".Values.podAnnotations", 8)))
	if len(metadata) != 2 {
		e.fail("the pod's metadata has more than labels and annotations")
	}

	pod := e.at("spec", "template", "spec")
	pod["imagePullSecrets"] = t.mark(block(".Values.imagePullSecrets"))
	pod["nodeSelector"] = t.mark(block(".Values.nodeSelector"))
	pod["tolerations"] = t.mark(block(".Values.tolerations"))
	pod["volumes"] = t.mark(block(".Values.extraVolumes"))
	pod["securityContext"] = t.mark(block(".Values.podSecurityContext"))
	pod["priorityClassName"] = t.mark(lines("{{- with .Values.priorityClass.name }}", "priorityClassName: {{ . | quote }}", "{{- end }}"))
	e.or(pod, "affinity", ".Values.affinity")
	e.or(pod, "topologySpreadConstraints", ".Values.topologySpreadConstraints")

	manager := e.at("spec", "template", "spec", "containers", 0)
	manager["image"] = t.mark(value(`include "goservice-operator.image" . | quote`))
	manager["imagePullPolicy"] = t.mark(value(".Values.image.pullPolicy"))
	manager["resources"] = t.mark(block(".Values.resources"))
	manager["securityContext"] = t.mark(block(".Values.containerSecurityContext"))
	manager["volumeMounts"] = t.mark(block(".Values.extraVolumeMounts"))
	args, _ := manager["args"].([]any)
	manager["args"] = append(args, t.mark(lines(arguments()...)))
	environment(e, manager)
}

// environment replaces the values of two variables, and appends those of the user.
func environment(e *editor, manager object) {
	variables, _ := manager["env"].([]any)
	for name, action := range map[string]string{
		"WORKLOAD_IMAGE": `include "goservice-operator.workloadImage" . | quote`,
		"GOMEMLIMIT":     ".Values.goMemLimit | quote",
	} {
		i := slices.IndexFunc(variables, func(v any) bool { return v.(object)["name"] == name })
		if i < 0 {
			e.fail("there is no variable %s", name)
			return
		}
		variables[i].(object)["value"] = e.template.mark(value(action))
	}
	manager["env"] = append(variables, e.template.mark(lines("{{- with .Values.extraEnv }}", "{{- toYaml . | nindent 12 }}", "{{- end }}")))
}
