// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package observe

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/internal/confirm"
)

// TunablePod reports whether the pod's container runs and the pod is not leaving.
func TunablePod(pod *corev1.Pod) (confirm.Pod, bool) {
	if pod.DeletionTimestamp != nil || pod.Status.Phase != corev1.PodRunning {
		return confirm.Pod{}, false
	}
	for i := range pod.Status.ContainerStatuses {
		status := &pod.Status.ContainerStatuses[i]
		if status.Name != build.ContainerName || status.State.Running == nil {
			continue
		}
		return confirm.Pod{
			UID: pod.UID, Namespace: pod.Namespace, Name: pod.Name, IP: pod.Status.PodIP,
			Restarts: status.RestartCount, Ready: status.Ready, Annotation: pod.Annotations[build.AnnotationLiveSettings],
		}, true
	}
	return confirm.Pod{}, false
}

// PodTrouble says why a pod does not run: what the scheduler or the container runtime says of it. Pods that merely start
// are in no trouble.
func PodTrouble(pod *corev1.Pod) string {
	for i := range pod.Status.Conditions {
		c := &pod.Status.Conditions[i]
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return fmt.Sprintf("a pod cannot be scheduled: %s", c.Message)
		}
	}
	for i := range pod.Status.ContainerStatuses {
		waiting := pod.Status.ContainerStatuses[i].State.Waiting
		if waiting == nil || waiting.Reason == "ContainerCreating" || waiting.Reason == "PodInitializing" {
			continue
		}
		if ended := pod.Status.ContainerStatuses[i].LastTerminationState.Terminated; ended != nil && ended.Message != "" {
			return fmt.Sprintf("a container ended with code %d: %s", ended.ExitCode, firstLine(ended.Message))
		}
		return fmt.Sprintf("a container waits: %s", waiting.Reason)
	}
	return ""
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}
