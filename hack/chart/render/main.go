// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command render prints what Helm 4 makes of the chart, without a cluster: render CHART [VALUES], with values as JSON. hack/policy, whose
// dependencies do not compile beside those of Helm, runs it.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "render:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) == 0 || len(arguments) > 2 {
		return errors.New("usage: render CHART [VALUES]")
	}
	var values map[string]any
	if len(arguments) == 2 {
		if err := json.Unmarshal([]byte(arguments[1]), &values); err != nil {
			return fmt.Errorf("values: %w", err)
		}
	}
	chart, err := loader.Load(arguments[0])
	if err != nil {
		return err
	}
	release := common.ReleaseOptions{Name: "goservice-operator", Namespace: "goservice-system", Revision: 1, IsInstall: true}
	given, err := util.ToRenderValues(chart, values, release, common.DefaultCapabilities.Copy())
	if err != nil {
		return err
	}
	files, err := engine.Render(chart, given)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if path.Ext(name) == ".yaml" {
			fmt.Printf("\n---\n%s", files[name])
		}
	}
	return nil
}
