// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Migrate writes GoServices for the Deployments in plain manifests, with what belongs to them: Services, HorizontalPodAutoscalers,
// PodDisruptionBudgets, and ServiceMonitors. What it could not carry over, what changes, what it guessed, and the commands that hand over
// what runs go to standard error. docs/migrate.md explains it.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/migrate"
)

func main() {
	var files []string
	var options migrate.Options
	flag.Func("f", "file with manifests, or - for standard input; may be given several times", func(file string) error {
		files = append(files, file)
		return nil
	})
	flag.Func("indicators", "metrics in which the services count their requests: Toolkit, OpenTelemetry, Prometheus, or GRPC (default: as the manifests suggest)", func(preset string) error {
		switch options.Indicators = v1alpha1.IndicatorsPreset(preset); options.Indicators {
		case v1alpha1.IndicatorsToolkit, v1alpha1.IndicatorsOpenTelemetry, v1alpha1.IndicatorsPrometheus, v1alpha1.IndicatorsGRPC:
			return nil
		}
		return fmt.Errorf("must be Toolkit, OpenTelemetry, Prometheus, or GRPC")
	})
	flag.Parse()
	if len(files) == 0 || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "usage: migrate [-indicators PRESET] -f FILE [-f FILE]...")
		os.Exit(2)
	}
	if err := run(files, options, os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(files []string, options migrate.Options, in io.Reader, out, notes io.Writer) error {
	var manifests migrate.Manifests
	for _, file := range files {
		text, err := content(file, in)
		if err == nil {
			err = manifests.Read(text)
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", file, err)
		}
	}
	converted, failed := migrate.Convert(&manifests, options) // what could be converted is written all the same
	for i, result := range converted.Results {
		text, err := migrate.YAML(result.Service)
		if err != nil {
			return err
		}
		if i > 0 {
			fmt.Fprintln(out, "---")
		}
		if _, err := out.Write(text); err != nil {
			return err
		}
	}
	converted.Report(notes)
	return failed
}

func content(file string, in io.Reader) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(in)
	}
	return os.ReadFile(file)
}
