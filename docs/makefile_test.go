// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package docs

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// In a clone that belongs to somebody else, git does not answer, and Go builds nothing unless it is told not to ask. That reaches every
// recipe, in addition to what the user has set.
func TestMakeBuildsInSomebodyElsesClone(t *testing.T) {
	command := exec.Command("make", "-s", "-C", "..", "--eval=show-flags: ; @echo $$GOFLAGS", "show-flags")
	command.Env = append(os.Environ(), "VERSION=any", "GOFLAGS=-trimpath")
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	if flags := strings.Fields(string(output)); !slices.Contains(flags, "-buildvcs=false") || !slices.Contains(flags, "-trimpath") {
		t.Errorf("GOFLAGS are %q", flags)
	}
}

// A script whose cluster make does not name has one of its own: a test that removes its cluster at the end must not remove the one of the quickstart.
func TestEachScriptHasItsOwnCluster(t *testing.T) {
	for given, want := range map[string]string{"": "own", "CLUSTER=mine": "mine"} {
		command := exec.Command("make", "-s", "-C", "..", "--eval=show-cluster: ; @echo $${CLUSTER:-own}", "show-cluster")
		command.Env = append(slices.DeleteFunc(os.Environ(), func(variable string) bool { return strings.HasPrefix(variable, "CLUSTER=") }), "VERSION=any", given)
		output, err := command.CombinedOutput()
		if got := strings.TrimSpace(string(output)); err != nil || got != want {
			t.Errorf("%q: %s, %v; want %s", given, got, err, want)
		}
	}
}

// make help prints each target that has a description.
func TestHelpListsTheTargets(t *testing.T) {
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command("make", "-s", "-C", "..", "help")
	command.Env = append(os.Environ(), "VERSION=any")
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	described := regexp.MustCompile(`(?m)^([a-z0-9-]+):.*## (.*)$`).FindAllStringSubmatch(string(makefile), -1)
	if len(described) == 0 {
		t.Fatal("no target has a description")
	}
	for _, match := range described {
		if !regexp.MustCompile(`(?m)` + match[1] + `\b.*` + regexp.QuoteMeta(match[2])).Match(output) {
			t.Errorf("it leaves out %s: %s", match[1], output)
		}
	}
}

// The pictures that the docs show are of the published seeds: other seeds, loads, or programs leave them alone.
func TestOnlyThePublishedSimulationDrawsTheDocsPictures(t *testing.T) {
	for _, c := range []struct {
		given string
		draws bool
	}{{"", true}, {"FULL=true", true}, {"HELDOUT=7", false}, {"DEVELOPMENT=true", false}, {"TRACES=folder", false}, {"RIVALS=true", false}} {
		arguments := append([]string{"-n", "-C", "..", "sim", "VERSION=any"}, strings.Fields(c.given)...)
		output, err := exec.Command("make", arguments...).CombinedOutput()
		if draws := strings.Contains(string(output), "-images docs/images"); err != nil || draws != c.draws || !strings.Contains(string(output), "-full=") {
			t.Errorf("%q: %s, %v; want pictures: %v", c.given, output, err, c.draws)
		}
	}
}
