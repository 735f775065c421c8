// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package apply

import (
	"bytes"
	"fmt"
	"maps"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"goservice.dev/operator/controllers/internal/build"
)

// seedFor is what to seed before a child that exists is applied: anew where what the seed was made of has changed, what it has
// where nobody else keeps it, else nothing.
func seedFor(child *build.Child, desired, live client.Object) (map[string]any, error) {
	if child.Seed == nil {
		return nil, nil
	}
	madeOf, known := live.GetAnnotations()[child.SeededFor]
	if known && madeOf != desired.GetAnnotations()[child.SeededFor] {
		return child.Seed, nil
	}
	needed, err := needsSeed(child, live)
	if err != nil || !needed {
		return nil, err
	}
	return currentOf(child.Seed, live), nil
}

// needsSeed reports whether a seeded field of a live object has no manager besides FieldManager, so that it would be reset
// as soon as that one stops applying it.
func needsSeed(child *build.Child, live client.Object) (bool, error) {
	if child.Seed == nil {
		return false, nil
	}
	for _, path := range leafPaths(nil, child.Seed) {
		owned, err := ownedByOthers(live.GetManagedFields(), path)
		if err != nil {
			return false, fmt.Errorf("reading the field managers of %s %q: %w", child.Kind.Kind, child.Name, err)
		}
		if !owned {
			return true, nil
		}
	}
	return false, nil
}

// Ours reports whether an entry is that of the applies of FieldManager.
func Ours(entry metav1.ManagedFieldsEntry) bool {
	return entry.Manager == FieldManager && entry.Operation == metav1.ManagedFieldsOperationApply
}

func ownedByOthers(managers []metav1.ManagedFieldsEntry, path fieldpath.Path) (bool, error) {
	for i := range managers {
		entry := &managers[i]
		if entry.FieldsV1 == nil || Ours(*entry) {
			continue
		}
		var set fieldpath.Set
		if err := set.FromJSON(bytes.NewReader(entry.FieldsV1.GetRawBytes())); err != nil {
			return false, err
		}
		if set.Has(path) {
			return true, nil
		}
	}
	return false, nil
}

func leafPaths(prefix fieldpath.Path, fields map[string]any) []fieldpath.Path {
	var paths []fieldpath.Path
	for name, value := range fields {
		path := append(prefix.Copy(), fieldpath.PathElement{FieldName: &name})
		if nested, is := value.(map[string]any); is {
			paths = append(paths, leafPaths(path, nested)...)
		} else {
			paths = append(paths, path)
		}
	}
	return paths
}

// currentOf takes the values of the seed's fields from a live object, where it has them: a hand-over changes no value.
func currentOf(seed map[string]any, live client.Object) map[string]any {
	content, err := contentOf(live)
	if err != nil {
		return seed
	}
	return overlay(seed, content)
}

func overlay(seed, live map[string]any) map[string]any {
	result := make(map[string]any, len(seed))
	for name, value := range seed {
		current, exists := live[name]
		nested, isObject := value.(map[string]any)
		switch {
		case !exists:
			result[name] = value
		case isObject:
			currentFields, _ := current.(map[string]any)
			result[name] = overlay(nested, currentFields)
		default:
			result[name] = current
		}
	}
	return result
}

// withSeed is a child's content together with its seeded fields.
func withSeed(content, seed map[string]any) map[string]any {
	result := make(map[string]any, len(content)+len(seed))
	maps.Copy(result, content)
	for name, value := range seed {
		if nested, isObject := value.(map[string]any); isObject {
			present, _ := result[name].(map[string]any)
			value = withSeed(present, nested)
		}
		result[name] = value
	}
	return result
}
