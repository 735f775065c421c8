// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
)

// schedule says where the pods may run.
func schedule(spec *corev1ac.PodSpecApplyConfiguration, in input, settings v1alpha1.PodSpec) {
	spec.WithNodeSelector(merged(map[string]string{corev1.LabelOSStable: "linux"}, plain(settings.NodeSelector)))
	for i := range settings.Tolerations {
		spec.WithTolerations(toleration(&settings.Tolerations[i]))
	}
	if settings.Affinity != nil {
		spec.WithAffinity(affinity(settings.Affinity))
	}
	if settings.PriorityClassName != "" {
		spec.WithPriorityClassName(string(settings.PriorityClassName))
	}
	spec.WithTopologySpreadConstraints(spread(in, settings)...)
}

// spread keeps the pods apart over nodes and zones where that is possible, counting only pods of the same rollout.
func spread(in input, settings v1alpha1.PodSpec) []*corev1ac.TopologySpreadConstraintApplyConfiguration {
	var result []*corev1ac.TopologySpreadConstraintApplyConfiguration
	if settings.TopologySpreadConstraints == nil {
		for _, key := range []string{corev1.LabelHostname, corev1.LabelTopologyZone} {
			result = append(result, corev1ac.TopologySpreadConstraint().
				WithMaxSkew(1).
				WithTopologyKey(key).
				WithWhenUnsatisfiable(corev1.ScheduleAnyway).
				WithMatchLabelKeys("pod-template-hash"))
		}
	}
	for i := range settings.TopologySpreadConstraints {
		result = append(result, spreadConstraint(&settings.TopologySpreadConstraints[i]))
	}
	for _, constraint := range result {
		if constraint.LabelSelector == nil {
			constraint.WithLabelSelector(metav1ac.LabelSelector().WithMatchLabels(selectorLabels(in.service.Name)))
		}
	}
	return result
}
