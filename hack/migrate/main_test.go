// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"goservice.dev/operator/controllers/migrate"
)

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart}
spec: {template: {metadata: {labels: {app: cart}}, spec: {containers: [{name: cart, image: "cart:1", ports: [{containerPort: 8080}]}]}}}
`

const service = `
apiVersion: v1
kind: Service
metadata: {name: cart}
spec: {selector: {app: cart}, ports: [{port: 81, targetPort: 8080}]}
`

func TestFilesAreReadTogether(t *testing.T) {
	file := filepath.Join(t.TempDir(), "service.yaml")
	if err := os.WriteFile(file, []byte(service), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, notes bytes.Buffer
	if err := run([]string{"-", file}, migrate.Options{}, strings.NewReader(deployment), &out, &notes); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "service: {port: 81}\n") {
		t.Errorf("the Service has no part in:\n%s", &out)
	}
	if !strings.Contains(notes.String(), "takes the place of Service cart\n") {
		t.Errorf("notes:\n%s", &notes)
	}
	if err := run([]string{file + "2"}, migrate.Options{}, nil, &out, &notes); err == nil || !strings.Contains(err.Error(), "service.yaml2") {
		t.Errorf("error %v does not name the file", err)
	}
}

// One Deployment that cannot be converted does not keep the others from it, and is not forgotten.
func TestOthersAreWrittenBesideAFailure(t *testing.T) {
	var out, notes bytes.Buffer
	bad := strings.NewReplacer("name: cart}", "name: 2-cart}").Replace(deployment)
	none := strings.NewReplacer("name: cart}", "name: empty}", `image: "cart:1", `, "").Replace(deployment)
	err := run([]string{"-"}, migrate.Options{}, strings.NewReader(bad+"---"+deployment+"---"+none), &out, &notes)
	if err == nil || !strings.Contains(err.Error(), "Deployment 2-cart: ") || !strings.Contains(err.Error(), "Deployment empty: ") {
		t.Errorf("error %v, want one that names both Deployments", err)
	}
	if !strings.Contains(out.String(), "name: cart") || strings.Count(out.String(), "kind: GoService") != 1 {
		t.Errorf("written:\n%s", &out)
	}
	if !strings.Contains(notes.String(), "stays as it is: Deployment 2-cart\n") {
		t.Errorf("notes:\n%s", &notes)
	}
}
