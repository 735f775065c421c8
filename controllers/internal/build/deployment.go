// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"math"
	"slices"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/workload/livesettings"
)

// DeploymentKind is the kind that runs the pods.
var DeploymentKind = appsv1.SchemeGroupVersion.WithKind("Deployment")

const (
	revisionHistoryLimit = 5
	maxSurge             = "25%"
	// shortestProgressDeadline is Kubernetes' own. A new pod has slowestBegin to be scheduled and to pull its image.
	shortestProgressDeadline = 10 * time.Minute
	slowestBegin             = 5 * time.Minute
	// annotationLocalVolumes lets the cluster autoscaler remove nodes although the volumes named are lost with the pod.
	annotationLocalVolumes = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"
)

// deployment runs the pods. Its replica count is applied where it is fixed, and only seeded where a
// HorizontalPodAutoscaler owns it.
func deployment(in input) []Child {
	name := in.service.Name
	spec := appsv1ac.DeploymentSpec().
		WithSelector(metav1ac.LabelSelector().WithMatchLabels(selectorOf(in.service))).
		WithRevisionHistoryLimit(revisionHistoryLimit).
		WithProgressDeadlineSeconds(progressDeadlineSeconds(in)).
		WithStrategy(strategy(in.rollout()))
	if seconds := in.rollout().MinReadySeconds; seconds != nil {
		spec.WithMinReadySeconds(*seconds)
	}
	child := Child{Name: name, Template: in.templateContent, Trial: unjudged(in)}
	if in.plan.Autoscaled {
		child.Seed = map[string]any{"spec": map[string]any{"replicas": int64(in.plan.Start)}}
	} else {
		spec.WithReplicas(in.plan.Replicas.Value.Min)
	}
	configuration := appsv1ac.Deployment(name, in.service.Namespace).
		WithLabels(objectLabels(name, componentService)).
		WithAnnotations(map[string]string{annotationTemplate: in.template.annotation}).
		WithSpec(spec)
	if from := in.plan.StartedFrom; from != nil {
		configuration.WithAnnotations(map[string]string{AnnotationStartedFrom: strconv.Itoa(int(*from))})
		child.SeededFor = AnnotationStartedFrom
	}
	child.Configuration = configuration
	return []Child{child}
}

// strategy starts new pods first unless the user wants it otherwise: one must be ready before an old one leaves.
func strategy(users v1alpha1.RolloutSpec) *appsv1ac.DeploymentStrategyApplyConfiguration {
	if users.Strategy == appsv1.RecreateDeploymentStrategyType {
		return appsv1ac.DeploymentStrategy().WithType(appsv1.RecreateDeploymentStrategyType)
	}
	return appsv1ac.DeploymentStrategy().
		WithType(appsv1.RollingUpdateDeploymentStrategyType).
		WithRollingUpdate(appsv1ac.RollingUpdateDeployment().
			WithMaxUnavailable(valueOr(users.MaxUnavailable, intstr.FromInt32(0))).
			WithMaxSurge(valueOr(users.MaxSurge, intstr.FromString(maxSurge))))
}

// rollout is the user's, empty where there is none.
func (in input) rollout() v1alpha1.RolloutSpec {
	return valueOr(in.service.Spec.Rollout, v1alpha1.RolloutSpec{})
}

// progressDeadlineSeconds is longer than one new pod may take: to start and to stay ready, and before that to get the room
// that a leaving one holds.
func progressDeadlineSeconds(in input) int32 {
	rollout := in.rollout()
	if rollout.ProgressDeadline != nil {
		return int32(math.Ceil(rollout.ProgressDeadline.Seconds()))
	}
	stays := time.Duration(valueOr(rollout.MinReadySeconds, 0)) * time.Second
	deadline := slowestBegin + startupTimeout(&in.service.Spec) + in.plan.GracePeriod.Value + stays
	return int32(math.Ceil(max(deadline, shortestProgressDeadline).Seconds()))
}

func podTemplate(in input) (*corev1ac.PodTemplateSpecApplyConfiguration, error) {
	settings := in.podSettings()
	volumes, err := volumes(in)
	if err != nil {
		return nil, err
	}
	beside, err := containersBeside(&in.service.Spec)
	if err != nil {
		return nil, err
	}
	spec := corev1ac.PodSpec().
		WithServiceAccountName(in.service.Name).
		WithAutomountServiceAccountToken(valueOr(settings.AutomountServiceAccountToken, false)).
		WithEnableServiceLinks(false).
		WithTerminationGracePeriodSeconds(int64(in.plan.GracePeriod.Value.Seconds())).
		WithSecurityContext(podSecurity(in)).
		WithInitContainers(beside...).
		WithContainers(container(in)).
		WithVolumes(volumes...)
	if settings.ServiceAccountName != "" {
		spec.WithServiceAccountName(string(settings.ServiceAccountName))
	}
	for _, secret := range in.service.Spec.ImagePullSecrets {
		spec.WithImagePullSecrets(corev1ac.LocalObjectReference().WithName(string(secret.Name)))
	}
	if err := schedule(spec, in, settings); err != nil {
		return nil, err
	}
	resolve(spec, settings)
	own := map[string]string{AnnotationLiveSettingsForm: noLiveSettings}
	if in.plan.OnToolkit {
		own[AnnotationLiveSettingsForm] = strconv.Itoa(livesettings.Version)
	}
	if name := ContainerOf(&in.service.Spec); name != ContainerName {
		own[AnnotationContainer] = name
	}
	if mountsTmp(in) {
		own[annotationLocalVolumes] = temporaryVolume
	}
	if in.references.token != "" {
		own[annotationReferences] = in.references.token
	}
	return corev1ac.PodTemplateSpec().
		WithLabels(PodLabels(in.service)).
		WithAnnotations(merged(own, plain(settings.Annotations))). // the schema keeps the user's out of goservice.dev/
		WithSpec(spec), nil
}

// podSettings are the user's, empty where there are none.
func (in input) podSettings() v1alpha1.PodSpec {
	if in.service.Spec.Pod == nil {
		return v1alpha1.PodSpec{}
	}
	return *in.service.Spec.Pod
}

// resolve says how the containers look up names.
func resolve(spec *corev1ac.PodSpecApplyConfiguration, settings v1alpha1.PodSpec) {
	if settings.DNSPolicy != "" {
		spec.WithDNSPolicy(settings.DNSPolicy)
	}
	if settings.DNSConfig != nil {
		spec.WithDNSConfig(converted(settings.DNSConfig, corev1ac.PodDNSConfig()))
	}
	for i := range settings.HostAliases {
		spec.WithHostAliases(converted(&settings.HostAliases[i], corev1ac.HostAlias()))
	}
}

// unjudged reports whether a spec has parts that its schema leaves open.
func unjudged(in input) bool {
	settings, spec := in.podSettings(), &in.service.Spec
	return settings.Overlay != nil || settings.Affinity != nil || settings.TopologySpreadConstraints != nil ||
		slices.ContainsFunc(spec.InitContainers, func(c v1alpha1.Container) bool {
			return c.Resources != nil || c.StartupProbe != nil || c.LivenessProbe != nil || c.ReadinessProbe != nil
		}) ||
		slices.ContainsFunc(spec.Volumes, func(v v1alpha1.Volume) bool {
			return v.Projected != nil || v.Ephemeral != nil || v.CSI != nil || v.NFS != nil || v.HostPath != nil || v.ISCSI != nil || v.FC != nil || v.Image != nil
		})
}
