// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata anew")

// rolesOfTests are the objects that the tests of controllers/ give an operator which watches two namespaces, and nothing else.
const rolesOfTests = "../../controllers/testdata/watched-namespaces.yaml"

var watchesOne = values{"watchNamespaces": []any{"watched-a"}}

var watchesTwo = values{"crds": values{"install": false}, "watchNamespaces": []any{"watched-a", "watched-b"}, "secretReferences": values{"enabled": true}}

// permissions are those of the operator in each namespace, by what they allow; "" stands for the whole cluster.
func permissions(t *testing.T, objects []object) map[string][]string {
	t.Helper()
	roles := map[string][]any{}
	for _, o := range objects {
		if kind := o["kind"]; kind == "Role" || kind == "ClusterRole" {
			roles[fmt.Sprint(kind, at(o, "metadata namespace"), at(o, "metadata name"))], _ = o["rules"].([]any)
		}
	}
	granted := map[string][]string{}
	for _, o := range objects {
		namespace, _ := at(o, "metadata namespace").(string)
		switch o["kind"] {
		case "RoleBinding", "ClusterRoleBinding":
		default:
			continue
		}
		if got := asText(o["subjects"]); got != `[{"kind":"ServiceAccount","name":"goservice-controller-manager","namespace":"goservice-system"}]` {
			t.Errorf("%s is for %s", key(o), got)
		}
		role := fmt.Sprint(at(o, "roleRef kind"), at(o, "metadata namespace"), at(o, "roleRef name"))
		if roles[role] == nil {
			t.Errorf("%s refers to a role that does not exist: %s", key(o), role)
		}
		for _, rule := range roles[role] {
			granted[namespace] = append(granted[namespace], expanded(rule.(object))...)
		}
	}
	for namespace := range granted {
		slices.Sort(granted[namespace])
		granted[namespace] = slices.Compact(granted[namespace])
	}
	return granted
}

// expanded has one line for each verb, resource, and name of a rule.
func expanded(rule object) []string {
	var all []string
	names, _ := rule["resourceNames"].([]any)
	if names == nil {
		names = []any{""}
	}
	for _, resource := range rule["resources"].([]any) {
		for _, verb := range rule["verbs"].([]any) {
			for _, name := range names {
				all = append(all, strings.TrimSpace(fmt.Sprint(verb, " ", resource, " ", name)))
			}
		}
	}
	return all
}

// In each watched namespace, the operator may do what it may do everywhere otherwise. In the whole cluster it only reads what is in no namespace,
// and Gateways, and asks who may scrape it.
func TestWatchedNamespacesGetTheRolesInsteadOfTheCluster(t *testing.T) {
	withEachHelm(t, func(t *testing.T, helm helm) {
		references := values{"secretReferences": values{"enabled": true}}
		everywhere := permissions(t, documents(t, helm, request{values: references}))
		got := permissions(t, documents(t, helm, request{values: watchesTwo}))

		wide := []string{
			"create subjectaccessreviews", "create tokenreviews", "get customresourcedefinitions", "get gateways", "get namespaces",
			"list customresourcedefinitions", "list namespaces", "watch customresourcedefinitions", "watch namespaces",
		}
		inNamespaces := slices.DeleteFunc(slices.Clone(everywhere[""]), func(one string) bool { return slices.Contains(wide, one) })
		own := append(slices.Clone(everywhere["goservice-system"]), "create secrets")
		slices.Sort(own)
		want := map[string][]string{"": wide, "watched-a": inNamespaces, "watched-b": inNamespaces, "goservice-system": own}
		if difference := gocmp.Diff(want, got); difference != "" {
			t.Errorf("wanted -, rendered +\n%s", difference)
		}
		if len(inNamespaces) < 30 {
			t.Errorf("the operator may do no more than %v in all namespaces", inNamespaces)
		}
	})
}

