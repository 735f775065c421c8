// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
)

// rolloutLabel differs from rollout to rollout.
const rolloutLabel = "pod-template-hash"

// schedule says where the pods may run.
func schedule(spec *corev1ac.PodSpecApplyConfiguration, in input, settings v1alpha1.PodSpec) error {
	spec.WithNodeSelector(merged(map[string]string{corev1.LabelOSStable: "linux"}, plain(settings.NodeSelector)))
	for i := range settings.Tolerations {
		spec.WithTolerations(toleration(&settings.Tolerations[i]))
	}
	if settings.Affinity != nil {
		affinity := corev1ac.Affinity()
		if err := strictly(settings.Affinity, affinity); err != nil {
			return fmt.Errorf("pod.affinity: %w", err)
		}
		spec.WithAffinity(affinity)
	}
	if settings.TopologySpreadConstraints == nil {
		spreadOverZones(spec, in)
	}
	if settings.PriorityClassName != "" {
		spec.WithPriorityClassName(string(settings.PriorityClassName))
	}
	if settings.RuntimeClassName != "" {
		spec.WithRuntimeClassName(string(settings.RuntimeClassName))
	}
	constraints, err := spread(in, settings)
	spec.WithTopologySpreadConstraints(constraints...)
	return err
}

// spread keeps the pods apart over nodes where that is possible, counting only pods of the same rollout.
func spread(in input, settings v1alpha1.PodSpec) ([]*corev1ac.TopologySpreadConstraintApplyConfiguration, error) {
	var result []*corev1ac.TopologySpreadConstraintApplyConfiguration
	if settings.TopologySpreadConstraints == nil {
		result = append(result, corev1ac.TopologySpreadConstraint().
			WithMaxSkew(1).
			WithTopologyKey(corev1.LabelHostname).
			WithWhenUnsatisfiable(corev1.ScheduleAnyway).
			WithMatchLabelKeys(rolloutLabel))
	}
	for i := range settings.TopologySpreadConstraints {
		constraint := corev1ac.TopologySpreadConstraint()
		if err := strictly(&settings.TopologySpreadConstraints[i], constraint); err != nil {
			return nil, fmt.Errorf("pod.topologySpreadConstraints[%d]: %w", i, err)
		}
		result = append(result, constraint)
	}
	for _, constraint := range result {
		if constraint.LabelSelector == nil {
			constraint.WithLabelSelector(ownPods(in))
		}
	}
	return result, nil
}

// spreadOverZones prefers zones with fewer of the pods. It is no second spread constraint because the scheduler scores a node
// by its soft constraints only if it has the labels of all of them: without zones, pods would not be spread over nodes either.
func spreadOverZones(spec *corev1ac.PodSpecApplyConfiguration, in input) {
	if spec.Affinity == nil {
		spec.WithAffinity(corev1ac.Affinity())
	}
	if spec.Affinity.PodAntiAffinity == nil {
		spec.Affinity.WithPodAntiAffinity(corev1ac.PodAntiAffinity())
	}
	spec.Affinity.PodAntiAffinity.WithPreferredDuringSchedulingIgnoredDuringExecution(corev1ac.WeightedPodAffinityTerm().
		WithWeight(100).
		WithPodAffinityTerm(corev1ac.PodAffinityTerm().
			WithTopologyKey(corev1.LabelTopologyZone).
			WithLabelSelector(ownPods(in)).
			WithMatchLabelKeys(rolloutLabel)))
}

func ownPods(in input) *metav1ac.LabelSelectorApplyConfiguration {
	return metav1ac.LabelSelector().WithMatchLabels(selectorOf(in.service))
}
