// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"strings"

	"github.com/onsi/gomega"
)

// team is a service that knows nothing of the toolkit, as its plain manifests in testdata/services deploy it.
type team struct {
	name, indicators string
	imageVariable    string
	metricsPort      string
	scaled           bool // by an autoscaler
}

var teams = []team{
	{"shop", "OpenTelemetry", "FOREIGN_IMG", "8080", true},
	{"basket", "Prometheus", "FOREIGN_IMG", "8080", false},
	{"orders", "GRPC", "FOREIGN_IMG", "2112", false},
	{"podinfo", "Prometheus", "PODINFO_IMG", "9797", true},
}

// adopt applies what the converter makes of the team's manifests, with what no Deployment says. What the team's autoscaler aimed at
// is left to the operator, and so is the readiness of the service that has no probes.
func (j *journey) adopt(s team, more map[string]any) {
	j.t.Helper()
	manifests, err := os.ReadFile("testdata/services/" + s.name + ".yaml")
	j.Expect(err).NotTo(gomega.HaveOccurred())
	command := exec.CommandContext(j.ctx, "go", "run", "../migrate", "-indicators", s.indicators, "-f", "-")
	command.Stdin = strings.NewReader(strings.ReplaceAll(string(manifests), "IMAGE", os.Getenv(s.imageVariable)))
	var converted, notes bytes.Buffer
	command.Stdout, command.Stderr = &converted, &notes
	j.Expect(command.Run()).To(gomega.Succeed(), notes.String())
	spec := map[string]any{"observability": map[string]any{"metrics": map[string]any{"interval": "5s"}}}
	if s.scaled {
		spec["autoscaling"] = map[string]any{"targetCPUUtilization": nil}
	}
	if s.name == "basket" {
		spec["probes"] = nil
	}
	maps.Copy(spec, more)
	patch, err := json.Marshal(map[string]any{"spec": spec})
	j.Expect(err).NotTo(gomega.HaveOccurred())
	j.apply(j.kubectl(converted.String(), "patch", "--local", "-f", "-", "--type=merge", "-p", string(patch), "-o", "json"))
}
