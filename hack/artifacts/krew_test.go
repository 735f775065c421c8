// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// krewVersion of the plugin manager by which the manifest is tried. It is no requirement of this module, whose dependencies are newer than krew's.
const krewVersion = "v0.4.3"

// krewInstalls the plugin from each archive, by a manifest that krew's own validator accepts.
func krewInstalls(t *testing.T, r *release) {
	programs := t.TempDir()
	run := func(environment []string, program string, arguments ...string) {
		t.Helper()
		command := exec.CommandContext(t.Context(), program, arguments...)
		command.Env = append(os.Environ(), environment...)
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%s %q: %v: %s", filepath.Base(program), arguments, err, output)
		}
	}
	run([]string{"GOBIN=" + programs, "GOWORK=off", "GOFLAGS="}, "go", "install",
		"sigs.k8s.io/krew/cmd/krew@"+krewVersion, "sigs.k8s.io/krew/cmd/validate-krew-manifest@"+krewVersion)
	manifest := filepath.Join(r.out, "gosvc.yaml")
	run(nil, filepath.Join(programs, "validate-krew-manifest"), "-manifest", manifest, "-skip-install")
	for _, p := range pluginPlatforms {
		root, archive := t.TempDir(), filepath.Join(r.out, p.archive(r.version))
		run([]string{"KREW_ROOT=" + root, "KREW_OS=" + p.os, "KREW_ARCH=" + p.architecture, "KREW_NO_UPGRADE_CHECK=1"},
			filepath.Join(programs, "krew"), "install", "--manifest="+manifest, "--archive="+archive)
		installed, err := os.ReadFile(filepath.Join(root, "bin", p.program()))
		if err != nil {
			t.Fatal(err)
		}
		built, err := os.ReadFile(filepath.Join(r.built, p.os+"-"+p.architecture, p.program()))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(installed, built) {
			t.Errorf("%s/%s: krew installs another program than was built", p.os, p.architecture)
		}
	}
}
