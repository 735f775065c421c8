// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"math"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
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
	// nonRootID is the user and group of every container, for images that name no user. Files of ConfigMaps and Secrets are
	// readable and /tmp is writable for everybody, so there is no need for an fsGroup.
	nonRootID = 65532
	// annotationLocalVolumes lets the cluster autoscaler remove nodes although the volumes named are lost with the pod.
	annotationLocalVolumes = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"
	temporaryVolume        = "tmp"
)

// deployment runs the pods. Its replica count is applied where it is fixed, and only seeded where a
// HorizontalPodAutoscaler owns it.
func deployment(in input) []Child {
	name := in.service.Name
	spec := appsv1ac.DeploymentSpec().
		WithSelector(metav1ac.LabelSelector().WithMatchLabels(selectorLabels(name))).
		WithRevisionHistoryLimit(revisionHistoryLimit).
		WithProgressDeadlineSeconds(progressDeadlineSeconds(in)).
		// A new pod must be ready before an old one leaves.
		WithStrategy(appsv1ac.DeploymentStrategy().
			WithType(appsv1.RollingUpdateDeploymentStrategyType).
			WithRollingUpdate(appsv1ac.RollingUpdateDeployment().
				WithMaxUnavailable(intstr.FromInt32(0)).
				WithMaxSurge(intstr.FromString(maxSurge))))
	child := Child{Name: name, Template: in.templateContent}
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

// progressDeadlineSeconds is longer than one new pod may take: to start, and before that to get the room that a leaving one
// holds.
func progressDeadlineSeconds(in input) int32 {
	deadline := slowestBegin + startupTimeout(&in.service.Spec) + in.plan.GracePeriod.Value
	return int32(math.Ceil(max(deadline, shortestProgressDeadline).Seconds()))
}

func podTemplate(in input) *corev1ac.PodTemplateSpecApplyConfiguration {
	settings := in.podSettings()
	spec := corev1ac.PodSpec().
		WithServiceAccountName(in.service.Name).
		WithAutomountServiceAccountToken(false).
		WithEnableServiceLinks(false).
		WithTerminationGracePeriodSeconds(int64(in.plan.GracePeriod.Value.Seconds())).
		WithSecurityContext(corev1ac.PodSecurityContext().
			WithRunAsNonRoot(true).
			WithRunAsUser(nonRootID).
			WithRunAsGroup(nonRootID).
			WithSeccompProfile(corev1ac.SeccompProfile().WithType(corev1.SeccompProfileTypeRuntimeDefault))).
		WithContainers(container(in)).
		WithVolumes(volumes(in)...)
	if settings.ServiceAccountName != "" {
		spec.WithServiceAccountName(string(settings.ServiceAccountName))
	}
	for _, secret := range in.service.Spec.ImagePullSecrets {
		spec.WithImagePullSecrets(corev1ac.LocalObjectReference().WithName(string(secret.Name)))
	}
	schedule(spec, in, settings)
	own := map[string]string{AnnotationLiveSettingsForm: strconv.Itoa(livesettings.Version)}
	if writableTmp(settings) {
		own[annotationLocalVolumes] = temporaryVolume
	}
	return corev1ac.PodTemplateSpec().
		WithLabels(merged(plain(settings.Labels), objectLabels(in.service.Name, componentService))).
		WithAnnotations(merged(own, plain(settings.Annotations))). // the schema keeps the user's out of goservice.dev/
		WithSpec(spec)
}

// podSettings are the user's, empty where there are none.
func (in input) podSettings() v1alpha1.PodSpec {
	if in.service.Spec.Pod == nil {
		return v1alpha1.PodSpec{}
	}
	return *in.service.Spec.Pod
}

// writableTmp says whether a writable /tmp is mounted, an emptyDir: plain kubectl drain refuses to evict its pod.
func writableTmp(settings v1alpha1.PodSpec) bool {
	return settings.WritableTmp == nil || *settings.WritableTmp
}

// volumes holds the live settings – as a directory, because single files of a ConfigMap are never refreshed – the TLS
// material and a writable /tmp beside the read-only root.
func volumes(in input) []*corev1ac.VolumeApplyConfiguration {
	result := []*corev1ac.VolumeApplyConfiguration{
		corev1ac.Volume().WithName("live-settings").WithConfigMap(corev1ac.ConfigMapVolumeSource().
			WithName(LiveSettingsName(in.service.Name))),
	}
	if writableTmp(in.podSettings()) {
		result = append(result, corev1ac.Volume().WithName(temporaryVolume).WithEmptyDir(corev1ac.EmptyDirVolumeSource()))
	}
	tls := in.service.Spec.TLS
	if tls == nil {
		return result
	}
	result = append(result, corev1ac.Volume().WithName("tls").
		WithSecret(corev1ac.SecretVolumeSource().WithSecretName(string(tls.SecretName))))
	if tls.ClientCASecretName != "" {
		result = append(result, corev1ac.Volume().WithName("client-ca").
			WithSecret(corev1ac.SecretVolumeSource().
				WithSecretName(string(tls.ClientCASecretName)).
				WithItems(corev1ac.KeyToPath().WithKey("ca.crt").WithPath("ca.crt"))))
	}
	return result
}

func volumeMounts(in input) []*corev1ac.VolumeMountApplyConfiguration {
	mount := func(name, path string, readOnly bool) *corev1ac.VolumeMountApplyConfiguration {
		m := corev1ac.VolumeMount().WithName(name).WithMountPath(path)
		if readOnly {
			m.WithReadOnly(true)
		}
		return m
	}
	result := []*corev1ac.VolumeMountApplyConfiguration{
		mount("live-settings", liveSettingsDirectory, true),
	}
	if writableTmp(in.podSettings()) {
		result = append(result, mount(temporaryVolume, "/tmp", false))
	}
	if tls := in.service.Spec.TLS; tls != nil {
		result = append(result, mount("tls", tlsDirectory, true))
		if tls.ClientCASecretName != "" {
			result = append(result, mount("client-ca", clientCADirectory, true))
		}
	}
	return result
}
