// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import "testing"

func TestComplaintsNameTheUsersFields(t *testing.T) {
	for said, want := range map[string]string{
		"spec.template.spec.affinity.podAffinity: Required":                                       "spec.pod.affinity.podAffinity: Required",
		"[spec.template.spec.containers[0].imagePullPolicy: a, spec.template.metadata.labels: b]": "[spec.imagePullPolicy: a, spec.pod.labels: b]",
		"spec.template.spec.containers[0].env[11].name: a":                                        "spec.template.spec.containers[0].env[11].name: a",
		"quota exceeded": "quota exceeded",
	} {
		if got := InUsersTerms(said); got != want {
			t.Errorf("%q is told as %q, want %q", said, got, want)
		}
	}
}
