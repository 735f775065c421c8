// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package docs

import (
	"os"
	"os/exec"
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
