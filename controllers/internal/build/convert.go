// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
)

// The user's own parts of the pod are typed as the API's; apply configurations have the same JSON form, and a field that
// Kubernetes adds to one is in the other as well, so the way through JSON loses nothing.

func envVar(variable *corev1.EnvVar) *corev1ac.EnvVarApplyConfiguration {
	return converted(variable, corev1ac.EnvVar())
}

func envFrom(source *corev1.EnvFromSource) *corev1ac.EnvFromSourceApplyConfiguration {
	return converted(source, corev1ac.EnvFromSource())
}

func toleration(t *corev1.Toleration) *corev1ac.TolerationApplyConfiguration {
	return converted(t, corev1ac.Toleration())
}

func affinity(a *corev1.Affinity) *corev1ac.AffinityApplyConfiguration {
	return converted(a, corev1ac.Affinity())
}

func spreadConstraint(c *corev1.TopologySpreadConstraint) *corev1ac.TopologySpreadConstraintApplyConfiguration {
	return converted(c, corev1ac.TopologySpreadConstraint())
}

func converted[From, To any](from *From, to *To) *To {
	encoded, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(encoded, to)
	}
	if err != nil {
		panic(fmt.Sprintf("converting %T to %T, which have the same form: %v", from, to, err))
	}
	return to
}
