// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package apply

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// digestField stands in the place of the spec of an object that was reduced to its digest.
const digestField = "specDigest"

// Digest reduces an object of a kind that nothing but this package reads to what is needed to tell whether it is as it was
// applied: metadata, and a digest in the place of the spec. A PrometheusRule of 70 KB becomes 1 KB.
func Digest(object *unstructured.Unstructured) error {
	if _, already := object.Object[digestField]; already {
		return nil // caches transform some objects twice
	}
	digest, err := digestOf(object.Object["spec"])
	if err != nil {
		return err
	}
	object.Object = map[string]any{
		"apiVersion": object.GetAPIVersion(), "kind": object.GetKind(), "metadata": object.Object["metadata"], digestField: digest,
	}
	return nil
}

func digestOf(spec any) (string, error) {
	encoded, err := json.Marshal(spec) // sorts keys
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:]), nil
}

// coversDigest compares what would be applied with an object that was reduced to its digest. Unlike an object's own values,
// a digest also differs where somebody added to the spec.
func coversDigest(digest string, desired *unstructured.Unstructured) (bool, error) {
	wanted, err := digestOf(desired.Object["spec"])
	return wanted == digest, err
}
