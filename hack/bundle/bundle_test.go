// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// made is the bundle of this checkout, in a folder, and the objects that it was made of.
func made(t *testing.T) (folder string, installation []object) {
	t.Helper()
	command := exec.Command("../deploy.sh", "render")
	command.Env = append(os.Environ(), "VERSION=v0.1.0", "IMG=", "WORKLOAD_IMG=", "COMPONENTS=")
	command.Stderr = os.Stderr
	manifests, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	folder = t.TempDir()
	installer := filepath.Join(folder, "install.yaml")
	if err := os.WriteFile(installer, manifests, 0o600); err != nil {
		t.Fatal(err)
	}
	installation, err = read(installer)
	if err != nil {
		t.Fatal(err)
	}
	folder = filepath.Join(folder, "bundle")
	if err := run(&release{version: "v0.1.0", source: "https://goservice.dev/operator"}, installer, "../../config/samples", folder); err != nil {
		t.Fatal(err)
	}
	return folder, installation
}

func only(t *testing.T, path string) object {
	t.Helper()
	objects, err := read(path)
	if err != nil || len(objects) != 1 {
		t.Fatalf("%d objects in %s: %v", len(objects), path, err)
	}
	return objects[0]
}

func serviceVersionIn(t *testing.T, folder string) object {
	t.Helper()
	return only(t, filepath.Join(folder, "manifests", name+".clusterserviceversion.yaml"))
}

// rules of the roles of an installation that are bound to somebody, by the kind of the binding.
func rules(objects []object, binding, role string) []any {
	var all []any
	for _, b := range objects {
		if kindOf(b) != binding {
			continue
		}
		for _, r := range objects {
			if kindOf(r) == role && nameOf(r) == roleOf(b) {
				all = append(all, r["rules"].([]any)...)
			}
		}
	}
	return all
}

