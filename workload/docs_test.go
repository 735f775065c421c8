// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/service"
)

func page(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// The page names every variable, every metric and every live setting.
func TestTheDocumentationIsComplete(t *testing.T) {
	text := page(t, "../docs/workload.md")
	for field := range reflect.TypeFor[service.Config]().Fields() {
		if name := field.Tag.Get("env"); !strings.Contains(text, "`"+name+"`") {
			t.Errorf("docs/workload.md does not name the setting %s", name)
		}
	}
	got := call(workload(t, livesettings.Document{}, nil).AdminHandler(), "GET", "/metrics", "", "")
	for line := range strings.Lines(got.Body.String()) {
		name, ok := strings.CutPrefix(line, "# TYPE ")
		name, _, _ = strings.Cut(name, " ")
		if !ok || strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_") || strings.HasPrefix(name, "promhttp_") {
			continue
		}
		if !strings.Contains(text, "`"+name+"`") {
			t.Errorf("docs/workload.md does not name the metric %s", name)
		}
	}
	for field := range reflect.TypeFor[livesettings.Document]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name != "-" && !strings.Contains(text, "`"+name) {
			t.Errorf("docs/workload.md does not name the live setting %s", name)
		}
	}
}

// The twenty lines of the page are those of the example.
func TestTheDocumentedServiceIsTheExample(t *testing.T) {
	source := page(t, "examples/hello/main.go")
	_, code, _ := strings.Cut(source, "import ")
	if !strings.Contains(page(t, "../docs/toolkit.md"), "import "+code) {
		t.Error("docs/toolkit.md shows another program than workload/examples/hello/main.go")
	}
}

// maxExampleLines of the README's program.
const maxExampleLines = 40

// The README's program is complete: it compiles as it stands there.
func TestTheProgramOfTheReadmeCompiles(t *testing.T) {
	_, code, _ := strings.Cut(page(t, "README.md"), "```go\n")
	code, _, found := strings.Cut(code, "```\n")
	if lines := strings.Count(code, "\n"); !found || lines > maxExampleLines {
		t.Errorf("the program has %d lines, at most %d are meant to be read", lines, maxExampleLines)
	}
	if formatted, err := format.Source([]byte(code)); err != nil || string(formatted) != code {
		t.Errorf("the program is not formatted (%v)", err)
	}
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(code), 0o644); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.CommandContext(t.Context(), "go", "vet", file).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
}
