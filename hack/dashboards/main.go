// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command dashboards generates the Grafana dashboards in config/grafana. It is a module of its own, so that nothing else depends on
// Grafana's SDK. The tests in hack/alerts run every query of the generated files in Prometheus's own engine.
//
//	go -C hack/dashboards run .
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// folder of the generated files, from the folder of this module.
const folder = "../../config/grafana"

func main() {
	for name, build := range map[string]func() (dashboard.Dashboard, error){"service.json": service, "operator.json": operator} {
		if err := generate(filepath.Join(folder, name), build); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
			os.Exit(1)
		}
	}
}

func generate(path string, build func() (dashboard.Dashboard, error)) error {
	built, err := build()
	if err != nil {
		return fmt.Errorf("building: %w", err)
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // queries are read by people, too
	encoder.SetIndent("", " ")
	if err := encoder.Encode(built); err != nil {
		return fmt.Errorf("encoding: %w", err)
	}
	return os.WriteFile(path, text.Bytes(), 0o644)
}
