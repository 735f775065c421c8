// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package observe

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode"

	corev1 "k8s.io/api/core/v1"

	"goservice.dev/operator/controllers/internal/build"
)

// TroubleKind is a kind of thing that keeps a pod from serving.
type TroubleKind int

// Kinds of troubles, the one that says most first: of several that pods are in, a status tells the first.
const (
	// InvalidImage: the name of the image is none.
	InvalidImage TroubleKind = iota + 1
	// ContainerConfig: the container cannot be made, most often since a Secret or ConfigMap is missing.
	ContainerConfig
	// ImagePull: the image cannot be pulled.
	ImagePull
	// OutOfMemory: the kernel ended the container for using more memory than its limit.
	OutOfMemory
	// Exited: the container ended.
	Exited
	// Unschedulable: no node takes the pod.
	Unschedulable
	// NoSandbox: the pod is on a node, but its volumes are not mounted or its network is not set up. Every pod is so for a moment.
	NoSandbox
	// NodeLost: the container was ready when it was last heard of, but the pod is not, since its node does not answer or a
	// readiness gate is not met.
	NodeLost
	// NotReady: the container runs and its probes do not pass. Every pod is so for a moment.
	NotReady
	// Pulling: the image is being pulled. Every pod is so for a moment.
	Pulling
)

// maxWords bounds what is kept of a text that a pod, a registry or a kubelet wrote, in bytes.
const maxWords = 512

// Trouble is what keeps a pod from serving, as the scheduler, the kubelet or the container's end tells it.
type Trouble struct {
	Kind TroubleKind
	// Container is its name, empty for the service's own.
	Container string
	// Image of the container.
	Image string
	// Words of whoever told it: one line, cut to maxWords.
	Words string
	// ExitCode of a container that ended, and whole seconds that it had run.
	ExitCode, Ran int32
	// Unstarted says that the container had not passed its startup probe.
	Unstarted bool
	// Since when the pod is not ready, or not scheduled, or without a sandbox.
	Since time.Time
}

// PodTrouble says what keeps a pod from serving. Pods that serve, leave or have ended for good are in no trouble.
func PodTrouble(pod *corev1.Pod) (Trouble, bool) {
	if pod.DeletionTimestamp != nil || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return Trouble{}, false
	}
	ready, scheduled, sandbox := condition(pod, corev1.PodReady), condition(pod, corev1.PodScheduled), condition(pod, corev1.PodReadyToStartContainers)
	if ready.Status == corev1.ConditionTrue {
		return Trouble{}, false
	}
	if scheduled.Status == corev1.ConditionFalse {
		return Trouble{Kind: Unschedulable, Words: OneLine(scheduled.Message, maxWords), Since: scheduled.LastTransitionTime.UTC()}, true
	}
	var worst Trouble
	statuses := slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses)
	for i := range statuses {
		trouble, is := containerTrouble(&statuses[i])
		if statuses[i].Name != build.ContainerOfPod(pod.Annotations) {
			trouble.Container = statuses[i].Name
		}
		if is && (worst.Kind == 0 || trouble.Kind < worst.Kind) {
			worst = trouble
		}
	}
	if worst.Kind == 0 && len(pod.Status.ContainerStatuses) > 0 && ready.Status != "" {
		worst.Kind = NodeLost
	}
	worst.Since = cmp.Or(ready.LastTransitionTime.UTC(), scheduled.LastTransitionTime.UTC())
	if worst.Kind == Pulling && sandbox.Status == corev1.ConditionFalse {
		worst.Kind, worst.Since = NoSandbox, sandbox.LastTransitionTime.UTC()
	}
	return worst, worst.Kind != 0
}

// containerTrouble says what keeps a container from being ready. One that was started again after it had ended is in the same
// trouble until it has passed its startup probe: what is said of it does not change with each attempt.
func containerTrouble(status *corev1.ContainerStatus) (Trouble, bool) {
	if status.Ready {
		return Trouble{}, false
	}
	started := status.Started != nil && *status.Started
	trouble := Trouble{Image: status.Image}
	if waiting := status.State.Waiting; waiting != nil {
		trouble.Words = OneLine(waiting.Message, maxWords)
		switch waiting.Reason {
		case "InvalidImageName":
			trouble.Kind = InvalidImage
			return trouble, true
		case "ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed":
			trouble.Kind, trouble.Words = ImagePull, pullWords(trouble.Words)
			return trouble, true
		case "CreateContainerConfigError", "CreateContainerError", "PreCreateHookError", "RunContainerError":
			trouble.Kind = ContainerConfig
			return trouble, true
		}
	}
	ended := cmp.Or(status.State.Terminated, status.LastTerminationState.Terminated)
	switch {
	case ended != nil && !started:
		return endedTrouble(trouble, ended), true
	case status.State.Waiting != nil:
		trouble.Kind, trouble.Words = Pulling, ""
	case status.State.Running != nil:
		trouble.Kind, trouble.Unstarted = NotReady, !started
	default:
		return Trouble{}, false
	}
	return trouble, true
}

func endedTrouble(trouble Trouble, ended *corev1.ContainerStateTerminated) Trouble {
	trouble.Kind, trouble.Words, trouble.ExitCode, trouble.Unstarted = Exited, OneLine(ended.Message, maxWords), ended.ExitCode, true
	trouble.Ran = int32(ended.FinishedAt.Sub(ended.StartedAt.Time).Seconds())
	if ended.Reason == "OOMKilled" {
		trouble.Kind = OutOfMemory
	}
	return trouble
}

// pullWords are the registry's own: kubelets tell between two attempts that they back off, with the last error behind it.
func pullWords(words string) string {
	for _, backOff := range []string{"ErrImagePull: ", "ErrImageNeverPull: "} {
		if _, after, found := strings.Cut(words, backOff); found {
			return after
		}
	}
	if strings.HasPrefix(words, "Back-off pulling image") {
		return ""
	}
	return words
}

// distinct sorts troubles and leaves out those that differ in their time only; the earliest time stays.
func distinct(troubles []Trouble) []Trouble {
	slices.SortFunc(troubles, func(a, b Trouble) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Words, b.Words), cmp.Compare(a.Image, b.Image),
			cmp.Compare(a.ExitCode, b.ExitCode), cmp.Compare(a.Ran, b.Ran), a.Since.Compare(b.Since))
	})
	return slices.CompactFunc(troubles, func(a, b Trouble) bool {
		a.Since, b.Since = time.Time{}, time.Time{}
		return a == b
	})
}

// condition is one of a pod's conditions, empty where the pod has none of that type.
func condition(pod *corev1.Pod, kind corev1.PodConditionType) corev1.PodCondition {
	for i := range pod.Status.Conditions {
		if pod.Status.Conditions[i].Type == kind {
			return pod.Status.Conditions[i]
		}
	}
	return corev1.PodCondition{}
}

// OneLine makes a text that somebody else wrote fit for a status: without line breaks and control characters, and cut to a
// number of bytes, the mark of the cut included.
func OneLine(text string, length int) string {
	const mark = "…"
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if len(text) > length {
		text = strings.ToValidUTF8(text[:length-len(mark)], "") + mark
	}
	return text
}
