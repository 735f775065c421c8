// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

func read(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(chartFolder, name))
	if err != nil {
		t.Fatal(err)
	}
	// JSON is YAML.
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func appVersion(t *testing.T) string {
	t.Helper()
	var chart struct {
		AppVersion string `yaml:"appVersion"`
	}
	read(t, "Chart.yaml", &chart)
	return chart.AppVersion
}

func TestTheVersionsOfTheChartFitTogether(t *testing.T) {
	var chart struct{ Version string }
	read(t, "Chart.yaml", &chart)
	if want := "v" + chart.Version; appVersion(t) != want {
		t.Errorf("appVersion is %s, want %s: hack/release.sh writes both", appVersion(t), want)
	}
	// The release that go.mod names, which the script writes as well.
	module, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if required := "goservice.dev/operator/workload " + appVersion(t) + "\n"; !strings.Contains(string(module), required) {
		t.Errorf("go.mod does not require %s", required)
	}
}

func TestTheChartPassesLintInStrictMode(t *testing.T) {
	withEachHelm(t, func(t *testing.T, helm helm) {
		for name, values := range map[string]values{"default": nil, "everything": everything} {
			if errors := helm.lint(chartFolder, values); len(errors) > 0 {
				t.Errorf("%s: %v", name, errors)
			}
		}
	})
}

// Argo CD and Flux render again and again, and without a cluster.
func TestTwoRendersAreTheSame(t *testing.T) {
	withEachHelm(t, func(t *testing.T, helm helm) {
		r := request{chart: chartFolder, release: "a", namespace: "b", values: everything}
		first, notes, err := helm.template(r)
		if err != nil {
			t.Fatal(err)
		}
		second, again, err := helm.template(r)
		if err != nil || first != second || notes != again {
			t.Errorf("%v\n%s", err, cmp.Diff(first+notes, second+again))
		}
	})
}

func TestAnotherNamespaceReachesEveryObject(t *testing.T) {
	withEachHelm(t, func(t *testing.T, helm helm) {
		manifest, notes, err := helm.template(request{chart: chartFolder, release: "operator", namespace: "platform", values: everything})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(manifest+notes, "goservice-system") {
			t.Error("something is in goservice-system")
		}
		if want := `namespace="platform"`; !strings.Contains(manifest, want) {
			t.Errorf("no rule has %s", want)
		}
	})
}

func TestTheNotesSayWhatToDoNext(t *testing.T) {
	withEachHelm(t, func(t *testing.T, helm helm) {
		_, notes, err := helm.template(request{chart: chartFolder, release: "operator", namespace: "platform"})
		if lines := strings.Split(strings.TrimSpace(notes), "\n"); err != nil || len(lines) != 3 || !strings.Contains(lines[0], "kubectl -n platform rollout status") {
			t.Errorf("%v, notes are\n%s", err, notes)
		}
	})
}

// A Deployment's selector cannot be changed: with another one, no upgrade would work. So it is the same in every version, under every
// name, and with any values.
func TestTheSelectorStaysTheSame(t *testing.T) {
	want := object{"app.kubernetes.io/name": "goservice-operator", "control-plane": "controller-manager"}
	custom := maps.Clone(everything)
	custom["podLabels"], custom["commonLabels"] = values{"team": "platform"}, values{"team": "platform"}
	custom["image"] = values{"tag": "v9.9.9"}
	withEachHelm(t, func(t *testing.T, helm helm) {
		for _, r := range []request{{}, {values: custom}, {release: "other", namespace: "platform", values: custom}} {
			selectors := 0
			for name, o := range rendered(t, helm, r) {
				spec, _ := o["spec"].(object)
				var selector any
				switch o["kind"] {
				case "Deployment", "PodDisruptionBudget", "ServiceMonitor":
					selector = spec["selector"].(object)["matchLabels"]
				case "NetworkPolicy":
					selector = spec["podSelector"].(object)["matchLabels"]
				case "Service":
					selector = spec["selector"]
				default:
					continue
				}
				selectors++
				if difference := cmp.Diff(any(want), selector); difference != "" {
					t.Errorf("selector of %s: %s", name, difference)
				}
			}
			if selectors < 3 {
				t.Errorf("%d selectors", selectors)
			}
		}
	})
}

