// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"os"
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
	source := page(t, "examples/orders/main.go")
	_, code, _ := strings.Cut(source, "import ")
	if !strings.Contains(page(t, "../docs/toolkit.md"), "import "+code) {
		t.Error("docs/toolkit.md shows another program than workload/examples/orders/main.go")
	}
}
