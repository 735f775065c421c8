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
	for field, value := range desired.Object {
		if field == "apiVersion" || field == "kind" {
			continue // typed objects from a cache leave these out
		}
		if !contains(content[field], value) {
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

// contains reports whether every value of desired is in live. Elements of a list of objects may have company.
func contains(live, desired any) bool {
	switch want := desired.(type) {
	case map[string]any:
		have, is := live.(map[string]any)
		if !is {
			return len(want) == 0 && live == nil
		}
		for key, value := range want {
			if !contains(have[key], value) {
				return false
			}
		}
		return true
	case []any:
		have, is := live.([]any)
		if !is {
			return len(want) == 0 && live == nil
		}
		return containsAll(have, want)
	default:
		return equalScalars(live, desired)
	}
}

func containsAll(have, want []any) bool {
	for i, element := range want {
		if i < len(have) && contains(have[i], element) {
			continue
		}
		if _, isObject := element.(map[string]any); !isObject || !containsAny(have, element) {
			return false
		}
	}
	return true
}

func containsAny(have []any, element any) bool {
	for _, candidate := range have {
		if contains(candidate, element) {
			return true
		}
	}
	return false
}

// equalScalars compares leaves. Empty ones equal absent ones, since servers leave those out, and numbers compare by value.
func equalScalars(live, desired any) bool {
	if live == nil {
		return desired == nil || reflect.ValueOf(desired).IsZero()
	}
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
