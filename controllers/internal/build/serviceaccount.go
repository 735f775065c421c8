// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
)

var serviceAccountKind = corev1.SchemeGroupVersion.WithKind("ServiceAccount")

// serviceAccount is an identity without rights and without a token, unless the user names another.
func serviceAccount(in input) []Child {
	if in.podSettings().ServiceAccountName != "" {
		return nil
	}
	name := in.service.Name
	return []Child{{Name: name, Configuration: corev1ac.ServiceAccount(name, in.service.Namespace).
		WithLabels(objectLabels(name, componentService)).
		WithAutomountServiceAccountToken(false)}}
}
