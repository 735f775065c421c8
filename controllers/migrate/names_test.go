// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"slices"
	"strings"
	"testing"
)

// The container is named service: what names it in the pod must not name one that is gone.
func TestNamesOfContainersAreFollowed(t *testing.T) {
	const ref = `resourceFieldRef: {containerName: cart, resource: limits.memory}`
	manifests := strings.NewReplacer(
		"metadata: {labels: {app: cart}}", `metadata: {labels: {app: cart}, annotations: {container.apparmor.security.beta.kubernetes.io/cart: runtime/default, `+
			`container.apparmor.security.beta.kubernetes.io/service: unconfined, kubectl.kubernetes.io/default-container: cart, note: cart}}`,
		"spec: {containers: [{name: cart, image", `spec: {volumes: [{name: a, downwardAPI: {items: [{path: m, `+ref+`}]}}, {name: b, projected: {sources: [{downwardAPI: {items: [{path: m, `+ref+`}]}}]}}], `+
			`containers: [{name: service, image: "s:1", env: [{name: M, valueFrom: {`+ref+`}}, {name: CPU, valueFrom: {resourceFieldRef: {containerName: service, resource: limits.cpu}}}]}, `+
			`{name: cart, env: [{name: M, valueFrom: {`+ref+`}}], image`,
	).Replace(cart)
	result := converted(t, read(t, manifests)).Results[0]
	if slices.ContainsFunc(result.Notes, func(n Note) bool { return n.Kind == Lost }) {
		t.Errorf("notes:\n%s", allNotes(result))
	}
	built, err := builtTemplate(result.Service)
	if err != nil {
		t.Fatal(err)
	}
	text := shown(built)
	if strings.Contains(text, `"containerName":"cart"`) || strings.Count(text, `"containerName":"service"`) != 3 || strings.Count(text, `"containerName":"service-2"`) != 1 {
		t.Errorf("references to the containers in %s", text)
	}
	for key, want := range map[string]string{
		"container.apparmor.security.beta.kubernetes.io/service": "runtime/default", "container.apparmor.security.beta.kubernetes.io/service-2": "unconfined",
		"container.apparmor.security.beta.kubernetes.io/cart": "", "kubectl.kubernetes.io/default-container": "service", "note": "cart",
	} {
		if got := built.Annotations[key]; got != want {
			t.Errorf("annotation %s: %q, want %q", key, got, want)
		}
	}
}
