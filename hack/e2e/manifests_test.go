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

// mostOutstanding requests of a stream can be on their way: more than come within the time after which its client gives up, so that
// a machine that stands still for a while leaves none out.
const mostOutstanding = 5_000

// roomy is a pool with a worker for every request that all streams of a test can have on their way. A pod with it refuses none for
// want of room, however slow the machine is.
var roomy = map[string]any{"workers": 4 * mostOutstanding, "queueDepth": 4 * mostOutstanding}

// fixed is a service of a fixed size with a limit that pods divide equally. They have room for all, and for the requests of five
// seconds at the limit at once: those that were held up on a slow machine come together.
func fixed(name string, replicas, requestsPerSecond int) string {
	return manifest(name, map[string]any{
		"replicas":  replicas,
		"rateLimit": map[string]any{"requestsPerSecond": requestsPerSecond, "burst": 5 * requestsPerSecond},
		"pool":      roomy,
		"resources": smallResources,
	})
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
