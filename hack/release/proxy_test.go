// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package release

import (
	"encoding/json"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// released is the version that the modules of this checkout have in the tests' proxy.
const released = "v0.99.0"

// published are the folders and paths of the modules that a release tags: all outside of hack/, and the kubectl plugin.
func published(t *testing.T) map[string]string {
	t.Helper()
	modules := map[string]string{}
	for _, file := range tracked(t) {
		if path.Base(file) != "go.mod" || strings.HasPrefix(file, "hack/") && file != "hack/kubectl-gosvc/go.mod" {
			continue
		}
		content, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		modules[path.Dir(file)] = modfile.ModulePath(content)
	}
	return modules
}

// A release says of its decisions what was simulated with these decisions, by this simulator.
func TestAReleaseHasFiguresOfItsOwnCode(t *testing.T) {
	const another = "0123456789abcdef"
	checkout := copied(t, everything)
	present := map[string]string{}
	for line := range strings.Lines(run(t, checkout, nil, "go", "run", "./controllers/sim/cmd", "-code")) {
		end := strings.LastIndex(line, " ")
		present[line[:end]] = strings.TrimSpace(line[end:])
	}
	if names := slices.Sorted(maps.Keys(present)); !slices.Equal(names, []string{"deciding code", "dividing code", "simulator"}) {
		t.Fatalf("it is of %q", present)
	}
	publish := func(what, code string) {
		t.Helper()
		for _, name := range []string{"simulation.md", "slo.md"} {
			page := filepath.Join(checkout, "docs", name)
			content, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			content = regexp.MustCompile(what+" `[0-9a-f]+`").ReplaceAll(content, []byte(what+" `"+code+"`"))
			if err := os.WriteFile(page, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for what, code := range present {
		publish(what, code)
	}
	for what, code := range present {
		publish(what, another)
		want := "is of the " + what + " " + another + ", this is " + code
		if output, err := try(t.Context(), checkout, nil, "hack/release.sh", released); err == nil || !strings.Contains(output, want) {
			t.Errorf("another %s: %v, %s", what, err, output)
		}
		publish(what, code)
	}
	if output, err := try(t.Context(), checkout, nil, "hack/release.sh", released); err != nil || !strings.Contains(output, "git commit -am 'Release "+released+"'") {
		t.Errorf("figures of this code: %v, %s", err, output)
	}
}

// proxy is the environment of a go command for which this checkout has been released: a folder with its modules as a module proxy
// serves them comes before the machine's cache, and the network is left alone.
func proxy(t *testing.T) []string {
	t.Helper()
	checkout, served := copied(t, everything), t.TempDir()
	run(t, checkout, []string{"OLD_FIGURES=true"}, "hack/release.sh", released)
	for folder, modulePath := range published(t) {
		serve(t, served, filepath.Join(checkout, folder), module.Version{Path: modulePath, Version: released})
	}
	cache := strings.TrimSpace(run(t, ".", nil, "go", "env", "GOMODCACHE"))
	return []string{
		"GOPROXY=file://" + served + ",file://" + filepath.Join(cache, "cache", "download"), "GOSUMDB=off",
		"GOMODCACHE=" + cacheOfItsOwn(t, cache), "GOFLAGS=", "GOWORK=", "GOBIN=" + t.TempDir(), "CGO_ENABLED=0",
	}
}

func serve(t *testing.T, served, folder string, version module.Version) {
	t.Helper()
	target := filepath.Join(served, version.Path, "@v")
	if err := os.MkdirAll(target, 0o755); err != nil {
		t.Fatal(err)
	}
	description, err := os.ReadFile(filepath.Join(folder, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	info, err := json.Marshal(map[string]string{"Version": version.Version, "Time": "2026-01-01T00:00:00Z"})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		version.Version + ".mod": description, version.Version + ".info": info, "list": []byte(version.Version + "\n"),
	} {
		if err := os.WriteFile(filepath.Join(target, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	archive, err := os.Create(filepath.Join(target, version.Version+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	if err := zip.CreateFromDir(archive, version, folder); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
}

// cacheOfItsOwn is a module cache that shows what is in the machine's, and keeps the checkout's modules to itself: the next run
// may release other content by the same version.
func cacheOfItsOwn(t *testing.T, cache string) string {
	t.Helper()
	own := t.TempDir()
	for _, folder := range []string{"", filepath.Join("cache", "download")} {
		if err := os.MkdirAll(filepath.Join(own, folder), 0o755); err != nil {
			t.Fatal(err)
		}
		entries, err := os.ReadDir(filepath.Join(cache, folder))
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if entry.Name() == "goservice.dev" || folder == "" && entry.Name() == "cache" {
				continue
			}
			if err := os.Symlink(filepath.Join(cache, folder, entry.Name()), filepath.Join(own, folder, entry.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Cleanup(func() { // Go writes its cache without permission to remove anything
		_ = filepath.WalkDir(filepath.Join(own, "goservice.dev"), func(path string, entry os.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				return os.Chmod(path, 0o755)
			}
			return nil
		})
	})
	return own
}
