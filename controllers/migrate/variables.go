// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// deduplicate leaves out of variables with the same name all but the last, which is the one in force. A value in between that refers to
// an earlier one has its text instead.
func (c *conversion) deduplicate(container *corev1.Container, at string) {
	last := map[string]int{}
	for i := range container.Env {
		last[container.Env[i].Name] = i
	}
	var kept []corev1.EnvVar
	earlier := map[string]*corev1.EnvVar{} // that are left out, and in force up to the next one of the name
	for i := range container.Env {
		variable := container.Env[i]
		at := at + ".env[" + variable.Name + "]"
		variable.Value = references.ReplaceAllStringFunc(variable.Value, func(reference string) string {
			found := earlier[strings.TrimSuffix(strings.TrimPrefix(reference, "$("), ")")]
			switch {
			case found == nil:
				return reference
			case found.ValueFrom != nil:
				c.inPods(Lost, at, variable.Value, "%s is there twice, and the earlier one, which this refers to, is left out: give that one another name", found.Name)
				return reference
			}
			return found.Value
		})
		delete(earlier, variable.Name)
		if last[variable.Name] != i {
			c.inPods(Changed, at, canonical(variable), "it is there twice, and the last one counts: the others are left out")
			earlier[variable.Name] = &variable
			continue
		}
		kept = append(kept, variable)
	}
	container.Env = kept
}

// references to variables in a value; $$ is an escaped $.
var references = regexp.MustCompile(`\$\$|\$\([^)]*\)`)
