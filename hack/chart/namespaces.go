// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import "slices"

// With the value watchNamespaces, the operator gets a Role in each of these namespaces for what it may do everywhere otherwise.

// clusterWide are the resources of the operator's role that it reads everywhere in any case: those that are in no namespace, and the Gateways of
// other namespaces that services name.
var clusterWide = []string{"namespaces", "customresourcedefinitions", "gateways"}

// A wrapping is what stands around an object in a template.
type wrapping struct{ before, after string }

var (
	// everywhere is for objects that Roles in namespaces take the place of.
	everywhere = wrapping{"{{- if not .Values.watchNamespaces }}\n", "{{- end }}\n"}
	// inEach namespace, whose name is then $namespace. The dot is what it is elsewhere.
	inEach = wrapping{"{{- range $namespace := .Values.watchNamespaces }}\n{{- with $ }}\n", "{{- end }}\n{{- end }}\n"}
)

const (
	managerRole   = "ClusterRole/goservice-manager-role"
	managerBinds  = "ClusterRoleBinding/goservice-manager-rolebinding"
	secretsRole   = "ClusterRole/goservice-secret-reader"
	secretsBinds  = "ClusterRoleBinding/goservice-secret-reader"
	ownSecretRole = "Role/goservice-peers-key-role"
)

// local is the Role or RoleBinding in each namespace that an object of the whole cluster becomes; nil: none. managerRole stays for what is
// clusterWide, and with it managerBinds.
func local(e *editor) object {
	metadata := e.at("metadata")
	made := object{"apiVersion": e.object["apiVersion"], "metadata": object{"name": metadata["name"], "labels": metadata["labels"], "namespace": e.template.mark(value("$namespace | quote"))}}
	switch key(e.object) {
	case managerRole, secretsRole:
		made["kind"] = "Role"
		made["rules"] = slices.DeleteFunc(slices.Clone(e.rules()), e.isClusterWide)
	case managerBinds, secretsBinds:
		made["kind"], made["subjects"] = "RoleBinding", e.object["subjects"]
		made["roleRef"] = object{"apiGroup": e.at("roleRef")["apiGroup"], "kind": "Role", "name": e.at("roleRef")["name"]}
	default:
		return nil
	}
	return made
}

func (e *editor) rules() []any {
	rules, is := e.object["rules"].([]any)
	if !is {
		e.fail("there are no rules")
	}
	return rules
}

func (e *editor) isClusterWide(rule any) bool {
	resources, _ := rule.(object)["resources"].([]any)
	wide := 0
	for _, resource := range resources {
		if name, _ := resource.(string); slices.Contains(clusterWide, name) {
			wide++
		}
	}
	if wide != 0 && wide != len(resources) {
		e.fail("a rule is for resources of the cluster and of namespaces: %v", resources)
	}
	return wide != 0
}

// onlyClusterWide leaves out the other rules where Roles in namespaces have them.
func (e *editor) onlyClusterWide() {
	var kept []any
	inside := false
	toggle := func(open bool) {
		switch {
		case open && !inside:
			kept = append(kept, e.template.mark(lines("{{- if not .Values.watchNamespaces }}")))
		case !open && inside:
			kept = append(kept, e.template.mark(lines("{{- end }}")))
		}
		inside = open
	}
	for _, rule := range e.rules() {
		toggle(!e.isClusterWide(rule))
		kept = append(kept, rule)
	}
	toggle(false)
	e.object["rules"] = kept
}

// role: the key that the operator makes in its own namespace is covered by the role for all namespaces, and not by those in some.
func role(e *editor) {
	if key(e.object) == ownSecretRole {
		e.object["rules"] = append(e.rules(), e.template.mark(lines(
			"{{- if .Values.watchNamespaces }}", "- apiGroups:", `    - ""`, "  resources:", "    - secrets", "  verbs:", "    - create", "{{- end }}",
		)))
	}
}
