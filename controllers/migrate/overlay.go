// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/strategicpatch"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/plan"
)

const (
	directive = "$patch"
	replace   = "replace"
	remove    = "delete"
)

// builtTemplate is the pod template that the operator makes of a GoService.
func builtTemplate(service *v1alpha1.GoService) (*corev1.PodTemplateSpec, error) {
	desired, err := build.Build(service, plan.Compute(&service.Spec, plan.Observed{}), build.Environment{})
	if err != nil {
		return nil, err
	}
	var template corev1.PodTemplateSpec
	for i := range desired.Children {
		if child := &desired.Children[i]; child.Kind == build.DeploymentKind {
			err = json.Unmarshal(child.Template, &template)
		}
	}
	return &template, err
}

// overlay puts into pod.overlay what no field holds, and notes what the overlay cannot change either.
func (c *conversion) overlay() error {
	built, err := builtTemplate(c.result)
	if err != nil {
		return err
	}
	found, handsOff := c.template.DeepCopy(), build.HandsOff(built)
	c.settle(built)
	wanted := canonicalTemplate(&c.template)
	meta, err := strategicpatch.NewPatchMetaFromStruct(corev1.PodTemplateSpec{})
	if err != nil {
		return err
	}
	patch := patchOf(canonicalTemplate(built), wanted, meta)
	if len(patch) == 0 {
		return nil
	}
	encoded, err := json.Marshal(patch)
	if err != nil {
		return err
	}
	c.pod().Overlay = &runtime.RawExtension{Raw: encoded}
	if built, err = builtTemplate(c.result); err != nil {
		return err
	}
	if handsOff && !build.HandsOff(built) { // something in the overlay keeps pods from sharing their queue, and they get nothing for it
		c.template = *found
		c.settle(built)
		wanted = canonicalTemplate(&c.template)
	}
	different("", wanted, canonicalTemplate(built), func(path string, was, is any) {
		c.inPods(Lost, path, was, "the operator makes it %s, and pod.overlay cannot change that", shown(is))
	})
	return nil
}

// patchOf is what a strategic merge makes wanted of base with, without nulls: those get lost when a client merges manifests. An object
// of which a field must go is replaced, or is that field emptied where nothing means as much.
func patchOf(base, wanted map[string]any, meta strategicpatch.LookupPatchMeta) map[string]any {
	for name := range base {
		if wanted[name] == nil && !slices.Contains(emptiable, name) && !mergesLists(name, meta) {
			replaced := map[string]any{directive: replace}
			for name, content := range wanted {
				replaced[name] = content
			}
			return replaced
		}
	}
	patch := map[string]any{}
	for name, content := range wanted {
		if equal(base[name], content) {
			continue
		}
		patch[name] = content
		switch content := content.(type) {
		case map[string]any:
			if found, is := base[name].(map[string]any); is {
				patch[name] = patchOf(found, content, below(name, meta))
			}
		case []any:
			if found, is := base[name].([]any); is && mergesLists(name, meta) {
				if patch[name] = patchOfList(name, found, content, meta); len(patch[name].([]any)) == 0 {
					delete(patch, name) // another order alone, which such a list does not have; null would empty it
				}
			}
		}
	}
	for name, content := range base {
		if wanted[name] != nil {
			continue
		}
		if elements, is := content.([]any); is {
			patch[name] = patchOfList(name, elements, nil, meta)
		} else {
			patch[name] = map[string]any{directive: replace}
		}
	}
	return patch
}

// mergesLists says whether a list is merged by the keys of its elements.
func mergesLists(name string, meta strategicpatch.LookupPatchMeta) bool {
	_, list, err := meta.LookupPatchMetadataForSlice(name)
	return err == nil && slices.Contains(list.GetPatchStrategies(), "merge") && list.GetPatchMergeKey() != ""
}

func below(name string, meta strategicpatch.LookupPatchMeta) strategicpatch.LookupPatchMeta {
	next, _, err := meta.LookupPatchMetadataForStruct(name)
	if err != nil { // a map, which has no schema
		return meta
	}
	return next
}

// patchOfList changes elements by their key, or the whole list where a key is there twice, as the number of a port over TCP and UDP is.
func patchOfList(name string, base, wanted []any, meta strategicpatch.LookupPatchMeta) []any {
	element, list, err := meta.LookupPatchMetadataForSlice(name)
	if err != nil {
		return wanted
	}
	key := list.GetPatchMergeKey()
	if repeats(base, key) || repeats(wanted, key) {
		return append([]any{map[string]any{directive: replace}}, withProtocols(name, wanted)...)
	}
	at := func(elements []any, value any) map[string]any {
		for i := range elements {
			if object, is := elements[i].(map[string]any); is && equal(object[key], value) {
				return object
			}
		}
		return nil
	}
	var patch []any
	for i := range wanted {
		object, _ := wanted[i].(map[string]any)
		switch found := at(base, object[key]); {
		case equal(found, object):
		case found == nil, name == "volumes": // an overlay's volume takes the place of the other
			patch = append(patch, object)
		default:
			change := patchOf(found, object, element)
			change[key] = object[key]
			patch = append(patch, change)
		}
	}
	for i := range base {
		if object, _ := base[i].(map[string]any); at(wanted, object[key]) == nil {
			patch = append(patch, map[string]any{key: object[key], directive: remove})
		}
	}
	return patch
}

func repeats(elements []any, key string) bool {
	seen := map[string]bool{}
	for i := range elements {
		object, _ := elements[i].(map[string]any)
		value := shown(object[key])
		if seen[value] {
			return true
		}
		seen[value] = true
	}
	return false
}

// withProtocols writes out what the operator has in its ports, and does not let an overlay change.
func withProtocols(name string, elements []any) []any {
	result := slices.Clone(elements)
	for i := range result {
		if port, is := result[i].(map[string]any); is && name == "ports" {
			result[i] = maps.Clone(port)
			result[i].(map[string]any)["protocol"] = cmp.Or(text(port["protocol"]), string(corev1.ProtocolTCP))
		}
	}
	return result
}
