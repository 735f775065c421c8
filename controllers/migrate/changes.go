// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"maps"
	"slices"
	"strings"
)

// Change is a field of the pod template that the GoService's pods have otherwise than those of the Deployment.
type Change struct {
	// Path in the pod template, such as spec.terminationGracePeriodSeconds.
	Path string
	// Was and Is are its values, in one line; empty where the field is not set. Defaults of Kubernetes count as not set.
	Was, Is string
}

// changes are what a rolling update to the GoService's pods replaces, in the order of the paths.
func (c *conversion) changes() ([]Change, error) {
	built, err := builtTemplate(c.result)
	if err != nil {
		return nil, err
	}
	var changes []Change
	value := func(value any) string {
		if value == nil {
			return ""
		}
		return shown(value)
	}
	changed("", canonicalTemplate(&c.from.deployment.Spec.Template), canonicalTemplate(built), func(path string, was, is any) {
		changes = append(changes, Change{path, value(was), value(is)})
	})
	return changes, nil
}

// changed calls visit as different does, but once for what is only on one side: a person wants to read of a variable that comes, and not of
// each of its fields.
func changed(path string, one, other any, visit func(path string, one, other any)) {
	left, isMap := one.(map[string]any)
	right, areMaps := other.(map[string]any)
	lefts, isList := one.([]any)
	rights, areLists := other.([]any)
	switch {
	case isMap && areMaps:
		keys := slices.AppendSeq(slices.Collect(maps.Keys(left)), maps.Keys(right))
		slices.Sort(keys)
		for _, key := range slices.Compact(keys) {
			changed(strings.TrimPrefix(path+"."+key, "."), left[key], right[key], visit)
		}
	case isList && areLists:
		differentLists(path, lefts, rights, func(path string, one, other any) { changed(path, one, other, visit) })
	case !equal(one, other):
		visit(path, one, other)
	}
}
