// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"slices"
	"strings"
	"testing"

	"goservice.dev/operator/api/v1alpha1"
)

// An image that is built on the toolkit has its metrics and live settings on a port of the toolkit's, without a word.
func TestAnImageOnTheToolkit(t *testing.T) {
	manifests := strings.Replace(cart, "{name: side, containerPort: 9000}]", "{name: toolkit, containerPort: 9100}], readinessProbe: {httpGet: {path: /readyz, port: toolkit}}", 1)
	output, err := Convert(read(t, manifests), Options{Indicators: v1alpha1.IndicatorsToolkit})
	if err != nil {
		t.Fatal(err)
	}
	spec := output.Results[0].Service.Spec
	if got, want := shown(spec.Probes), `{"startup":{"disabled":true},"liveness":{"disabled":true},"readiness":{"httpGet":{"path":"/readyz","port":"admin"},"periodSeconds":10,"timeoutSeconds":1,"failureThreshold":3}}`; got != want {
		t.Errorf("probes %s, want %s", got, want)
	}
	if spec.Observability != nil || spec.Ports != nil {
		t.Errorf("observability %s and ports %s, want none", shown(spec.Observability), shown(spec.Ports))
	}
	if slices.ContainsFunc(output.Results[0].Notes, func(n Note) bool { return n.Kind != Changed }) {
		t.Errorf("notes %v", output.Results[0].Notes)
	}
}

// The operator declares its port where it likes: it need not be among the Deployment's.
func TestAnImageOnTheToolkitNeedNotDeclareItsPort(t *testing.T) {
	output, err := Convert(read(t, cart), Options{Indicators: v1alpha1.IndicatorsToolkit})
	if err != nil {
		t.Fatal(err)
	}
	if spec := output.Results[0].Service.Spec; len(spec.Ports) != 1 || spec.Ports[0].Name != "side" {
		t.Errorf("ports %s", shown(spec.Ports))
	}
	if slices.ContainsFunc(output.Results[0].Notes, func(n Note) bool { return n.Kind == Lost }) {
		t.Errorf("notes %v", output.Results[0].Notes)
	}
}

// What only the overlay says may keep pods from sharing their queue: then they lack nothing of it.
func TestAnImageOnTheToolkitThatCannotShareItsQueue(t *testing.T) {
	toolkit := strings.Replace(cart, "{name: side, containerPort: 9000}]", "{name: toolkit, containerPort: 9100}]", 1)
	for what, manifests := range map[string]string{
		"the node's network": strings.Replace(toolkit, "spec: {containers: [", "spec: {hostNetwork: true, containers: [", 1),
		"a port of a container beside it": strings.Replace(toolkit, "spec: {containers: [",
			"spec: {initContainers: [{name: a, image: b, restartPolicy: Always, stdin: true, ports: [{name: hook, containerPort: 9443}]}], containers: [", 1),
	} {
		output, err := Convert(read(t, manifests), Options{Indicators: v1alpha1.IndicatorsToolkit})
		if err != nil {
			t.Fatal(err)
		}
		for _, note := range output.Results[0].Notes {
			if note.Kind == Lost {
				t.Errorf("%s: %s", what, note)
			}
		}
	}
}
