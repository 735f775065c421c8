// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package apply

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"goservice.dev/operator/controllers/internal/build"
)

const (
	updates = metav1.ManagedFieldsOperationUpdate
	applies = metav1.ManagedFieldsOperationApply
)

// in another version of the API, or in a subresource.
func in(version, subresource string, entry metav1.ManagedFieldsEntry) metav1.ManagedFieldsEntry {
	entry.APIVersion, entry.Subresource = version, subresource
	return entry
}

// managersOf are the managers of an object's fields as "manager operation version subresource: fields".
func managersOf(t *testing.T, entries []metav1.ManagedFieldsEntry) []string {
	t.Helper()
	var all []string
	for _, entry := range entries {
		var set fieldpath.Set
		var paths []string
		if entry.FieldsV1 != nil {
			if err := set.FromJSON(bytes.NewReader(entry.FieldsV1.GetRawBytes())); err != nil {
				t.Fatal(err)
			}
			set.Iterate(func(path fieldpath.Path) { paths = append(paths, path.String()) })
			slices.Sort(paths)
		}
		all = append(all, strings.TrimSpace(strings.Join([]string{entry.Manager, string(entry.Operation), entry.APIVersion, entry.Subresource}, " "))+": "+strings.Join(paths, " "))
	}
	return all
}

// All of a spec is taken, whoever owns it; of the metadata what those have who wrote the spec. Controllers keep theirs.
func TestWhoOwnsTheFieldsOfWhatIsTaken(t *testing.T) {
	const ours = FieldManager + " Apply "
	cases := map[string]struct {
		kind     schema.GroupVersionKind
		spec     string
		managers []metav1.ManagedFieldsEntry
		want     []string
	}{
		"two who wrote the spec, and some who did not": {
			deploymentKind, `{replicas: 3}`,
			[]metav1.ManagedFieldsEntry{
				in("apps/v1", "", manager("kubectl-set", updates, `{"f:spec":{"f:paused":{}}}`)),
				in("apps/v1", "", manager("helm", applies, `{"f:metadata":{"f:labels":{"f:app":{}}},"f:spec":{"f:replicas":{}}}`)),
				in("apps/v1", "", manager("kubectl-annotate", updates, `{"f:metadata":{"f:annotations":{"f:goservice.dev/adopt":{}}}}`)),
				in("apps/v1", "scale", manager("kube-controller-manager", updates, `{"f:spec":{"f:replicas":{}}}`)),
				in("apps/v1", "status", manager("kube-controller-manager", updates, `{"f:status":{"f:replicas":{}}}`)),
				{Manager: "nobody", Operation: updates},
			},
			[]string{
				"kubectl-annotate Update apps/v1: .metadata.annotations.goservice.dev/adopt",
				"kube-controller-manager Update apps/v1 scale: .spec.replicas", "kube-controller-manager Update apps/v1 status: .status.replicas", "nobody Update: ",
				ours + "apps/v1: .metadata.labels.app .spec.paused .spec.replicas",
			},
		},
		"what the operator applied itself once": {
			deploymentKind, `{replicas: 3}`,
			[]metav1.ManagedFieldsEntry{
				in("apps/v1", "", manager(FieldManager, applies, `{"f:metadata":{"f:annotations":{"f:goservice.dev/applied":{}}}}`)),
				in("apps/v1", "", manager(FieldManager, updates, `{"f:metadata":{"f:labels":{"f:app":{}}}}`)),
				in("apps/v1", "", manager(seedManager, applies, `{"f:spec":{"f:replicas":{}}}`)),
			},
			[]string{FieldManager + " Update apps/v1: .metadata.labels.app", ours + "apps/v1: .metadata.annotations.goservice.dev/applied .spec.replicas"},
		},
		"nobody, as after the managers were removed, and lists with keys": {
			deploymentKind, `{strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1}}, template: {spec: {containers: [{name: app, env: [{name: A, value: b}]}]}}}`, nil,
			[]string{ours + `apps/v1: .spec.strategy.rollingUpdate.maxSurge .spec.strategy.type .spec.template.spec.containers[name="app"]` +
				` .spec.template.spec.containers[name="app"].env[name="A"] .spec.template.spec.containers[name="app"].env[name="A"].name .spec.template.spec.containers[name="app"].env[name="A"].value` +
				` .spec.template.spec.containers[name="app"].name`},
		},
		"another version of the API": {
			autoscalerKind, `{maxReplicas: 9, behavior: {scaleDown: {selectPolicy: Disabled}}}`,
			[]metav1.ManagedFieldsEntry{
				in("autoscaling/v1", "", manager("kubectl", updates, `{"f:metadata":{"f:labels":{"f:app":{}}},"f:spec":{"f:targetCPUUtilizationPercentage":{},"f:maxReplicas":{}}}`)),
			},
			[]string{ours + "autoscaling/v2: .metadata.labels.app .spec.behavior.scaleDown.selectPolicy .spec.maxReplicas"},
		},
		"a field that is not known here": {
			deploymentKind, `{replicas: 3, novelty: true}`,
			[]metav1.ManagedFieldsEntry{in("apps/v1", "", manager("helm", applies, `{"f:spec":{"f:novelty":{}}}`))},
			[]string{ours + "apps/v1: .spec.novelty"},
		},
		"an object without a spec": {
			accountKind, "", []metav1.ManagedFieldsEntry{in("v1", "", manager("kubectl", updates, `{"f:metadata":{"f:annotations":{"f:role":{}}}}`))},
			[]string{"kubectl Update v1: .metadata.annotations.role"},
		},
		"a Deployment without a spec": {
			deploymentKind, "", []metav1.ManagedFieldsEntry{in("apps/v1", "", manager("kubectl", updates, `{"f:metadata":{"f:annotations":{"f:role":{}}}}`))},
			[]string{"kubectl Update apps/v1: .metadata.annotations.role"},
		},
		"all of the metadata": {
			deploymentKind, `{replicas: 3}`, []metav1.ManagedFieldsEntry{in("apps/v1", "", manager("helm", applies, `{"f:metadata":{".":{},"f:labels":{"f:app":{}}},"f:spec":{"f:replicas":{}}}`))},
			[]string{ours + "apps/v1: .metadata .metadata.labels.app .spec.replicas"},
		},
		"a Service: what the cluster assigned, and how load balancers are made": {
			serviceKind, `{type: LoadBalancer, clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1], ipFamilies: [IPv4], ipFamilyPolicy: SingleStack, healthCheckNodePort: 30001,
				loadBalancerClass: a/b, loadBalancerIP: 10.0.0.2, externalIPs: [10.0.0.3], allocateLoadBalancerNodePorts: false, ports: [{port: 80, protocol: TCP, nodePort: 30000}]}`,
			[]metav1.ManagedFieldsEntry{
				in("v1", "", manager("helm", updates, `{"f:metadata":{"f:annotations":{".":{},"f:internal":{}},"f:finalizers":{".":{},"v:\"a\"":{}},"f:ownerReferences":{"k:{\"uid\":\"a\"}":{}},"f:labels":{"f:app":{}}},"f:spec":{"f:clusterIP":{}}}`)),
			},
			[]string{ours + `v1: .metadata.annotations .metadata.labels.app .spec.ports[port=80,protocol="TCP"] .spec.ports[port=80,protocol="TCP"].port .spec.ports[port=80,protocol="TCP"].protocol .spec.type`},
		},
		"what keeps tools from deleting it": {
			deploymentKind, `{replicas: 3}`,
			[]metav1.ManagedFieldsEntry{in("apps/v1", "", manager("helm", applies,
				`{"f:metadata":{"f:annotations":{"f:helm.sh/resource-policy":{},"f:argocd.argoproj.io/sync-options":{},"f:kustomize.toolkit.fluxcd.io/prune":{},"f:reloader":{}}},"f:spec":{"f:replicas":{}}}`))},
			[]string{ours + "apps/v1: .metadata.annotations.reloader .spec.replicas"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			found := foreign(t, c.kind, "checkout", c.spec)
			if c.spec == "" {
				delete(found.Object, "spec")
			}
			found.SetManagedFields(c.managers)
			before := found.DeepCopy()
			entries, err := takenOver(found)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, managersOf(t, entries)); diff != "" {
				t.Errorf("managers (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before.Object, found.Object); diff != "" {
				t.Errorf("the object itself was changed (-before +after):\n%s", diff)
			}
		})
	}
}

