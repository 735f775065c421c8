// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package apply

import (
	"bytes"
	"fmt"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"goservice.dev/operator/controllers/internal/build"
)

// An apply removes only those fields that its manager owns and that it does not have any more. A field without an owner stays for good: one
// that the server defaulted, one whose manager was removed, one of another version of the API. So all of a spec is taken.

// takenOver are the managers of an object's fields once those who wrote its spec have handed their fields to FieldManager, which owns the
// whole spec then. Controllers, which write a status, a scale, or an annotation of theirs, keep theirs.
func takenOver(found *unstructured.Unstructured) ([]metav1.ManagedFieldsEntry, error) {
	taken := specFields(found)
	var entries []metav1.ManagedFieldsEntry
	for _, entry := range found.GetManagedFields() {
		if entry.Subresource != "" || entry.FieldsV1 == nil || !Ours(entry) && !bytes.Contains(entry.FieldsV1.GetRawBytes(), []byte(`"f:spec"`)) {
			entries = append(entries, entry)
			continue
		}
		var owned fieldpath.Set
		if err := owned.FromJSON(bytes.NewReader(entry.FieldsV1.GetRawBytes())); err != nil {
			return nil, fmt.Errorf("reading the fields of the manager %q: %w", entry.Manager, err)
		}
		owned.Iterate(func(path fieldpath.Path) {
			// What one version of the API calls a field may be none in another; only the metadata is the same.
			if entry.APIVersion == found.GetAPIVersion() || inMetadata(path) {
				taken.Insert(path.Copy())
			}
		})
	}
	kept := fieldpath.NewSet()
	taken.Iterate(func(path fieldpath.Path) {
		if !stays(found.GetKind(), path) {
			kept.Insert(path.Copy())
		}
	})
	if kept.Empty() {
		return entries, nil
	}
	encoded, err := kept.ToJSON()
	if err != nil {
		return nil, err
	}
	return append(entries, metav1.ManagedFieldsEntry{
		Manager: FieldManager, Operation: metav1.ManagedFieldsOperationApply, APIVersion: found.GetAPIVersion(),
		FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(string(encoded)),
	}), nil
}

// typeConverter knows the lists of Kubernetes' types whose elements have keys. It is made on the first use: its schema is large.
var typeConverter = sync.OnceValue(func() managedfields.TypeConverter { return applyconfigurations.NewTypeConverter(scheme.Scheme) })

// specFields are the fields that an object's spec has, whoever owns them; none where a newer API server has one that is not known here.
func specFields(found *unstructured.Unstructured) *fieldpath.Set {
	only := map[string]any{"apiVersion": found.GetAPIVersion(), "kind": found.GetKind()}
	if spec, has := found.Object["spec"]; has {
		only["spec"] = spec
	}
	value, err := typeConverter().ObjectToTyped(&unstructured.Unstructured{Object: only})
	if err != nil {
		return fieldpath.NewSet()
	}
	all, err := value.ToFieldSet()
	if err != nil {
		return fieldpath.NewSet()
	}
	result := fieldpath.NewSet()
	all.Iterate(func(path fieldpath.Path) {
		if isField(path[0], "spec") {
			result.Insert(path.Copy())
		}
	})
	return result
}

// assigned are fields of Services that no GoService has and that clients may depend on: what the cluster assigned, what nobody can change,
// and how they are reached.
var assigned = sets.New(
	"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort", "nodePort",
	"loadBalancerClass", "loadBalancerIP", "externalIPs", "allocateLoadBalancerNodePorts",
)

// guards are annotations that keep a tool which still knows the object from deleting it.
var guards = sets.New("helm.sh/resource-policy", "argocd.argoproj.io/sync-options", "kustomize.toolkit.fluxcd.io/prune")

// stays reports whether a field of an object of a kind keeps its value without a manager: what the cluster assigned, what holds an object,
// what keeps it from being deleted, and the annotations of Services, by which load balancers and names in the DNS are made.
func stays(kind string, path fieldpath.Path) bool {
	if !inMetadata(path) {
		last := path[len(path)-1].FieldName
		return kind == build.ServiceKind.Kind && last != nil && assigned.Has(*last)
	}
	switch {
	case len(path) > 1 && (isField(path[1], "finalizers") || isField(path[1], "ownerReferences")):
		return true
	case len(path) > 2 && isField(path[1], "annotations") && path[2].FieldName != nil:
		return kind == build.ServiceKind.Kind || guards.Has(*path[2].FieldName)
	}
	return false
}

func inMetadata(path fieldpath.Path) bool { return isField(path[0], "metadata") }

func isField(element fieldpath.PathElement, name string) bool {
	return element.FieldName != nil && *element.FieldName == name
}
