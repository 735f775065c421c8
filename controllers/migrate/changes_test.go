// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"slices"
	"testing"
)

func TestChangesOfThePodsAreListedWithTheirValues(t *testing.T) {
	var manifests Manifests
	if err := manifests.Read([]byte(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: checkout, namespace: shop}
spec:
  selector: {matchLabels: {app: checkout}}
  template:
    metadata: {labels: {app: checkout}}
    spec:
      terminationGracePeriodSeconds: 45
      containers: [{name: app, image: "registry.example/checkout:1", ports: [{containerPort: 8080}]}]
---
apiVersion: v1
kind: Service
metadata: {name: checkout, namespace: shop}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
`)); err != nil {
		t.Fatal(err)
	}
	output, err := Convert(&manifests, Options{})
	if err != nil {
		t.Fatal(err)
	}
	result := output.Results[0]
	for _, want := range []Change{
		{"spec.terminationGracePeriodSeconds", "45", "50"},
		{"spec.containers[app].lifecycle", "", `{"preStop":{"sleep":{"seconds":5}}}`},
		{"spec.containers[app].ports[0]", `{"containerPort":8080}`, ""},
		{"spec.containers[app].ports[http]", "", `{"containerPort":8080,"name":"http"}`},
	} {
		if !slices.Contains(result.Changes, want) {
			t.Errorf("no %+v in %+v", want, result.Changes)
		}
	}
	for _, change := range result.Changes {
		if change.Path == "spec.containers[app].image" || change.Was == change.Is {
			t.Errorf("%+v is no change", change)
		}
	}
	if want := []string{"deployment/checkout", "service/checkout"}; !slices.Equal(result.Taken, want) {
		t.Errorf("%q are taken, not %q", result.Taken, want)
	}
}
