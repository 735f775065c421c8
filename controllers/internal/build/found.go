// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/value"
)

// found is the template of a Deployment that does not keep it, as operators before templates were kept left it.
type found struct {
	// template holds the fields that the operator owns, and their present values.
	template json.RawMessage
	// others are the fields that somebody else owns and the operator does not.
	others *fieldpath.Set
}

var templatePath = []fieldpath.PathElement{field("spec"), field("template")}

func field(name string) fieldpath.PathElement { return fieldpath.PathElement{FieldName: &name} }

// FoundTemplate takes the template of a live Deployment with managed fields that keeps none, by the fields that manager owns;
// nil if it owns none. The caller knows that the template is the user's spec, applied.
func FoundTemplate(live *unstructured.Unstructured, manager string) (*Template, error) {
	ours, others := &fieldpath.Set{}, &fieldpath.Set{}
	for _, entry := range live.GetManagedFields() {
		if entry.FieldsV1 == nil || entry.Subresource != "" {
			continue
		}
		var owned fieldpath.Set
		if err := owned.FromJSON(bytes.NewReader(entry.FieldsV1.GetRawBytes())); err != nil {
			return nil, fmt.Errorf("reading the field managers of Deployment %q: %w", live.GetName(), err)
		}
		inTemplate := &owned
		for _, element := range templatePath {
			inTemplate = inTemplate.WithPrefix(element)
		}
		if entry.Manager == manager && entry.Operation == metav1.ManagedFieldsOperationApply {
			ours = inTemplate
		} else {
			others = others.Union(inTemplate)
		}
	}
	if ours.Empty() {
		return nil, nil
	}
	template, _, err := unstructured.NestedFieldNoCopy(live.Object, "spec", "template")
	if err != nil {
		return nil, err
	}
	kept, _ := only(template, ours)
	encoded, err := json.Marshal(kept)
	if err != nil {
		return nil, err
	}
	return &Template{found: &found{encoded, others.Difference(ours)}}, nil
}

// editedIn reports whether somebody changed a field that a rendered template has, and so took it from the operator. What
// others added is no edit.
func (f *found) editedIn(rendered json.RawMessage) bool {
	var content map[string]any
	if err := utiljson.Unmarshal(rendered, &content); err != nil {
		return true
	}
	_, edited := only(content, f.others)
	return edited
}

// equals reports whether a rendered template is what was found.
func (f *found) equals(rendered json.RawMessage) bool {
	var a, b map[string]any
	return utiljson.Unmarshal(f.template, &a) == nil && utiljson.Unmarshal(rendered, &b) == nil && reflect.DeepEqual(a, b)
}

// only keeps of a value the fields in a set, and reports whether there are any besides the keys of list elements.
func only(content any, set *fieldpath.Set) (kept any, some bool) {
	switch content := content.(type) {
	case map[string]any:
		result := map[string]any{}
		for name, child := range content {
			element := field(name)
			if below := set.WithPrefix(element); !below.Empty() {
				if part, has := only(child, below); has {
					result[name], some = part, true
				}
			} else if set.Members.Has(element) {
				result[name], some = child, true
			}
		}
		return result, some
	case []any:
		var result []any
		for _, child := range content {
			if part, has := onlyOfElement(child, set); has {
				result, some = append(result, part), true
			}
		}
		return result, some
	}
	return nil, false
}

// onlyOfElement keeps of a list's element the fields in a set that names elements by their keys.
func onlyOfElement(element any, set *fieldpath.Set) (kept any, some bool) {
	find := func(candidate fieldpath.PathElement) {
		if candidate.Key == nil || !hasKey(element, *candidate.Key) {
			return
		}
		var part any
		if part, some = only(element, set.WithPrefix(candidate)); !some {
			return
		}
		if fields, is := part.(map[string]any); is {
			for _, key := range *candidate.Key {
				fields[key.Name] = key.Value.Unstructured()
			}
		}
		kept = part
	}
	set.Children.Iterate(find)
	return kept, some
}

func hasKey(element any, keys value.FieldList) bool {
	fields, is := element.(map[string]any)
	if !is {
		return false
	}
	for _, key := range keys {
		present, exists := fields[key.Name]
		if !exists || !value.Equals(value.NewValueInterface(present), key.Value) {
			return false
		}
	}
	return true
}
