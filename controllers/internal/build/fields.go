// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import "strings"

// usersFields leads from the fields of a Deployment to those of the GoService that they were taken from.
var usersFields = func() *strings.Replacer {
	const pod = "spec.template.spec."
	const container = pod + "containers[0]."
	pairs := []string{"spec.template.metadata.labels", "spec.pod.labels", "spec.template.metadata.annotations", "spec.pod.annotations"}
	for _, field := range []string{"nodeSelector", "tolerations", "affinity", "topologySpreadConstraints", "priorityClassName", "serviceAccountName"} {
		pairs = append(pairs, pod+field, "spec.pod."+field)
	}
	for _, field := range []string{"image", "imagePullPolicy", "envFrom", "resources"} {
		pairs = append(pairs, container+field, "spec."+field)
	}
	return strings.NewReplacer(append(pairs, pod+"imagePullSecrets", "spec.imagePullSecrets")...)
}()

// InUsersTerms names in what the API server says of a child the fields that the user wrote.
func InUsersTerms(text string) string { return usersFields.Replace(text) }
