// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package docs

import (
	"os"
	"regexp"
	"testing"

	"sigs.k8s.io/yaml"
)

// The images that the README pushes are those that its command for Helm installs.
func TestHelmInstallsTheImagesThatArePushed(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../config/charts/goservice-operator/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var values struct{ Image, WorkloadImage struct{ Repository string } }
	if err := yaml.Unmarshal(text, &values); err != nil {
		t.Fatal(err)
	}
	pushed := regexp.MustCompile(`make docker-build docker-push \S+ IMG=(\S+) WORKLOAD_IMG=(\S+)`).FindSubmatch(readme)
	installed := regexp.MustCompile(`helm install .* --set image\.registry=(\S+) --set image\.tag=(\S+)`).FindSubmatch(readme)
	if pushed == nil || installed == nil {
		t.Fatal("the README does not push images, or does not install by Helm")
	}
	registry, tag := string(installed[1]), string(installed[2])
	for i, repository := range []string{values.Image.Repository, values.WorkloadImage.Repository} {
		if want := registry + "/" + repository + ":" + tag; string(pushed[i+1]) != want {
			t.Errorf("Helm installs %s, and pushed is %s", want, pushed[i+1])
		}
	}
}