// One patch takes an object: its owner, its managers, its label, and no annotation of the former manager's that would mislead.
func TestWhatTakingWrites(t *testing.T) {
	found := foreign(t, deploymentKind, "checkout", `{replicas: 3}`, func(o *unstructured.Unstructured) {
		o.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: "n", UID: "plain"}})
	})
	key, marker := build.HandedOver()
	for _, template := range []json.RawMessage{nil, []byte(`{}`)} {
		patch, err := taking(passOf(nil), &build.Child{Kind: deploymentKind, Name: "checkout", Template: template}, found)
		if err != nil {
			t.Fatal(err)
		}
		annotations := map[string]any{build.AnnotationAdopt: nil, "kubectl.kubernetes.io/last-applied-configuration": nil}
		if template != nil {
			annotations[key] = marker
		}
		var got map[string]map[string]any
		if err := json.Unmarshal(patch, &got); err != nil {
			t.Fatal(err)
		}
		if managers, _ := got["metadata"]["managedFields"].([]any); len(managers) != 1 {
			t.Errorf("managers: %v", managers)
		}
		delete(got["metadata"], "managedFields")
		want := map[string]map[string]any{"metadata": {
			"uid": "uid-checkout", "resourceVersion": "50", "labels": map[string]any{build.LabelManagedBy: build.ManagedBy}, "annotations": annotations,
			"ownerReferences": []any{
				map[string]any{"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "plain"},
				map[string]any{"apiVersion": "goservice.dev/v1alpha1", "kind": "GoService", "name": "checkout", "uid": "owner", "controller": true, "blockOwnerDeletion": true},
			},
		}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("patch (-want +got):\n%s", diff)
		}
	}
}
