// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// smallResources let many pods fit onto a small node.
var smallResources = map[string]any{
	"requests": map[string]any{"cpu": "20m", "memory": "32Mi"},
	"limits":   map[string]any{"memory": "128Mi"},
}

// manifest is what a user would write, as JSON, which is YAML as well.
func manifest(name string, spec map[string]any) string {
	encoded, err := json.Marshal(map[string]any{
		"apiVersion": "goservice.dev/v1alpha1", "kind": "GoService",
		"metadata": map[string]any{"name": name}, "spec": spec,
	})
	if err != nil {
		panic(err)
	}
	return string(encoded)
}

func eachObject(list client.ObjectList, visit func(client.Object)) error {
	return meta.EachListItem(list, func(item runtime.Object) error {
		object, is := item.(client.Object)
		if !is {
			return fmt.Errorf("%T is no API object", item)
		}
		visit(object)
		return nil
	})
}
