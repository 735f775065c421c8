// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"encoding/json"
	"fmt"

	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	kjson "sigs.k8s.io/json"

	"goservice.dev/operator/api/v1alpha1"
)

// The user's own parts of the pod are typed as the API's; apply configurations have the same JSON form, and
// TestNothingIsLostOnTheWayToApplyConfigurations holds every field of one against the other.

func envVar(variable *v1alpha1.EnvVar) *corev1ac.EnvVarApplyConfiguration {
	return converted(variable, corev1ac.EnvVar())
}

func envFrom(source *v1alpha1.EnvFromSource) *corev1ac.EnvFromSourceApplyConfiguration {
	return converted(source, corev1ac.EnvFromSource())
}

func toleration(t *v1alpha1.Toleration) *corev1ac.TolerationApplyConfiguration {
	return converted(t, corev1ac.Toleration())
}

// plain is a map of the API's own strings as Kubernetes takes it, always a new one.
func plain[Value ~string](from map[string]Value) map[string]string {
	result := make(map[string]string, len(from))
	for key, value := range from {
		result[key] = string(value)
	}
	return result
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

// strictly converts what the schema leaves open: a field that Kubernetes does not have would be lost.
func strictly(from, to any) error {
	encoded, err := json.Marshal(from)
	if err != nil {
		return err
	}
	strict, err := kjson.UnmarshalStrict(encoded, to)
	if err == nil && len(strict) > 0 {
		err = strict[0]
	}
	return err
}
