// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"slices"
	"strings"
	"testing"
)

// Containers keep their names, and so does what refers to them, also where one beside the service has the name of the operator's own.
func TestContainersKeepTheirNames(t *testing.T) {
	const ref = `resourceFieldRef: {containerName: cart, resource: limits.memory}`
	manifests := strings.NewReplacer(
		"metadata: {labels: {app: cart}}", `metadata: {labels: {app: cart}, annotations: {container.apparmor.security.beta.kubernetes.io/cart: runtime/default, `+
			`kubectl.kubernetes.io/default-container: cart}}`,
		"spec: {containers: [{name: cart, image", `spec: {volumes: [{name: a, downwardAPI: {items: [{path: m, `+ref+`}]}}], `+
			`containers: [{name: service, image: "s:1", env: [{name: CPU, valueFrom: {resourceFieldRef: {containerName: service, resource: limits.cpu}}}]}, `+
			`{name: cart, env: [{name: M, valueFrom: {`+ref+`}}], image`,
	).Replace(cart)
	result := converted(t, read(t, manifests)).Results[0]
	if notes := allNotes(result); strings.Contains(notes, string(Lost)) || strings.Contains(notes, ".name:") {
		t.Errorf("notes:\n%s", notes)
	}
	built, err := builtTemplate(result.Service)
	if err != nil {
		t.Fatal(err)
	}
	if main, beside := built.Spec.Containers[0].Name, built.Spec.InitContainers[0].Name; main != "cart" || beside != "service" {
		t.Errorf("the containers are %s and %s", main, beside)
	}
	text := shown(built)
	if strings.Count(text, `"containerName":"cart"`) != 1 || strings.Count(text, `"containerName":"service"`) != 1 { // without a name, it is the variable's own
		t.Errorf("references to the containers in %s", text)
	}
	if built.Annotations["container.apparmor.security.beta.kubernetes.io/cart"] != "runtime/default" || built.Annotations["kubectl.kubernetes.io/default-container"] != "cart" {
		t.Errorf("annotations %v", built.Annotations)
	}
	usual := converted(t, read(t, strings.Replace(cart, "[{name: cart,", "[{name: service,", 1))).Results[0].Service.Spec.Pod
	if usual.ContainerName != "" {
		t.Errorf("containerName is %s, though it is by default", usual.ContainerName)
	}
}

// Volumes that have the name of one of the operator's get a free one.
func TestVolumesGetFreeNames(t *testing.T) {
	manifests := strings.Replace(cart, "spec: {containers: [{name: cart,", `spec: {volumes: [{name: tmp, persistentVolumeClaim: {claimName: block}}, {name: tmp-volume, emptyDir: {}}], `+
		`containers: [{name: cart, volumeDevices: [{name: tmp, devicePath: /dev/block}], volumeMounts: [{name: tmp-volume, mountPath: /b}],`, 1)
	result := converted(t, read(t, manifests)).Results[0]
	built, err := builtTemplate(result.Service)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, volume := range built.Spec.Volumes {
		if names[volume.Name] {
			t.Errorf("two volumes are named %s", volume.Name)
		}
		names[volume.Name] = true
	}
	main := built.Spec.Containers[0]
	if len(main.VolumeDevices) != 1 || main.VolumeDevices[0].Name != "tmp-volume-2" || !names["tmp-volume-2"] {
		t.Errorf("devices %v of volumes %v", main.VolumeDevices, names)
	}
	if slices.ContainsFunc(result.Notes, func(n Note) bool { return n.Kind == Lost }) {
		t.Errorf("notes:\n%s", allNotes(result))
	}
}

// Of variables with the same name, the last one is in force, and those in between have seen the earlier one.
func TestVariablesThatAreThereTwice(t *testing.T) {
	const env = `env: [{name: HOST, value: db}, {name: URL, value: "http://$(HOST)/$$(HOST)"}, {name: HOST, value: "$(HOST).shop"}, {name: LAST, value: "$(HOST)"}]`
	want := map[string]string{"URL": "http://db/$$(HOST)", "HOST": "db.shop", "LAST": "$(HOST)"}
	for what, manifests := range map[string]string{
		"service":        strings.Replace(cart, "{name: cart, image", "{name: cart, "+env+", image", 1),
		"sidecar":        strings.Replace(cart, "containers: [{", `containers: [{name: side, image: "s:1", `+env+`}, {`, 1),
		"init container": strings.Replace(cart, "{containers: [{", `{initContainers: [{name: side, image: "s:1", `+env+`}], containers: [{`, 1),
	} {
		result := converted(t, read(t, manifests)).Results[0]
		variables := result.Service.Spec.Env
		if what != "service" {
			variables = result.Service.Spec.InitContainers[0].Env
		}
		if len(variables) != len(want) {
			t.Errorf("%s: variables %s", what, shown(variables))
		}
		for _, variable := range variables {
			if variable.Value != want[string(variable.Name)] {
				t.Errorf("%s: %s is %q, want %q", what, variable.Name, variable.Value, want[string(variable.Name)])
			}
		}
		if notes := allNotes(result); !strings.Contains(notes, "env[HOST]") || strings.Contains(notes, string(Lost)) {
			t.Errorf("%s: notes:\n%s", what, notes)
		}
	}
	secret := strings.Replace(cart, "{name: cart, image", `{name: cart, env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}, {name: B, value: "$(A)"}, {name: A, value: c}], image`, 1)
	if notes := allNotes(converted(t, read(t, secret)).Results[0]); !strings.Contains(notes, "not carried over: Deployment cart: spec.template.spec.containers[cart].env[B]: $(A): A is there twice") {
		t.Errorf("notes:\n%s", notes)
	}
}
