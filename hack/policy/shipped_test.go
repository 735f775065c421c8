// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package policy

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"testing"
)

// shipped are the manifests that are checked, by the names that the table has for them. Of several under one name, the same must be said.
var shipped = map[string][]func(*testing.T) string{
	"operator": {kustomized(""), chart("{}")},
	"operator-everything": {
		kustomized("prometheus grafana network-policy secret-references"),
		chart(`{"serviceMonitor":{"enabled":true},"prometheusRule":{"enabled":true},"dashboards":{"enabled":true},"networkPolicy":{"enabled":true},"secretReferences":{"enabled":true}}`),
	},
	"minimal":         {made("minimal")},
	"full":            {made("full")},
	"exposed-ingress": {made("exposed-ingress")},
	"foreign-image":   {made("foreign-image")},
}

// kustomized is what `make deploy` applies, with components.
func kustomized(components string) func(*testing.T) string {
	return func(t *testing.T) string {
		return output(t, []string{"VERSION=v0.1.0", "IMG=", "WORKLOAD_IMG=", "COMPONENTS=" + components}, "../deploy.sh", "render")
	}
}

// chart is what Helm makes of the chart with values, as JSON.
func chart(values string) func(*testing.T) string {
	return func(t *testing.T) string {
		arguments := []string{"-C", "../chart", "run", "./render", "../../config/charts/goservice-operator", values}
		if withRaceDetector() {
			// Go has compiled Helm this way for the chart's own tests.
			arguments = slices.Insert(arguments, 3, "-race")
		}
		return output(t, nil, "go", arguments...)
	}
}

// made is what the operator makes for a GoService: a golden file of controllers/internal/build.
func made(name string) func(*testing.T) string {
	return func(t *testing.T) string {
		text, err := os.ReadFile(filepath.Join("../../controllers/internal/build/testdata", name, "want.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}

// output of a command that has further variables.
func output(t *testing.T, variables []string, name string, arguments ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, arguments...)
	command.Env = append(os.Environ(), variables...)
	command.Stderr = os.Stderr
	text, err := command.Output()
	if err != nil {
		t.Fatalf("%s %q: %v", name, arguments, err)
	}
	return string(text)
}

func withRaceDetector() bool {
	built, known := debug.ReadBuildInfo()
	return known && slices.Contains(built.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}
