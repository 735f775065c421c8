// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func chartIsRight(t *testing.T, r *release) {
	files := entries(t, gunzipped(t, read(t, r, "goservice-operator-0.99.0-rc.1.tgz")))
	chart := string(files["goservice-operator/Chart.yaml"])
	if !strings.Contains(chart, "\nversion: 0.99.0-rc.1\n") || !strings.Contains(chart, "\nappVersion: v0.99.0-rc.1\n") {
		t.Errorf("Chart.yaml is\n%s", chart)
	}
	for _, name := range []string{"values.yaml", "values.schema.json"} {
		if len(files["goservice-operator/"+name]) == 0 {
			t.Errorf("has no %s", name)
		}
	}
}

func bundleIsRight(t *testing.T, r *release) {
	files := entries(t, gunzipped(t, read(t, r, "goservice-operator-bundle-0.99.0-rc.1.tar.gz")))
	if csv := string(files["manifests/goservice-operator.clusterserviceversion.yaml"]); !strings.Contains(csv, "version: 0.99.0-rc.1\n") {
		t.Errorf("the bundle has %q: %s", slices.Sorted(maps.Keys(files)), csv)
	}
}
