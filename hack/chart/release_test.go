//go:build cluster

// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// A chart whose CRD stays as it was first installed has an operator that sets fields which the API server drops without a word.
func TestAnUpgradeServesTheNewSchema(t *testing.T) {
	older := olderChart(t)
	onACluster(t, func(c *cluster) {
		r := c.request("operator", nil)
		r.chart = older
		c.must(c.helm.install(c.getter(), r))
		c.serves(false)
		before := c.operator()
		c.must(c.Create(c.Context(), service(c.namespace, "kept")))

		r.chart = chartFolder
		c.must(c.helm.upgrade(c.getter(), r))
		c.serves(true)
		after := c.operator()
		if before.GetUID() != after.GetUID() {
			t.Error("the Deployment was replaced")
		}

		c.must(c.helm.rollback(c.getter(), c.namespace, "operator", 1))
		c.serves(false)
		c.must(c.helm.rollback(c.getter(), c.namespace, "operator", 2))
		c.serves(true)
		if c.get(services, c.namespace, "kept") == nil {
			t.Error("the GoService is gone")
		}
	})
}

func TestUninstallingLeavesTheServices(t *testing.T) {
	onACluster(t, func(c *cluster) {
		c.must(c.helm.install(c.getter(), c.request("first", everythingThatIsKnown)))
		c.serves(true)
		c.must(c.Create(c.Context(), service(c.namespace, "kept")))
		uid := c.definition().GetUID()

		c.must(c.helm.uninstall(c.getter(), c.namespace, "first"))
		if c.operator() != nil {
			t.Error("the operator is still there")
		}
		c.hasOnlyTheDefinition(uid)

		// The definition belongs to the first release. Another name has to ask for it.
		r := c.request("second", nil)
		err := c.helm.install(c.getter(), r)
		if err == nil || !strings.Contains(err.Error(), `CustomResourceDefinition "goservices.goservice.dev"`) || !strings.Contains(err.Error(), "second") {
			t.Errorf("error is %v", err)
		}
		if c.operator() != nil {
			t.Error("a refused release has created the operator")
		}
		r.takeOwnership = true
		c.must(c.helm.install(c.getter(), r))
		if owner := c.definition().GetAnnotations()["meta.helm.sh/release-name"]; owner != "second" || c.operator() == nil {
			t.Errorf("the definition belongs to %q", owner)
		}
		// From then on it is one like any other.
		r.takeOwnership = false
		c.must(c.helm.upgrade(c.getter(), r))
		c.must(c.helm.uninstall(c.getter(), c.namespace, "second"))
		c.hasOnlyTheDefinition(uid)
	})
}

// everythingThatIsKnown to an API server without the Prometheus Operator's kinds.
var everythingThatIsKnown = values{
	"dashboards": values{"enabled": true}, "networkPolicy": values{"enabled": true}, "secretReferences": values{"enabled": true},
}

func (c *cluster) hasOnlyTheDefinition(uid any) {
	c.Helper()
	if d := c.definition(); d == nil || any(d.GetUID()) != uid || d.GetDeletionTimestamp() != nil {
		c.Error("the definition is gone, or another one")
	}
	if c.get(services, c.namespace, "kept") == nil {
		c.Error("the GoService is gone")
	}
	manifest, _, err := c.helm.template(c.request("any", everythingThatIsKnown).request)
	c.must(err)
	for document := range strings.SplitSeq(manifest, "\n---\n") {
		o := &unstructured.Unstructured{Object: fromYAML(c.T, document)}
		if o.Object != nil && o.GetKind() != "CustomResourceDefinition" && c.get(o.GroupVersionKind(), o.GetNamespace(), o.GetName()) != nil {
			c.Errorf("%s %s is still there", o.GetKind(), o.GetName())
		}
	}
}

func TestTheDefinitionStaysUnlessItIsGivenUp(t *testing.T) {
	onACluster(t, func(c *cluster) {
		c.must(c.helm.install(c.getter(), c.request("operator", nil)))
		c.serves(true)
		c.must(c.Create(c.Context(), service(c.namespace, "kept")))

		// It leaves the release, as where another tool takes care of it, but not the cluster.
		c.must(c.helm.upgrade(c.getter(), c.request("operator", values{"crds": values{"install": false}})))
		if c.definition() == nil || c.get(services, c.namespace, "kept") == nil {
			t.Fatal("the definition is gone")
		}
		c.must(c.helm.upgrade(c.getter(), c.request("operator", nil)))

		c.must(c.helm.upgrade(c.getter(), c.request("operator", values{"crds": values{"keep": false}})))
		c.must(c.helm.uninstall(c.getter(), c.namespace, "operator"))
		c.eventually("the definition goes with the release", func() bool { return c.definition() == nil })
	})
}

// Two operators in one cluster would both write the same objects. The names do not depend on the release's, so the second one is
// refused before anything is created.
func TestASecondReleaseIsRefused(t *testing.T) {
	onACluster(t, func(c *cluster) {
		c.must(c.helm.install(c.getter(), c.request("first", nil)))
		r := c.request("second", values{"crds": values{"install": false}})
		r.namespace = c.namespace + "-second"
		if err := c.helm.install(c.getter(), r); err == nil || !strings.Contains(err.Error(), "exists and cannot be imported into the current release") {
			t.Errorf("error is %v", err)
		}
		if c.get(deployments, r.namespace, "goservice-controller-manager") != nil {
			t.Error("there is a second operator")
		}
	})
}

