// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

func chartIsRight(t *testing.T, r *release) {
	files := entries(t, gunzipped(t, read(t, r, "goservice-operator-0.99.0-rc.1.tgz")))
	chart := string(files["goservice-operator/Chart.yaml"])
	if !strings.Contains(chart, "\nversion: 0.99.0-rc.1\n") || !strings.Contains(chart, "\nappVersion: v0.99.0-rc.1\n") {
		t.Errorf("Chart.yaml is\n%s", chart)
	}
	if len(files["goservice-operator/values.schema.json"]) == 0 {
		t.Error("has no values.schema.json")
	}
	var values struct {
		Image, WorkloadImage struct{ Registry, Repository, Tag, Digest, PullPolicy string }
	}
	if err := yaml.Unmarshal(files["goservice-operator/values.yaml"], &values); err != nil {
		t.Fatal(err)
	}
	if i := values.Image; i.Registry != "registry.example/team" || i.Repository != "manager" || i.Tag != "" || i.Digest != "" || i.PullPolicy != "IfNotPresent" {
		t.Errorf("installs %+v", i)
	}
	if i := values.WorkloadImage; i.Registry != "mirror.example:5000" || i.Repository != "service" || i.Tag != "" || i.Digest != digest {
		t.Errorf("has services of %+v", i)
	}
}

var digest = "sha256:" + strings.Repeat("0c", 32)

// Whatever the references are, the chart installs the same as install.yaml, and as little as possible is said twice.
func TestTheValuesNameTheImages(t *testing.T) {
	for _, c := range []struct{ manager, workload, said string }{
		{"registry.example/a/b/manager:v0.2.0", "registry.example/a/b/workload:v0.2.0", `{"" "workload" "" ""}`},
		{"registry.example:5000/manager:v0.2.0-fips", "registry.example:5000/workload:v0.2.0", `{"" "workload" "v0.2.0" ""}`},
		{"registry.example/manager:v0.2.0-fips", "registry.example/workload:v0.2.0-fips", `{"" "workload" "" ""}`},
		{"registry.example/manager@" + digest, "other.example/workload:v0.2.0", `{"other.example" "workload" "" ""}`},
		{"registry.example/manager:v0.2.0", "registry.example/workload@" + digest, `{"" "workload" "" "` + digest + `"}`},
	} {
		r := &release{version: "v0.2.0", managerImage: c.manager, workloadImage: c.workload}
		text, err := os.ReadFile("../../config/charts/goservice-operator/values.yaml")
		if err == nil {
			text, err = r.values(text)
		}
		if err != nil {
			t.Fatal(err)
		}
		type image struct{ Registry, Repository, Tag, Digest string }
		var values struct{ Image, WorkloadImage image }
		if err := yaml.Unmarshal(text, &values); err != nil {
			t.Fatal(err)
		}
		// As the chart's templates do.
		reference := func(i image, registry, tag string) string {
			if i.Digest != "" {
				return cmp.Or(i.Registry, registry) + "/" + i.Repository + "@" + i.Digest
			}
			return cmp.Or(i.Registry, registry) + "/" + i.Repository + ":" + cmp.Or(i.Tag, tag, r.version)
		}
		i, w := values.Image, values.WorkloadImage
		if got := reference(i, "", ""); got != c.manager {
			t.Errorf("the operator is %s, want %s", got, c.manager)
		}
		if got := reference(w, i.Registry, i.Tag); got != c.workload {
			t.Errorf("services are %s, want %s", got, c.workload)
		}
		if got := fmt.Sprintf("%q", w); got != c.said {
			t.Errorf("%s and %s: the chart says %s of the second, want %s", c.manager, c.workload, got, c.said)
		}
	}
	for _, text := range []string{"other: 1\n", "image:\n  registry: x\n"} {
		r := &release{version: "v0.2.0", managerImage: "r/i:t", workloadImage: "r/i:t"}
		if _, err := r.values([]byte(text)); err == nil {
			t.Errorf("%q has no image", text)
		}
	}
}

func bundleIsRight(t *testing.T, r *release) {
	files := entries(t, gunzipped(t, read(t, r, "goservice-operator-bundle-0.99.0-rc.1.tar.gz")))
	if csv := string(files["manifests/goservice-operator.clusterserviceversion.yaml"]); !strings.Contains(csv, "version: 0.99.0-rc.1\n") {
		t.Errorf("the bundle has %q: %s", slices.Sorted(maps.Keys(files)), csv)
	}
}
