// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package release

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Once the tags exist, `go install PROGRAM@VERSION` works for every program. Go refuses that where a go.mod has a replace directive,
// and it knows no workspace.
func TestEveryProgramInstallsByVersion(t *testing.T) {
	environment := proxy(t)
	all := 0
	for folder, module := range published(t) {
		list := run(t, filepath.Join(root, folder), []string{"GOWORK="}, "go", "list", "-f", `{{if eq .Name "main"}}{{.ImportPath}}{{end}}`, "./...")
		programs := strings.Fields(list)
		all += len(programs)
		if len(programs) == 0 {
			continue
		}
		t.Run(module, func(t *testing.T) {
			arguments := []string{"install", "-n"} // all checks, and what would be compiled
			for _, program := range programs {
				arguments = append(arguments, program+"@"+released)
			}
			run(t, t.TempDir(), environment, "go", arguments...)
		})
	}
	if all < 5 {
		t.Errorf("%d programs are known", all)
	}
	// One for all, in earnest.
	run(t, t.TempDir(), environment, "go", "install", "-trimpath", "goservice.dev/operator/workload@"+released)
}

// A team's new service on the toolkit, made by the program that makes them, gets the modules that testdata/modules.txt lists and no
// others: none of Kubernetes above all.
func TestTheToolkitBringsFewModules(t *testing.T) {
	// Downloads, where it is missing, what go mod tidy looks at: the tests of what is compiled.
	_, _ = try(t.Context(), filepath.Join(root, "workload"), nil, "go", "mod", "tidy", "-diff")
	environment := append(proxy(t), "GOFLAGS=-mod=mod")
	folder := t.TempDir()
	run(t, folder, environment, "go", "run", "goservice.dev/operator/workload/new@"+released, "-module=shop.example/checkout", "checkout")
	folder = filepath.Join(folder, "checkout")
	run(t, folder, environment, "go", "mod", "tidy")
	run(t, folder, environment, "go", "build", "-trimpath", "-o", os.DevNull, ".")

	list, err := os.ReadFile(filepath.Join("testdata", "modules.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var allowed []string
	for line := range strings.Lines(string(list)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			allowed = append(allowed, line)
		}
	}
	got := modules(run(t, folder, environment, "go", "mod", "graph"))
	isIn := func(list []string) func(string) bool {
		return func(path string) bool { return slices.Contains(list, path) }
	}
	if more := slices.DeleteFunc(slices.Clone(got), isIn(allowed)); len(more) > 0 {
		t.Errorf("with the toolkit come modules that testdata/modules.txt does not list: can it be done without them?\n%s", strings.Join(more, "\n"))
	}
	if fewer := slices.DeleteFunc(slices.Clone(allowed), isIn(got)); len(fewer) > 0 {
		t.Errorf("testdata/modules.txt lists modules that do not come with the toolkit any more:\n%s", strings.Join(fewer, "\n"))
	}
	sums, err := os.ReadFile(filepath.Join(folder, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(sums)) {
		for _, prefix := range []string{"k8s.io/", "sigs.k8s.io/", "knative.dev/", "github.com/google/cel-go"} {
			if strings.HasPrefix(line, prefix) {
				t.Errorf("go.sum has %s", line)
			}
		}
	}
}

// modules of a module graph, as `go list -m all` has them; that command would ask for the dates of versions that are not in the
// machine's cache, since nothing is compiled of them.
func modules(graph string) []string {
	var paths []string
	for line := range strings.Lines(graph) {
		_, required, _ := strings.Cut(strings.TrimSpace(line), " ")
		path, _, _ := strings.Cut(required, "@")
		if path != "go" && path != "toolchain" {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}
