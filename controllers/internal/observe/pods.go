// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package observe

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/internal/confirm"
)

// TunablePod reports whether the pod's container runs and the pod is not leaving.
func TunablePod(pod *corev1.Pod) (confirm.Pod, bool) {
	found, running := runningPod(pod)
	return found, running && pod.DeletionTimestamp == nil
}

// LeavingPod reports whether the pod is being deleted while its container still runs: it serves what it has accepted.
func LeavingPod(pod *corev1.Pod) (confirm.Pod, bool) {
	found, running := runningPod(pod)
	return found, running && pod.DeletionTimestamp != nil
}

func runningPod(pod *corev1.Pod) (confirm.Pod, bool) {
	if pod.Status.Phase != corev1.PodRunning {
		return confirm.Pod{}, false
	}
	name := build.ContainerOfPod(pod.Annotations)
	for i := range pod.Status.ContainerStatuses {
		status := &pod.Status.ContainerStatuses[i]
		if status.Name != name || status.State.Running == nil {
			continue
		}
		ready, changed := podReady(pod)
		return confirm.Pod{
			UID: pod.UID, Created: pod.CreationTimestamp.UTC(), Namespace: pod.Namespace, Name: pod.Name, IP: pod.Status.PodIP,
			Restarts: status.RestartCount, Ready: ready, ReadyChanged: changed, Annotation: pod.Annotations[build.AnnotationLiveSettings],
			Older: mountsOlder(pod.Annotations),
		}, true
	}
	return confirm.Pod{}, false
}

// mountsOlder says whether a pod or a template with these annotations mounts the older form of live settings.
func mountsOlder(annotations map[string]string) bool {
	return annotations[build.AnnotationLiveSettingsForm] == ""
}

// podReady is the pod's condition Ready and when it last changed. The condition, not the container's status, decides who gets
// traffic: on a lost node only the condition turns False, and readiness gates speak through it.
func podReady(pod *corev1.Pod) (bool, time.Time) {
	ready := condition(pod, corev1.PodReady)
	return ready.Status == corev1.ConditionTrue, ready.LastTransitionTime.UTC()
}
