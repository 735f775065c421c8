// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"cmp"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
)

// The outputs of docs/kubectl.md are what the commands print in the tests.
func TestThePageShowsWhatTheCommandsPrint(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "docs", "kubectl.md"))
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for line := range strings.Lines(string(page)) {
		shown[strings.TrimSpace(line)] = true
	}
	for file, before := range map[string]string{
		filepath.Join("..", "explain", "testdata", "trouble.txt"): "Each pod", filepath.Join("testdata", "check.txt"): "", filepath.Join("testdata", "top.txt"): "",
		filepath.Join("testdata", "pause.txt"): "checkout  was paused already",
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(strings.NewReplacer("ready in namespace NAMESPACE", "ready in namespace goservice-system", "NAMESPACE", "shop", "v1.X.Y", "v1.37.2").Replace(string(text))) {
			line = strings.TrimSpace(line)
			if before != "" && line == before {
				break
			}
			if line != "" && !shown[line] {
				t.Errorf("%s: the page does not have %q", file, line)
			}
		}
	}
}

// Each command has a row in the table of the page.
func TestThePageHasAllCommands(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "docs", "kubectl.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range (&app{}).commands() {
		if !strings.Contains(string(page), "`"+command.Name()) {
			t.Errorf("the page does not have %s", command.Name())
		}
	}
}

var (
	inDocs  = regexp.MustCompile("kubectl gosvc((?: +[^ `|#;,→\\])<>(\\[]+)+)")
	inTable = regexp.MustCompile("^\\| \\[`([a-z].*)`\\]\\(#")
	// standIn for what a reader has to fill in.
	standIn = map[string]string{"N": "1"}
)

// Each command line of the plugin in the documentation names a command that there is, with flags that it has, and values and arguments that it takes.
func TestTheDocumentationHasOnlyCommandLinesThatThePluginTakes(t *testing.T) {
	t.Parallel()
	found := 0
	err := filepath.WalkDir(filepath.Join("..", "..", "..", ".."), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains([]string{"dist", "bin", "testdata"}, entry.Name()) {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".md" {
			return nil
		}
		text, err := os.ReadFile(path)
		for line := range strings.Lines(string(text)) {
			var commands []string
			for _, match := range inDocs.FindAllStringSubmatch(line, -1) {
				commands = append(commands, match[1])
			}
			if match := inTable.FindStringSubmatch(line); match != nil && filepath.Base(path) == "kubectl.md" {
				commands = append(commands, strings.Split(match[1], "`, `")...)
			}
			for _, command := range commands {
				found++
				if err := takes(strings.Fields(command)); err != nil {
					t.Errorf("%s: kubectl gosvc %s: %v", path, command, err)
				}
			}
		}
		return err
	})
	if err != nil || found == 0 {
		t.Errorf("%d command lines: %v", found, err)
	}
}

// takes says why the plugin would not carry out a command line, whatever the cluster is like.
func takes(arguments []string) error {
	for i := range arguments {
		arguments[i] = cmp.Or(standIn[arguments[i]], strings.TrimSuffix(arguments[i], "."))
	}
	a := &app{kubeconfig: clientcmd.NewDefaultClientConfigLoadingRules(), overrides: &clientcmd.ConfigOverrides{}}
	command, rest, err := a.root().Find(arguments)
	if err != nil || len(rest) == 0 { // only the name of a command, in a sentence
		return err
	}
	if err := command.ParseFlags(rest); err != nil {
		return err
	}
	return command.ValidateArgs(command.Flags().Args())
}
