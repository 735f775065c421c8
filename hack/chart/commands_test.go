//go:build cluster

// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	helm4cmd "helm.sh/helm/v4/pkg/cmd"

	"goservice.dev/operator/hack/commands"
)

// Each helm command of the documentation is one that Helm's own parser takes, with values that the chart has.
func TestHelmTakesItsCommands(t *testing.T) {
	calls, err := commands.Calls("../..", "helm")
	if err != nil || len(calls) == 0 {
		t.Fatalf("%d calls: %v", len(calls), err)
	}
	for _, call := range calls {
		words := call.Commands[0]
		if call.Sentence && words[0] == "--wait" {
			continue // a flag of several commands
		}
		if err := helmTakes(t, words); err != nil && !(call.Sentence && errors.Is(err, commands.ErrIncomplete)) {
			t.Errorf("%s: %v", call, err)
		}
	}
}

func TestHelmRefusesWhatIsWrong(t *testing.T) {
	for command, want := range map[string]string{
		"install operator chart --invented":            "unknown flag",
		"invent operator chart":                        "unknown command",
		"uninstall":                                    "requires at least 1 argument",
		"upgrade operator":                             "requires 2 arguments",
		"install operator chart --set image.label=v1":  "no value image.label",
		"install operator chart --timeout 3":           "invalid argument",
		"install operator chart --set images.tag=v1":   "no value images.tag",
		"upgrade operator chart --reset-than-reuse -i": "unknown flag",
	} {
		if err := helmTakes(t, strings.Fields(command)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("helm %s: %v, want %s", command, err, want)
		}
	}
}

// helmTakes says why Helm would not carry out a command line, as far as that can be known without a cluster.
func helmTakes(t *testing.T, words []string) error {
	t.Helper()
	program, err := helm4cmd.NewRootCmd(io.Discard, words, func(bool) {})
	if err != nil {
		return err
	}
	command, _, err := commands.Parse(program, words)
	if err != nil || command.Flags().Lookup("set") == nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(chartFolder, "values.yaml"))
	if err != nil {
		return err
	}
	set, err := command.Flags().GetStringArray("set")
	for _, value := range set {
		path, _, _ := strings.Cut(value, "=")
		var below any = fromYAML(t, string(text))
		for key := range strings.SplitSeq(path, ".") {
			has, _ := below.(object)
			value, is := has[key]
			if !is {
				return fmt.Errorf("the chart has no value %s", path)
			}
			below = value
		}
	}
	return err
}