// Somebody who has installed the manifests goes over to the chart without a gap: same names, same selector.
func TestTheChartTakesOverWhatKustomizeInstalled(t *testing.T) {
	onACluster(t, func(c *cluster) {
		c.namespace = "goservice-system"
		objects, err := kustomize(configFolder)
		c.must(err)
		// The namespace first, as kubectl sorts them.
		slices.SortStableFunc(objects, func(a, b object) int {
			return strings.Compare(asText(b["kind"] == "Namespace"), asText(a["kind"] == "Namespace"))
		})
		for _, o := range objects {
			c.must(c.Apply(c.Context(), client.ApplyConfigurationFromUnstructured(&unstructured.Unstructured{Object: asJSON(t, o)}),
				client.FieldOwner("goservice-install"), client.ForceOwnership))
		}
		before := c.operator()

		r := c.request("operator", values{"image": values{"tag": "v9"}})
		if c.helm.install(c.getter(), r) == nil {
			t.Error("it takes what it does not own without being asked")
		}
		r.takeOwnership, r.forceConflicts = true, true
		c.must(c.helm.install(c.getter(), r))
		after := c.operator()
		if before.GetUID() != after.GetUID() {
			t.Error("the Deployment was replaced")
		}
		if image := asText(at(after.Object, manager+"image")); image != `"goservice.dev/manager:v9"` {
			t.Errorf("the image is %s", image)
		}
		if after.GetLabels()["app.kubernetes.io/managed-by"] != "Helm" {
			t.Errorf("the labels are %v", after.GetLabels())
		}
		c.must(c.helm.uninstall(c.getter(), c.namespace, "operator"))
		if c.get(namespaces, "", c.namespace) == nil || c.definition() == nil {
			t.Error("the namespace or the definition is gone")
		}
	})
}

// Helm keeps chart and manifest of each revision in a Secret, which may have 1 MiB.
func TestAReleaseFitsIntoItsSecret(t *testing.T) {
	onACluster(t, func(c *cluster) {
		c.must(c.helm.install(c.getter(), c.request("operator", everythingThatIsKnown)))
		secret := c.get(secrets, c.namespace, "sh.helm.release.v1.operator.v1")
		text, err := json.Marshal(secret)
		c.must(err)
		if len(text) > 512<<10 {
			t.Errorf("the Secret has %d bytes: half of what it may have is for what is to come", len(text))
		}
		t.Logf("%d bytes", len(text))
	})
}

// The operator's Roles follow the namespaces that it watches, over upgrades and a rollback, and none is left.
func TestRolesFollowTheNamespacesThatAreWatched(t *testing.T) {
	roles := schema.GroupVersionKind{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "Role"}
	bindings := schema.GroupVersionKind{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "RoleBinding"}
	_, role, _ := strings.Cut(managerRole, "/")
	_, binding, _ := strings.Cut(managerBinds, "/")
	onACluster(t, func(c *cluster) {
		all := []string{c.namespace + "-a", c.namespace + "-b", c.namespace + "-c"}
		for _, name := range all {
			o := &unstructured.Unstructured{}
			o.SetGroupVersionKind(namespaces)
			o.SetName(name)
			c.must(c.Create(c.Context(), o))
		}
		watched := func(want ...string) {
			t.Helper()
			for _, name := range all {
				is := slices.Contains(want, name)
				if c.get(roles, name, role) != nil != is || c.get(bindings, name, binding) != nil != is {
					t.Errorf("watched are %v; the Role in %s: %v", want, name, !is)
				}
			}
		}
		watch := func(names ...any) change { return c.request("operator", values{"watchNamespaces": names}) }
		c.must(c.helm.install(c.getter(), watch(all[0], all[1])))
		watched(all[0], all[1])
		c.must(c.helm.upgrade(c.getter(), watch(all[1], all[2])))
		watched(all[1], all[2])
		c.must(c.helm.rollback(c.getter(), c.namespace, "operator", 1))
		watched(all[0], all[1])
		c.must(c.helm.upgrade(c.getter(), watch())) // without any value, Helm takes those of the release before
		watched()
		c.must(c.helm.upgrade(c.getter(), watch(all[0])))
		c.must(c.helm.uninstall(c.getter(), c.namespace, "operator"))
		watched()
	})
}

// Upgrading with the same values changes nothing: no operator restarts.
func TestAnUpgradeToTheSameChangesNothing(t *testing.T) {
	onACluster(t, func(c *cluster) {
		r := c.request("operator", everythingThatIsKnown)
		c.must(c.helm.install(c.getter(), r))
		before := c.operator()
		c.must(c.helm.upgrade(c.getter(), r))
		after := c.operator()
		if difference := cmp.Diff(before.Object["spec"], after.Object["spec"]); difference != "" || before.GetGeneration() != after.GetGeneration() {
			t.Errorf("generation %d, then %d\n%s", before.GetGeneration(), after.GetGeneration(), difference)
		}
	})
}
