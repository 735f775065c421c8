// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kstatus "sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

type health struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

// healthTests are a health_test.yaml, in the form of Argo CD's own.
type healthTests struct {
	Tests []struct {
		InputPath    string `json:"inputPath"`
		HealthStatus health `json:"healthStatus"`
	} `json:"tests"`
}

// whole gives an object from YAML the numbers that it has in Argo CD and in kstatus.
func whole(t *testing.T, text string) object {
	t.Helper()
	var o object
	fromYAML(t, text, &o)
	metadata, _ := o["metadata"].(object)
	status, _ := o["status"].(object)
	for _, number := range []struct {
		of   object
		name string
	}{{metadata, "generation"}, {status, "observedGeneration"}} {
		if value, is := number.of[number.name].(float64); is {
			number.of[number.name] = int64(value)
		}
	}
	return o
}

// judged is a state as JSON has it, for Lua.
func judged(t *testing.T, text string) health {
	t.Helper()
	var o object
	fromYAML(t, text, &o)
	var got health
	fromJSON(t, run(t, read(t, "health.lua"), o), &got)
	return got
}

func TestEveryStateHasItsHealth(t *testing.T) {
	var tests healthTests
	fromYAML(t, read(t, "health_test.yaml"), &tests)
	var tried []string
	for _, test := range tests.Tests {
		tried = append(tried, filepath.Join(folder, test.InputPath))
		t.Run(test.InputPath, func(t *testing.T) {
			if difference := cmp.Diff(test.HealthStatus, judged(t, read(t, test.InputPath))); difference != "" {
				t.Errorf("want -, got +\n%s", difference)
			}
		})
	}
	present, err := filepath.Glob(filepath.Join(folder, "testdata", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(tried)
	if difference := cmp.Diff(present, tried); difference != "" {
		t.Errorf("states that exist -, that are tried +\n%s", difference)
	}
}

// Argo CD, and what understands kstatus, say the same, but that a paused service is Suspended, whatever its pods do.
func TestArgoCDAgreesWithKstatus(t *testing.T) {
	same := map[kstatus.Status]string{kstatus.CurrentStatus: "Healthy", kstatus.InProgressStatus: "Progressing", kstatus.FailedStatus: "Degraded"}
	present, err := filepath.Glob(filepath.Join(folder, "testdata", "*.yaml"))
	if err != nil || len(present) == 0 {
		t.Fatalf("%d states: %v", len(present), err)
	}
	for _, path := range present {
		name := filepath.Base(path)
		text := read(t, "testdata", name)
		result, err := kstatus.Compute(&unstructured.Unstructured{Object: whole(t, text)})
		if err != nil {
			t.Fatal(err)
		}
		want := same[result.Status]
		if strings.HasPrefix(name, "paused") {
			want = "Suspended"
		}
		if got := judged(t, text); got.Status != want {
			t.Errorf("%s: Argo CD says %s (%s), kstatus %s (%s)", name, got.Status, got.Message, result.Status, result.Message)
		}
	}
}

// actionTests are an action_test.yaml, in the form of Argo CD's own.
type actionTests struct {
	DiscoveryTests []struct {
		InputPath string   `json:"inputPath"`
		Result    []action `json:"result"`
	} `json:"discoveryTests"`
	ActionTests []struct {
		Action             string `json:"action"`
		InputPath          string `json:"inputPath"`
		ExpectedOutputPath string `json:"expectedOutputPath"`
	} `json:"actionTests"`
}

type action struct {
	Name      string `json:"name"`
	Disabled  bool   `json:"disabled"`
	IconClass string `json:"iconClass"`
}

func readActionTests(t *testing.T) (tests actionTests) {
	t.Helper()
	fromYAML(t, read(t, "actions", "action_test.yaml"), &tests)
	return tests
}

func TestActionsAreOfferedWhereTheyMakeSense(t *testing.T) {
	tests := readActionTests(t)
	for _, test := range tests.DiscoveryTests {
		t.Run(test.InputPath, func(t *testing.T) {
			var o object
			fromYAML(t, read(t, "actions", test.InputPath), &o)
			offered, got := map[string]action{}, []action(nil)
			fromJSON(t, run(t, read(t, "actions", "discovery.lua"), o), &offered)
			for _, name := range actionNames {
				if one, is := offered[name]; is {
					one.Name = name
					got = append(got, one)
				}
			}
			if difference := cmp.Diff(test.Result, got); difference != "" || len(offered) != len(got) {
				t.Errorf("want -, got +\n%s%v", difference, offered)
			}
		})
	}
	if len(tests.DiscoveryTests) == 0 {
		t.Error("nothing is tried")
	}
}

func TestActionsChangeWhatTheySay(t *testing.T) {
	tried := map[string]bool{}
	for _, test := range readActionTests(t).ActionTests {
		t.Run(test.Action+" "+test.InputPath, func(t *testing.T) {
			tried[test.Action] = true
			var given, want, got object
			fromYAML(t, read(t, "actions", test.InputPath), &given)
			fromYAML(t, read(t, "actions", test.ExpectedOutputPath), &want)
			fromJSON(t, run(t, read(t, "actions", test.Action, "action.lua"), given), &got)
			cleaned(got, given)
			atANoonOf2026(t, got)
			if difference := cmp.Diff(want, got); difference != "" {
				t.Errorf("want -, got +\n%s", difference)
			}
		})
	}
	for _, name := range actionNames {
		if !tried[name] {
			t.Errorf("nothing tries %s", name)
		}
	}
}

// atANoonOf2026 puts the time of the tests' files in place of the time of a restart.
func atANoonOf2026(t *testing.T, o object) {
	t.Helper()
	spec, _ := o["spec"].(object)
	pod, _ := spec["pod"].(object)
	annotations, _ := pod["annotations"].(object)
	const name = "kubectl.kubernetes.io/restartedAt"
	if at, is := annotations[name].(string); is {
		if _, err := time.Parse(time.RFC3339, at); err != nil {
			t.Error(err)
		}
		annotations[name] = "2026-01-02T12:00:00Z"
	}
}

func TestTheConfigMapIsUpToDate(t *testing.T) {
	want, err := configMap(configFolder)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(configFolder, "argocd-cm.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if difference := cmp.Diff(string(want), string(got)); difference != "" {
		t.Errorf("make argocd writes -, config/argocd/argocd-cm.yaml has +\n%s", difference)
	}
}

// What Argo CD reads of the ConfigMap is the Lua of the files, with the actions that the discovery names.
func TestTheConfigMapHoldsEveryScript(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(configFolder, "argocd-cm.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var written struct {
		Data map[string]string `json:"data"`
	}
	var loose object
	fromYAML(t, string(text), &loose)
	written.Data = map[string]string{}
	for name, value := range loose["data"].(object) {
		written.Data[name], _ = value.(string)
	}
	if written.Data["resource.customizations.health.goservice.dev_GoService"] != read(t, "health.lua") {
		t.Error("the health is another one")
	}
	var all struct {
		Discovery   string `json:"discovery.lua"`
		Definitions []struct {
			Name string `json:"name"`
			Lua  string `json:"action.lua"`
		} `json:"definitions"`
	}
	fromYAML(t, written.Data["resource.customizations.actions.goservice.dev_GoService"], &all)
	scripts := map[string]string{}
	for _, d := range all.Definitions {
		scripts[d.Name] = d.Lua
	}
	want := map[string]string{}
	for _, name := range actionNames {
		want[name] = read(t, "actions", name, "action.lua")
	}
	if difference := cmp.Diff(want, scripts); difference != "" || all.Discovery != read(t, "actions", "discovery.lua") {
		t.Errorf("files -, ConfigMap +\n%s", difference)
	}
}
