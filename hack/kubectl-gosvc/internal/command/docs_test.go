// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
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
		for line := range strings.Lines(strings.NewReplacer("NAMESPACE", "shop", "v1.X.Y", "v1.37.2").Replace(string(text))) {
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
