// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
)

func specFrom(t *testing.T, text string) v1alpha1.GoServiceSpec {
	t.Helper()
	var spec v1alpha1.GoServiceSpec
	if err := yaml.UnmarshalStrict([]byte(text), &spec); err != nil {
		t.Fatal(err)
	}
	return spec
}

func TestEverythingThatPodsTakeIsAReference(t *testing.T) {
	spec := specFrom(t, `
image: a
imagePullSecrets: [{name: registry}]
env:
- {name: A, valueFrom: {configMapKeyRef: {name: env, key: a}}}
- {name: B, valueFrom: {secretKeyRef: {name: env, key: b, optional: true}}}
- {name: C, value: plain}
- {name: D, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
envFrom: [{configMapRef: {name: all}}, {secretRef: {name: all}}, {secretRef: {name: env}}]
volumes:
- {name: a, configMap: {name: files, optional: true}}
- {name: b, secret: {secretName: files}}
- {name: c, projected: {sources: [{configMap: {name: projected}}, {secret: {name: projected}}, {serviceAccountToken: {path: t}}]}}
- {name: d, emptyDir: {}}
initContainers:
- {name: migrate, image: b, env: [{name: A, valueFrom: {secretKeyRef: {name: database, key: password}}}], envFrom: [{configMapRef: {name: files}}]}
tls: {secretName: serving, clientCASecretName: clients}
pod:
  overlay: {spec: {volumes: [{name: x, configMap: {name: overlay}}], containers: [{name: agent, envFrom: [{secretRef: {name: agent}}]}]}}
`)
	of := func(spec v1alpha1.GoServiceSpec) []string {
		var got []string
		for _, reference := range References(&spec) {
			text := reference.Key()
			if reference.Optional {
				text += "?"
			}
			got = append(got, text)
		}
		return got
	}
	want := []string{
		"ConfigMap/all", "ConfigMap/env", "ConfigMap/files", "ConfigMap/overlay", "ConfigMap/projected",
		"Secret/agent", "Secret/all", "Secret/database", "Secret/env", "Secret/files", "Secret/projected",
	}
	if diff := cmp.Diff(want, of(spec)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	spec.Observability = &v1alpha1.ObservabilitySpec{Metrics: &v1alpha1.MetricsSpec{Indicators: v1alpha1.IndicatorsGRPC}}
	want = append(want, "Secret/clients", "Secret/serving") // nothing loads them anew
	slices.Sort(want)
	if diff := cmp.Diff(want, of(spec)); diff != "" {
		t.Errorf("not built on the toolkit (-want +got):\n%s", diff)
	}
	if got := of(specFrom(t, `{env: [{name: A, valueFrom: {secretKeyRef: {name: a, key: b, optional: true}}}]}`)); !slices.Equal(got, []string{"Secret/a?"}) {
		t.Errorf("an optional one: %v", got)
	}
	if got := of(v1alpha1.GoServiceSpec{}); got != nil {
		t.Errorf("the minimal service refers to %v", got)
	}
}

func TestWhatReplacesPods(t *testing.T) {
	config := Reference{Kind: ReferenceConfigMap, Name: "a"}
	optional := Reference{Kind: ReferenceConfigMap, Name: "a", Optional: true}
	secret := Reference{Kind: ReferenceSecret, Name: "a"}
	optionalSecret := Reference{Kind: ReferenceSecret, Name: "a", Optional: true}
	for name, c := range map[string]struct {
		kept    map[string]string
		now     Referenced
		off     bool
		want    map[string]string
		changed bool
	}{
		"seen first":                      {nil, Referenced{config, true, "1"}, false, map[string]string{"ConfigMap/a": "1"}, false},
		"the same":                        {map[string]string{"ConfigMap/a": "1"}, Referenced{config, true, "1"}, false, map[string]string{"ConfigMap/a": "1"}, false},
		"other data":                      {map[string]string{"ConfigMap/a": "1"}, Referenced{config, true, "2"}, false, map[string]string{"ConfigMap/a": "2"}, true},
		"other data, not followed":        {map[string]string{"ConfigMap/a": "1"}, Referenced{config, true, "2"}, true, map[string]string{"ConfigMap/a": "1"}, false},
		"deleted":                         {map[string]string{"ConfigMap/a": "1"}, Referenced{config, true, ""}, false, map[string]string{"ConfigMap/a": "1"}, false},
		"missing from the start":          {nil, Referenced{config, true, ""}, false, map[string]string{"ConfigMap/a": "-"}, false},
		"pods waited for it":              {map[string]string{"ConfigMap/a": "-"}, Referenced{config, true, "1"}, false, map[string]string{"ConfigMap/a": "1"}, false},
		"pods run without it":             {map[string]string{"ConfigMap/a": "-"}, Referenced{optional, true, "1"}, false, map[string]string{"ConfigMap/a": "1"}, true},
		"a Secret that cannot be seen":    {nil, Referenced{secret, false, ""}, false, nil, false},
		"a Secret, no longer to be seen":  {map[string]string{"Secret/a": "k.1"}, Referenced{secret, false, ""}, false, map[string]string{"Secret/a": "k.1"}, false},
		"a Secret, seen first":            {nil, Referenced{secret, true, "k.1"}, false, map[string]string{"Secret/a": "k.1"}, false},
		"a Secret's other data":           {map[string]string{"Secret/a": "k.1"}, Referenced{secret, true, "k.2"}, false, map[string]string{"Secret/a": "k.2"}, true},
		"an optional Secret, there now":   {map[string]string{"Secret/a": "-"}, Referenced{optionalSecret, true, "k.1"}, false, map[string]string{"Secret/a": "k.1"}, true},
		"a digest by another key":         {map[string]string{"Secret/a": "k.1"}, Referenced{secret, true, "l.2"}, false, map[string]string{"Secret/a": "l.2"}, false},
		"nothing is referred to any more": {map[string]string{"ConfigMap/b": "1"}, Referenced{config, true, "1"}, false, map[string]string{"ConfigMap/a": "1"}, false},
	} {
		got, changed := follow(c.kept, []Referenced{c.now}, !c.off)
		if changed != c.changed || !maps.Equal(got, c.want) {
			t.Errorf("%s: %v, replaced: %t; want %v, %t", name, got, changed, c.want, c.changed)
		}
	}
}

// TestDataThatChangesReplacesPodsOnce follows a service through changes of its data, upgrades, and edits.
func TestDataThatChangesReplacesPodsOnce(t *testing.T) {
	spec := specFrom(t, `{envFrom: [{configMapRef: {name: a}}]}`)
	data := func(digest string) []Referenced {
		return []Referenced{{Reference{Kind: ReferenceConfigMap, Name: "a"}, true, digest}}
	}
	first, kept := older.with(nil).run(t, spec, nil) // an operator that followed nothing
	seen, keptSeen := newer.with(data("1")).run(t, spec, kept)
	if templateOf(t, seen) != templateOf(t, first) || seen.Template.Cause != v1alpha1.TemplateFromSpec {
		t.Error("data that is seen first replaces pods")
	}
	if keptSeen.References["ConfigMap/a"] != "1" {
		t.Errorf("kept %v", keptSeen.References)
	}
	holding := newer.with(data("2"))
	holding.hold = true
	if held, keptHeld := holding.run(t, spec, keptSeen); templateOf(t, held) != templateOf(t, seen) || keptHeld.annotation != keptSeen.annotation {
		t.Error("a change that is put off replaces pods, or is forgotten")
	}
	second, third := ReferencesChanged(&spec, keptSeen, data("2")), ReferencesChanged(&spec, keptSeen, data("3"))
	if second == "" || second == third || ReferencesChanged(&spec, keptSeen, data("1")) != "" || ReferencesChanged(&spec, nil, data("2")) != "" {
		t.Error("a change is not told from another, or from none")
	}
	changed, keptChanged := newer.with(data("2")).run(t, spec, keptSeen)
	if templateOf(t, changed) == templateOf(t, seen) || !strings.Contains(templateOf(t, changed), annotationReferences) {
		t.Error("data that changed replaces no pods")
	}
	if changed.Template.Cause != v1alpha1.TemplateFromReferences || changed.Template.OperatorVersion != newer.name {
		t.Errorf("the status says %+v", changed.Template)
	}
	again, keptAgain := newer.with(data("2")).run(t, spec, keptChanged)
	if templateOf(t, again) != templateOf(t, changed) || again.Template.Behind || keptAgain.annotation != keptChanged.annotation {
		t.Error("the next build changes the template again, or wants to")
	}
	edited := specFrom(t, `{envFrom: [{configMapRef: {name: a}}], env: [{name: A, value: b}]}`)
	holding = newer.with(data("3"))
	holding.hold = true
	edit, keptEdit := holding.run(t, edited, keptAgain)
	if edit.Template.Cause != v1alpha1.TemplateFromSpec || keptEdit.References["ConfigMap/a"] != "3" {
		t.Errorf("an edit: %+v, kept %v", edit.Template, keptEdit.References)
	}
	after, _ := newer.with(data("3")).run(t, edited, keptEdit)
	if templateOf(t, after) != templateOf(t, edit) {
		t.Error("data that changed with an edit replaces pods twice")
	}
}
