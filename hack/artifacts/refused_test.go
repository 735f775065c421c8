// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"io"
	"strings"
	"testing"

	"golang.org/x/mod/module"
)

// A license that asks for more than its text needs a decision: leave the module out, or add it to the list with the reason.
func TestEveryReleasedModuleHasAPermissiveLicense(t *testing.T) {
	if err := printLicenses(io.Discard, "../.."); err != nil {
		t.Error(err)
	}
}

func TestALicenseThatIsNotPermissiveIsNamed(t *testing.T) {
	err := notPermissive(module.Version{Path: "example.com/copyleft", Version: "v1.0.0"}, "MIT AND GPL-3.0")
	if err == nil || !strings.Contains(err.Error(), "example.com/copyleft@v1.0.0: license GPL-3.0: must be one of") {
		t.Errorf("the error is %v", err)
	}
}

func TestWhatIsRefused(t *testing.T) {
	commit, image := strings.Repeat("a1", 20), "registry.example/manager:v1"
	for name, c := range map[string]struct{ version, commit, source, epoch, part, image, want string }{
		"a version without v":      {"0.2.0", commit, "https://example.com", "1", "", image, `-version "0.2.0"`},
		"a version of a module v2": {"v2.0.0", commit, "https://example.com", "1", "", image, `-version "v2.0.0"`},
		"a short commit":           {"v0.2.0", "a1a1a1a", "https://example.com", "1", "", image, `-commit "a1a1a1a"`},
		"no time":                  {"v0.2.0", commit, "https://example.com", "now", "", image, `-epoch "now"`},
		"another scheme":           {"v0.2.0", commit, "git@example.com", "1", "", image, `-source "git@example.com"`},
		"no folders":               {"v0.2.0", commit, "https://example.com", "1", "", image, "-built and -out"},
		"an image of no registry":  {"v0.2.0", commit, "https://example.com", "1", "", "manager:v1", `-image "manager:v1"`},
		"an image without a tag":   {"v0.2.0", commit, "https://example.com", "1", "", "registry.example/manager", `-image "registry.example/manager"`},
		"a part of no platform":    {"v0.2.0", commit, "https://example.com", "1", "linux", image, `-part "linux"`},
	} {
		t.Run(name, func(t *testing.T) {
			err := run([]string{"-version", c.version, "-commit", c.commit, "-source", c.source, "-epoch", c.epoch, "-part", c.part, "-image", c.image, "-workload-image", image})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestTheNotesOfAReleaseAreItsSection(t *testing.T) {
	const log = "# Changelog\n\n## Unreleased\n\n- soon\n\n## v0.2.0 (2026-02-01)\n\n- new\n\n## v0.1.0\n\n- first\n"
	for version, want := range map[string]string{"v0.2.0": "- new", "v0.1.0": "- first", "v0.3.0-rc.1": "- soon", "dev-0123456789ab": "- soon"} {
		if got, err := section(log, version); err != nil || got != want {
			t.Errorf("%s: %q, %v", version, got, err)
		}
	}
	if _, err := section(log, "v0.3.0"); err == nil || !strings.Contains(err.Error(), `has no section "v0.3.0"`) {
		t.Errorf("the error is %v", err)
	}
}

// hack/artifacts.sh asks before anything is compiled.
func TestAReleaseWithoutItsSectionIsRefusedByACheck(t *testing.T) {
	check := func(version string) error {
		return run([]string{"-check", "-version", version, "-commit", strings.Repeat("a1", 20), "-source", "https://example.com", "-epoch", "1", "-built", "x", "-out", "y", "-image", "r/m:1", "-workload-image", "r/w:1"})
	}
	if err := check("v0.98.0"); err == nil || !strings.Contains(err.Error(), `CHANGELOG.md: has no section "v0.98.0"`) {
		t.Errorf("the error is %v", err)
	}
	if err := check("v0.98.0-rc.1"); err != nil {
		t.Error(err)
	}
}

func TestLinksOfNotesLeadIntoTheRepository(t *testing.T) {
	r := &release{source: "https://example.com/operator", commit: "c0"}
	got := r.absolute("[a](docs/slo.md#how) [b](../docs/api.md) [c](https://example.org/x)", "workload")
	want := "[a](https://example.com/operator/blob/c0/workload/docs/slo.md#how) [b](https://example.com/operator/blob/c0/docs/api.md) [c](https://example.org/x)"
	if got != want {
		t.Errorf("got %s", got)
	}
}