// What a wrapper writes about its dependencies, and Helm into each of them, is no error; a typo is one all the same.
func TestTheChartIsASubchart(t *testing.T) {
	wrapper := t.TempDir()
	if err := os.CopyFS(filepath.Join(wrapper, "charts", "goservice-operator"), os.DirFS(chartFolder)); err != nil {
		t.Fatal(err)
	}
	definition := "apiVersion: v2\nname: platform\nversion: 1.0.0\ndependencies:\n" +
		"- {name: goservice-operator, version: \"*\", condition: goservice-operator.enabled}\n"
	if err := os.WriteFile(filepath.Join(wrapper, "Chart.yaml"), []byte(definition), 0o600); err != nil {
		t.Fatal(err)
	}
	withEachHelm(t, func(t *testing.T, helm helm) {
		with := func(own values) request {
			return request{chart: wrapper, values: values{"global": values{"team": "a"}, "goservice-operator": own}}
		}
		if got := asText(at(rendered(t, helm, with(values{"enabled": true, "replicas": 3}))[theDeployment], "spec replicas")); got != "3" {
			t.Errorf("replicas are %s", got)
		}
		if objects := rendered(t, helm, with(values{"enabled": false})); len(objects) != 0 {
			t.Errorf("%d objects, although it is not enabled", len(objects))
		}
		r := with(values{"enabled": true, "replica": 3})
		r.release, r.namespace = "platform", "platform"
		if _, _, err := helm.template(r); err == nil || !strings.Contains(err.Error(), "replica") {
			t.Errorf("error is %v", err)
		}
	})
}

func TestTheSchemaRefusesWhatCannotWorkAndSaysWhere(t *testing.T) {
	withEachHelm(t, func(t *testing.T, helm helm) {
		for name, test := range map[string]struct {
			values values
			want   []string // in the message
		}{
			"unknown key":        {values{"replica": 3}, []string{"'replica'"}},
			"unknown inner key":  {values{"image": values{"tags": "x"}}, []string{"/image", "'tags'"}},
			"misspelled switch":  {values{"serviceMonitor": values{"enable": true}}, []string{"/serviceMonitor", "'enable'"}},
			"text for number":    {values{"replicas": "2"}, []string{"/replicas"}},
			"negative replicas":  {values{"replicas": -1}, []string{"/replicas"}},
			"number as a tag":    {values{"image": values{"tag": 1.1}}, []string{"/image/tag"}},
			"digest":             {values{"image": values{"digest": "abc"}}, []string{"/image/digest", "abc"}},
			"registry":           {values{"image": values{"registry": "https://registry.example"}}, []string{"/image/registry"}},
			"Kubernetes' units":  {values{"goMemLimit": "640Mi"}, []string{"/goMemLimit", "640Mi"}},
			"class without name": {values{"priorityClass": values{"name": ""}}, []string{"/priorityClass/name"}},
			"level":              {values{"log": values{"level": "verbose"}}, []string{"/log/level"}},
			"address":            {values{"prometheus": values{"address": "prometheus:9090"}}, []string{"/prometheus/address", "prometheus:9090"}},
			"peer":               {values{"metricsFrom": []any{values{"namespaces": "a"}}}, []string{"/metricsFrom/0", "'namespaces'"}},
			"label of the chart": {values{"commonLabels": values{"helm.sh/chart": "x"}}, []string{"/commonLabels/helm.sh~1chart"}},
			"selector's label":   {values{"podLabels": values{"control-plane": "x"}}, []string{"/podLabels/control-plane"}},
			"pull secret":        {values{"imagePullSecrets": []any{"registry"}}, []string{"/imagePullSecrets/0"}},
			"argument":           {values{"extraArgs": []any{"zap-devel"}}, []string{"/extraArgs/0"}},
			"namespace":          {values{"watchNamespaces": []any{"shop", "Shop"}}, []string{"/watchNamespaces/1", "Shop"}},
			"empty namespace":    {values{"watchNamespaces": []any{""}}, []string{"/watchNamespaces/0"}},
			"long namespace":     {values{"watchNamespaces": []any{strings.Repeat("a", 64)}}, []string{"/watchNamespaces/0", "63"}},
			"namespace twice":    {values{"watchNamespaces": []any{"shop", "shop"}}, []string{"/watchNamespaces", "0 and 1"}},
			"many namespaces":    {values{"watchNamespaces": namespacesCalled(101)}, []string{"/watchNamespaces", "100"}},
			"namespaces as text": {values{"watchNamespaces": "shop"}, []string{"/watchNamespaces"}},
			"interval":           {values{"serviceMonitor": values{"interval": "30"}}, []string{"/serviceMonitor/interval"}},
		} {
			t.Run(name, func(t *testing.T) {
				_, _, err := helm.template(request{chart: chartFolder, release: "a", namespace: "b", values: test.values})
				if err == nil {
					t.Fatal("it is admitted")
				}
				for _, want := range test.want {
					if !strings.Contains(strings.ReplaceAll(err.Error(), "helm.sh/chart'", "helm.sh~1chart'"), want) {
						t.Errorf("%q is not in: %v", want, err)
					}
				}
			})
		}
	})
}

