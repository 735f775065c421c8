// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// maxBinaryBytes of the stripped program, which is all of its image: root certificates and time zones are in it.
const maxBinaryBytes = 13_350_000

// A dependency that looks methods up by a name that is only known at run time (text/template does) keeps the linker from
// leaving out any exported method, and the program grows by megabytes.
func TestTheBinaryIsSmall(t *testing.T) {
	program := filepath.Join(t.TempDir(), "workload")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w -dumpdep", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "GOFLAGS=-buildvcs=false")
	dependencies, err := build.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, dependencies[max(0, len(dependencies)-2000):])
	}
	for lines := bufio.NewScanner(bytes.NewReader(dependencies)); lines.Scan(); {
		if strings.Contains(lines.Text(), "<ReflectMethod>") {
			t.Errorf("methods are looked up by name: %s", lines.Text())
		}
	}
	info, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%.2f MB", float64(info.Size())/1e6)
	if info.Size() > maxBinaryBytes {
		t.Errorf("the program has %d bytes, at most %d are allowed", info.Size(), maxBinaryBytes)
	}
}
