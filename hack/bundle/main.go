// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"go.yaml.in/yaml/v3"
)

// object is a Kubernetes object as YAML has it: maps, lists, and scalars.
type object = map[string]any

func main() {
	r := release{}
	installer := flag.String("installer", "", "manifest of an installation")
	samples := flag.String("samples", "../../config/samples", "folder with GoServices to show")
	out := flag.String("out", "", "folder of the bundle, which is made")
	epoch := flag.Int64("epoch", 0, "time of the release, in seconds since 1970")
	flag.StringVar(&r.version, "version", "", "version of the release, such as v0.2.0")
	flag.StringVar(&r.source, "source", "https://goservice.dev/operator", "https address of the repository")
	flag.Parse()
	r.created = time.Unix(*epoch, 0).UTC()
	if err := run(&r, *installer, *samples, *out); err != nil {
		fmt.Fprintln(os.Stderr, "bundle:", err)
		os.Exit(1)
	}
}

func run(r *release, installer, samples, out string) error {
	objects, err := read(installer)
	if err != nil {
		return err
	}
	for _, name := range []string{"goservice_minimal.yaml", "goservice_full.yaml"} {
		shown, err := read(filepath.Join(samples, name))
		if err != nil {
			return err
		}
		r.samples = append(r.samples, shown...)
	}
	files, err := r.bundle(objects)
	if err != nil {
		return err
	}
	for name, text := range files {
		path := filepath.Join(out, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// read all objects of a file.
func read(path string) ([]object, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	var objects []object
	for decoder := yaml.NewDecoder(file); ; {
		var o object
		switch err := decoder.Decode(&o); {
		case errors.Is(err, io.EOF):
			return objects, nil
		case err != nil:
			return nil, fmt.Errorf("%s: %w", path, err)
		case len(o) > 0:
			objects = append(objects, o)
		}
	}
}
