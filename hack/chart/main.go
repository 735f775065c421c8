// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	config := flag.String("config", "../../config", "folder with the kustomizations")
	chart := flag.String("chart", "../../config/charts/goservice-operator", "folder of the chart")
	flag.Parse()
	if err := write(*config, *chart); err != nil {
		fmt.Fprintln(os.Stderr, "chart:", err)
		os.Exit(1)
	}
}

// write replaces the generated files of the chart; those that are made by hand stay.
func write(config, chart string) error {
	files, err := generate(config)
	if err != nil {
		return err
	}
	present, err := generatedIn(chart)
	if err != nil {
		return err
	}
	for _, name := range present {
		if _, wanted := files[name]; !wanted {
			if err := os.Remove(filepath.Join(chart, name)); err != nil {
				return err
			}
		}
	}
	for name, text := range files {
		path := filepath.Join(chart, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// byHand are the files of templates/ that generate does not make.
var byHand = []string{"templates/NOTES.txt", "templates/_helpers.tpl"}

// generatedIn lists the generated files that a chart has, by their paths in it.
func generatedIn(chart string) ([]string, error) {
	var names []string
	for _, pattern := range []string{"templates/*", "dashboards/*"} {
		paths, err := filepath.Glob(filepath.Join(chart, pattern))
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			name := filepath.ToSlash(strings.TrimPrefix(path, filepath.Clean(chart)+string(filepath.Separator)))
			if !slices.Contains(byHand, name) {
				names = append(names, name)
			}
		}
	}
	return names, nil
}
