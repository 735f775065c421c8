// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"strings"
	"testing"
)

// A Deployment keeps its selector, and its pods the labels in it, whoever else sets these. Where that is not possible, the notes say so.
func TestSelectors(t *testing.T) {
	const chart = "app.kubernetes.io/name: shop, app.kubernetes.io/instance: live"
	worker := strings.NewReplacer("metadata: {name: cart}", "metadata: {name: worker}", "labels: {app: cart}", "labels: {app: cart, role: worker}", "matchLabels: {app: cart}", "matchLabels: {role: worker}").Replace(cart)
	many := strings.TrimSuffix(strings.Repeat("x, ", maxSelector+1), ", ")
	for number := range maxSelector + 1 {
		many = strings.Replace(many, "x", string(rune('a'+number))+`: ""`, 1)
	}
	for what, c := range map[string]struct{ selector, labels, others, wantSelector, wantLabels, note string }{
		"one label":          {"matchLabels: {app: cart}", "app: cart, team: red", "", `{"app":"cart"}`, `{"team":"red"}`, ""},
		"a chart's":          {"matchLabels: {" + chart + "}", chart + ", app.kubernetes.io/managed-by: Helm", "", `{"app.kubernetes.io/instance":"live","app.kubernetes.io/name":"shop"}`, "null", ""},
		"an empty value":     {`matchLabels: {app: ""}`, `app: ""`, "", `{"app":""}`, "null", ""},
		"another's labels":   {"matchLabels: {app: cart}", "app: cart, app.kubernetes.io/component: api", "", `{"app":"cart"}`, "null", ""},
		"the operator's own": {"matchLabels: {app.kubernetes.io/managed-by: goservice-operator, app.kubernetes.io/name: cart}", "app.kubernetes.io/managed-by: goservice-operator, app.kubernetes.io/name: cart", "", "null", "null", ""},
		"expressions": {"matchLabels: {app: cart}, matchExpressions: [{key: track, operator: Exists}]", "app: cart, track: stable", "", "null", `{"app":"cart","track":"stable"}`,
			"pod.selector cannot have matchExpressions, so this Deployment cannot be taken over in place"},
		"a chart's own mark":    {"matchLabels: {app: cart, app.kubernetes.io/managed-by: Helm}", "app: cart, app.kubernetes.io/managed-by: Helm", "", "null", `{"app":"cart"}`, "pod.selector cannot have app.kubernetes.io/managed-by"},
		"too many":              {"matchLabels: {" + many + "}", many, "", "null", "", "pod.selector has at most 16 labels"},
		"pods of others":        {"matchLabels: {app: cart}", "app: cart, role: web", worker, "null", `{"app":"cart","role":"web"}`, "it also selects the pods of Deployment worker, and so would the GoService's Service and budget"},
		"pods of another place": {"matchLabels: {app: cart}", "app: cart, role: web", strings.Replace(worker, "{name: worker}", "{name: worker, namespace: b}", 1), `{"app":"cart"}`, `{"role":"web"}`, ""},
	} {
		result := converted(t, read(t, strings.NewReplacer("matchLabels: {app: cart}", c.selector, "labels: {app: cart}", "labels: {"+c.labels+"}").Replace(cart)+c.others)).Results[0]
		pod, notes := result.Service.Spec.Pod, allNotes(result)
		if got := shown(pod.Selector); got != c.wantSelector {
			t.Errorf("%s: selector %s, want %s", what, got, c.wantSelector)
		}
		if got := shown(pod.Labels); got != c.wantLabels && c.wantLabels != "" {
			t.Errorf("%s: labels %s, want %s", what, got, c.wantLabels)
		}
		if !strings.Contains(notes, c.note) || c.note == "" && strings.Contains(notes, string(Lost)) {
			t.Errorf("%s: no note with %q, or others:\n%s", what, c.note, notes)
		}
		if inPlace := len(result.HandOver) > 0; inPlace != (c.note == "") {
			t.Errorf("%s: commands %q", what, result.HandOver)
		}
	}
}

// What selects the pods of the Deployment by labels that these keep still does.
func TestSelectorsInThePodsFollowOnlyWhereLabelsChange(t *testing.T) {
	affinity := func(by string) string {
		return strings.NewReplacer("labels: {app: cart}", "labels: {app: cart, app.kubernetes.io/name: web}", "spec: {containers",
			"spec: {affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: host, labelSelector: {matchLabels: {"+by+"}}}]}}, containers").Replace(cart)
	}
	for by, c := range map[string]struct{ manifests, want string }{
		"app: cart":                   {affinity("app: cart"), `{"app":"cart"}`},
		"app.kubernetes.io/name: web": {affinity("app.kubernetes.io/name: web"), `{"app":"cart"}`}, // the operator sets it
		"its selector": {strings.Replace(affinity("app.kubernetes.io/name: web"), "selector: {matchLabels: {app: cart}}", "selector: {matchLabels: {app.kubernetes.io/name: web}}", 1),
			`{"app.kubernetes.io/name":"web"}`},
	} {
		result := converted(t, read(t, c.manifests)).Results[0]
		if got := string(result.Service.Spec.Pod.Affinity.Raw); !strings.Contains(got, `"matchLabels":`+c.want) {
			t.Errorf("%s: no selector %s in %s", by, c.want, got)
		}
		if follows := strings.Contains(allNotes(result), "so it selects the GoService's pods by the new ones"); follows != (by == "app.kubernetes.io/name: web") {
			t.Errorf("%s: notes:\n%s", by, allNotes(result))
		}
	}
}
