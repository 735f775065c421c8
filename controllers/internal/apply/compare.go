// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package apply

import (
	"encoding/json"
	"reflect"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// covers reports whether a live object holds every value that would be applied. Together with the hash of what was applied
// last, which is one of those values, this is exact: a changed or removed value of ours makes it false, a field that the
// server defaulted or that somebody else added does not.
func covers(live client.Object, desired *unstructured.Unstructured) (bool, error) {
	content, err := contentOf(live)
	if err != nil {
		return false, err
	}
	digest, reduced := content[digestField].(string)
	if reduced {
		if same, err := coversDigest(digest, desired); err != nil || !same {
			return false, err
		}
	}
	for field, value := range desired.Object {
		if field == "apiVersion" || field == "kind" || reduced && field == "spec" {
			continue // typed objects from a cache leave the first two out
		}
		if !contains(field, content[field], value) {
			return false, nil
		}
	}
	return true, nil
}

func contentOf(object client.Object) (map[string]any, error) {
	if u, is := object.(*unstructured.Unstructured); is {
		return u.Object, nil
	}
	return runtime.DefaultUnstructuredConverter.ToUnstructured(object)
}

// wholeFields are maps and lists that an apply replaces as a whole, in the kinds that are emitted: company in one of them,
// such as one more label in the selector of a Service, is a drift as much as a changed value. The rules of an Ingress and their
// paths are none, although an apply replaces them, too: cert-manager adds a path of its own while a certificate is issued.
var wholeFields = map[string]bool{
	"selector": true, "labelSelector": true, "matchLabels": true, "nodeSelector": true, "podSelector": true,
	"metrics": true, "endpoints": true, "envFrom": true, "tolerations": true, "items": true, "policies": true,
	"parentRefs": true, "matches": true, "backendRefs": true,
	"requiredDuringSchedulingIgnoredDuringExecution":  true,
	"preferredDuringSchedulingIgnoredDuringExecution": true,
}

// exactFields have no company anywhere below: whoever adds to a rule of a NetworkPolicy changes what it means.
var exactFields = map[string]bool{"ingress": true}

// contains reports whether every value of desired is in the live value of a field. Maps and lists of objects may have
// company unless they are whole fields.
func contains(field string, live, desired any) bool {
	if exactFields[field] {
		return reflect.DeepEqual(live, desired)
	}
	switch want := desired.(type) {
	case map[string]any:
		have, is := live.(map[string]any)
		if !is {
			return len(want) == 0 && live == nil
		}
		if wholeFields[field] && len(have) != len(want) {
			return false
		}
		for key, value := range want {
			if !contains(key, have[key], value) {
				return false
			}
		}
		return true
	case []any:
		have, is := live.([]any)
		if !is {
			return len(want) == 0 && live == nil
		}
		return containsAll(field, have, want)
	default:
		return equalScalars(live, desired)
	}
}

func containsAll(field string, have, want []any) bool {
	if wholeFields[field] && len(have) != len(want) {
		return false
	}
	for i, element := range want {
		if _, isObject := element.(map[string]any); !isObject {
			if len(have) != len(want) || !contains("", have[i], element) {
				return false // lists of plain values are replaced as a whole, too
			}
			continue
		}
		if (i >= len(have) || !contains("", have[i], element)) && !containsAny(have, element) {
			return false
		}
	}
	return true
}

func containsAny(have []any, element any) bool {
	for _, candidate := range have {
		if contains("", candidate, element) {
			return true
		}
	}
	return false
}

// equalScalars compares leaves, numbers by value. An absent one equals none, not even false: often its default is true.
func equalScalars(live, desired any) bool {
	if a, isNumber := number(live); isNumber {
		b, alsoNumber := number(desired)
		return alsoNumber && a == b
	}
	return live == desired
}

func number(value any) (float64, bool) {
	switch n := value.(type) {
	case int64:
		return float64(n), true
	case float64:
		return n, true
	case int:
		return float64(n), true
	case int32:
		return float64(n), true
	case json.Number:
		f, err := n.Float64()
		return f, err == nil
	}
	return 0, false
}