// The operator has in a bundle what it has in an installation: the same Deployment, the same permissions, and the same objects beside it.
func TestABundleInstallsWhatTheManifestsInstall(t *testing.T) {
	folder, installation := made(t)
	spec := dig(serviceVersionIn(t, folder), "spec", "install", "spec")
	first := func(field string) object { return spec[field].([]any)[0].(object) }
	beside := []string{"ClusterServiceVersion", "CustomResourceDefinition"}
	for _, o := range installation {
		switch kind := kindOf(o); kind {
		case "Deployment":
			if diff := cmp.Diff(o["spec"], first("deployments")["spec"]); diff != "" {
				t.Errorf("the Deployment (-installed +bundle):\n%s", diff)
			}
		case "ServiceAccount":
			for _, field := range []string{"permissions", "clusterPermissions"} {
				if got := first(field)["serviceAccountName"]; got != nameOf(o) {
					t.Errorf("%s of %v, not of %s", field, got, nameOf(o))
				}
			}
		case "CustomResourceDefinition":
			if diff := cmp.Diff(o["spec"], only(t, filepath.Join(folder, "manifests", nameOf(o)+".crd.yaml"))["spec"]); diff != "" {
				t.Errorf("the kind:\n%s", diff)
			}
		case "Service", "PodDisruptionBudget", "PriorityClass":
			beside = append(beside, kind)
		}
	}
	for field, kinds := range map[string][2]string{"permissions": {"RoleBinding", "Role"}, "clusterPermissions": {"ClusterRoleBinding", "ClusterRole"}} {
		want := rules(installation, kinds[0], kinds[1])
		if diff := cmp.Diff(want, first(field)["rules"]); diff != "" || len(want) == 0 {
			t.Errorf("%s (-installed +bundle):\n%s", field, diff)
		}
	}
	paths, err := filepath.Glob(filepath.Join(folder, "manifests", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		o := only(t, path)
		metadata := o["metadata"].(object)
		if namespace, set := metadata["namespace"]; set && namespace != "placeholder" {
			t.Errorf("%s has namespace %v", path, namespace)
		}
		if kind := kindOf(o); kind == "ClusterRole" {
			bound := slices.ContainsFunc(installation, func(b object) bool { return kindOf(b) == "ClusterRoleBinding" && roleOf(b) == nameOf(o) })
			if labels := dig(o, "metadata", "labels"); bound || labels[managedBy] != "olm" {
				t.Errorf("%s, bound %v: %v", path, bound, labels)
			}
		} else if i := slices.Index(beside, kind); i >= 0 {
			beside = slices.Delete(beside, i, i+1)
		} else {
			t.Errorf("%s of kind %s is in no installation", path, kind)
		}
	}
	if len(beside) > 0 {
		t.Errorf("no %v in the bundle", beside)
	}
}

// What Operator Framework's scorecard asks: examples with a spec, words on every field that they set, a schema, and the kinds that are made.
func TestWhatTheScorecardAsks(t *testing.T) {
	folder, installation := made(t)
	csv := serviceVersionIn(t, folder)
	owned := dig(csv, "spec", "customresourcedefinitions")["owned"].([]any)[0].(object)
	described := func(field string) (paths []string) {
		for _, d := range owned[field].([]any) {
			descriptor := d.(object)
			if len(descriptor["description"].(string)) < 10 || descriptor["displayName"] == "" {
				t.Errorf("%s: %v", field, descriptor)
			}
			paths = append(paths, descriptor["path"].(string))
		}
		return paths
	}
	var examples []struct {
		Kind, APIVersion string
		Spec             map[string]any
	}
	if err := json.Unmarshal([]byte(dig(csv, "metadata", "annotations")["alm-examples"].(string)), &examples); err != nil {
		t.Fatal(err)
	}
	fields := described("specDescriptors")
	set := map[string]bool{}
	for _, e := range examples {
		if e.Kind != owned["kind"] || e.APIVersion != "goservice.dev/"+owned["version"].(string) || len(e.Spec) == 0 {
			t.Errorf("an example of %s %s", e.APIVersion, e.Kind)
		}
		for field := range e.Spec {
			set[field] = true
			if !slices.Contains(fields, field) {
				t.Errorf("spec.%s has no descriptor", field)
			}
		}
	}
	if len(set) < 20 || len(described("statusDescriptors")) < 10 || len(owned["resources"].([]any)) < 5 {
		t.Errorf("%d fields are shown; %v", len(set), owned["resources"])
	}
	if o := only(t, filepath.Join(folder, "manifests", owned["name"].(string)+".crd.yaml")); len(dig(o, "spec")["versions"].([]any)) != 1 {
		t.Error("the kind has no schema")
	}
	chart, err := os.ReadFile("../../config/charts/goservice-operator/Chart.yaml")
	if err != nil || !strings.Contains(string(chart), `kubeVersion: ">=`+minKubeVersion) {
		t.Errorf("the chart asks for another version of Kubernetes than %s: %v", minKubeVersion, err)
	}
	for label, want := range map[string]any{"operatorframework.io/arch.amd64": "supported", "operatorframework.io/arch.arm64": "supported", "operatorframework.io/os.linux": "supported"} {
		if got := dig(csv, "metadata", "labels")[label]; got != want {
			t.Errorf("%s is %v", label, got)
		}
	}
	images := dig(csv, "spec")["relatedImages"].([]any)
	for i, want := range []string{"goservice.dev/manager:v0.1.0", "goservice.dev/workload:v0.1.0"} {
		if got := images[i].(object)["image"]; got != want {
			t.Errorf("image %v, want %s", got, want)
		}
	}
	if len(installation) < 10 {
		t.Errorf("%d objects", len(installation))
	}
}

// What has no place in a bundle is an error, and so is an installation that lacks something.
func TestWhatHasNoPlaceIsAnError(t *testing.T) {
	_, installation := made(t)
	for want, change := range map[string]func([]object) []object{
		"ConfigMap settings has no place in a bundle": func(all []object) []object {
			return append(all, object{"kind": "ConfigMap", "metadata": object{"name": "settings"}})
		},
		"nobody is bound to Role idle": func(all []object) []object {
			return append(all, object{"kind": "Role", "metadata": object{"name": "idle"}})
		},
		"RoleBinding b: there is no Role gone": func(all []object) []object {
			return append(all, object{"kind": "RoleBinding", "metadata": object{"name": "b"}, "roleRef": object{"name": "gone"}})
		},
		"this one lacks one": func(all []object) []object {
			return slices.DeleteFunc(all, func(o object) bool { return kindOf(o) == "Deployment" })
		},
	} {
		if _, err := (&release{version: "v1.0.0"}).bundle(change(slices.Clone(installation))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestWordsOfAField(t *testing.T) {
	for field, want := range map[string]string{"rateLimit": "Rate Limit", "slo": "Slo", "tlsCASecret": "Tls CA Secret"} {
		if got := words(field); got != want {
			t.Errorf("%s: %q, want %q", field, got, want)
		}
	}
}