func namespacesCalled(n int) []any {
	var names []any
	for i := range n {
		names = append(names, fmt.Sprintf("team-%d", i))
	}
	return names
}

// Every value has a schema, a default, and a comment, and nothing else has a schema.
func TestEveryValueIsInTheSchemaAndHasAComment(t *testing.T) {
	var schema struct {
		Properties map[string]struct {
			Ref        string `yaml:"$ref"`
			Properties map[string]any
		}
		Definitions map[string]struct{ Properties map[string]any }
	}
	read(t, "values.schema.json", &schema)
	var document yaml.Node
	read(t, "values.yaml", &document)
	plain := map[string]bool{} // maps whose keys are the user's or Kubernetes'
	want := map[string]bool{"global": true, "enabled": true}
	for path, node := range fields(document.Content[0]) {
		want[path] = true
		if property := schema.Properties[path]; node.Kind == yaml.MappingNode && len(property.Properties) == 0 && property.Ref != "#/definitions/switch" {
			plain[path] = true
		}
	}
	got := map[string]bool{}
	for name, property := range schema.Properties {
		got[name] = true
		inner := property.Properties
		if property.Ref == "#/definitions/switch" {
			inner = schema.Definitions["switch"].Properties
		}
		for field, rule := range inner {
			if rule != false {
				got[name+"."+field] = true
			}
		}
	}
	for path := range want {
		if top, _, below := strings.Cut(path, "."); below && plain[top] {
			delete(want, path)
		}
	}
	if difference := cmp.Diff(want, got); difference != "" {
		t.Errorf("values.yaml has -, the schema +\n%s", difference)
	}
}

// fields are the values of the first two levels.
func fields(node *yaml.Node) map[string]*yaml.Node {
	found := map[string]*yaml.Node{}
	for i := 0; i < len(node.Content); i += 2 {
		name, inner := node.Content[i].Value, node.Content[i+1]
		found[name] = inner
		if inner.Kind == yaml.MappingNode {
			for j := 0; j < len(inner.Content); j += 2 {
				found[name+"."+inner.Content[j].Value] = inner.Content[j+1]
			}
		}
	}
	return found
}

// The operator knows every flag that a value sets; a flag of its own that no value sets is a deliberate one.
func TestValuesSetFlagsThatTheOperatorHas(t *testing.T) {
	source, err := os.ReadFile("../../main.go")
	if err != nil {
		t.Fatal(err)
	}
	known := []string{"zap-log-level", "zap-encoder"} // of controller-runtime
	for _, match := range regexp.MustCompile(`flag\.\w+\((?:&[\w.]+, )?"([a-z-]+)"`).FindAllStringSubmatch(string(source), -1) {
		known = append(known, match[1])
	}
	// What the chart sets always, or by an environment variable; and what makes no sense in a cluster.
	covered := []string{
		"metrics-bind-address", "metrics-secure", "health-probe-bind-address", "leader-elect",
		"leader-election-namespace", "workload-image", "pod-access", "pprof-bind-address",
	}
	for _, s := range settings {
		covered = append(covered, s.flag)
	}
	slices.Sort(known)
	slices.Sort(covered)
	if difference := cmp.Diff(known, covered); difference != "" {
		t.Errorf("the operator has -, the chart knows +\n%s", difference)
	}
}

// at reads a field of a rendered object; a number is an index.
func at(o any, path string) any {
	for step := range strings.SplitSeq(path, " ") {
		switch value := o.(type) {
		case object:
			o = value[step]
		case []any:
			var index int
			if _, err := fmt.Sscan(step, &index); err != nil || index >= len(value) {
				return nil
			}
			o = value[index]
		default:
			return nil
		}
	}
	return o
}

func asText(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