// The component of config/ does the same, but that each namespace gets a RoleBinding to the ClusterRole, which an overlay adds.
func TestTheComponentLeavesNoMorePermissionsInTheClusterThanTheChart(t *testing.T) {
	built, err := kustomize(configFolder, "watch-namespaces")
	if err != nil {
		t.Fatal(err)
	}
	got := permissions(t, built)
	want := permissions(t, documents(t, helm3{}, request{values: watchesOne}))
	delete(want, "watched-a")
	if difference := gocmp.Diff(want, got); difference != "" {
		t.Errorf("the chart grants -, config/watch-namespaces +\n%s", difference)
	}
}

// What an operator with these values may do is tried by a test of controllers/ on a real API server.
func TestTheRolesOfTheOperatorsTestsAreThoseOfTheChart(t *testing.T) {
	withEachHelm(t, func(t *testing.T, helm helm) {
		var text bytes.Buffer
		text.WriteString("# What the chart renders for two watched namespaces: go -C hack/chart test -run TestTheRolesOfTheOperatorsTests -update\n")
		for _, o := range documents(t, helm, request{values: watchesTwo}) {
			switch o["kind"] {
			case "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding":
				delete(o["metadata"].(object), "labels") // they have the chart's version
				one, err := asYAML(o)
				if err != nil {
					t.Fatal(err)
				}
				text.WriteString("---\n" + one)
			}
		}
		if *update {
			if err := os.WriteFile(rolesOfTests, text.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		kept, err := os.ReadFile(rolesOfTests)
		if err != nil {
			t.Fatal(err)
		}
		if difference := gocmp.Diff(string(kept), text.String()); difference != "" {
			t.Errorf("%s has -, the chart +\n%s", rolesOfTests, difference)
		}
	})
}

func TestTheNotesNameAWatchedNamespace(t *testing.T) {
	withEachHelm(t, func(t *testing.T, helm helm) {
		_, notes, err := helm.template(request{chart: chartFolder, release: "operator", namespace: "platform", values: asJSON(t, watchesTwo)})
		if err != nil || !strings.Contains(notes, "kubectl -n watched-a apply") || !strings.Contains(notes, "kubectl -n watched-a get gosvc hello") {
			t.Errorf("%v, notes are\n%s", err, notes)
		}
	})
}

// A rule for resources of both kinds could be in neither role.
func TestARuleForTheClusterAndForNamespacesIsAnError(t *testing.T) {
	g := generator{templates: map[string]*template{}}
	g.place(object{
		"kind": "ClusterRole", "metadata": object{"name": "goservice-manager-role", "labels": object{}},
		"rules": []any{object{"apiGroups": []any{""}, "resources": []any{"namespaces", "pods"}, "verbs": []any{"get"}}},
	}, places)
	if g.err == nil || !strings.Contains(g.err.Error(), "[namespaces pods]") {
		t.Errorf("error is %v", g.err)
	}
}

// documents are what helm template prints, sorted by kind, namespace, and name.
func documents(t *testing.T, helm helm, r request) []object {
	t.Helper()
	r.chart, r.values = cmp.Or(r.chart, chartFolder), asJSON(t, r.values) // Helm changes what it is given
	// What a request leaves out is as in config/.
	r.release, r.namespace = cmp.Or(r.release, "goservice"), cmp.Or(r.namespace, "goservice-system")
	manifest, _, err := helm.template(r)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]object{}
	for document := range strings.SplitSeq(manifest, "\n---\n") {
		o := fromYAML(t, document)
		if len(o) == 0 {
			continue
		}
		name := fmt.Sprintf("%s in %v", key(o), at(o, "metadata namespace"))
		if found[name] != nil {
			t.Errorf("%s comes twice", name)
		}
		found[name] = o
	}
	var sorted []object
	for _, name := range slices.Sorted(maps.Keys(found)) {
		sorted = append(sorted, found[name])
	}
	return sorted
}
