// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package observe

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/controllers/internal/build"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// runs is a pod whose container runs and whose condition Ready is as given since noon.
func runs(ready corev1.ConditionStatus) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "a"},
		Status: corev1.PodStatus{
			Phase:             corev1.PodRunning,
			Conditions:        []corev1.PodCondition{{Type: corev1.PodReady, Status: ready, LastTransitionTime: metav1.NewTime(noon)}},
			ContainerStatuses: []corev1.ContainerStatus{{Name: build.ContainerName, Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}},
		},
	}
}

func TestPodsAreReadyByTheirCondition(t *testing.T) {
	leaving := runs(corev1.ConditionTrue)
	leaving.DeletionTimestamp = new(metav1.NewTime(noon))
	ended := leaving.DeepCopy()
	ended.Status.ContainerStatuses[0].State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}
	without := runs(corev1.ConditionTrue)
	without.Status.Conditions = nil
	cases := map[string]struct {
		pod                     *corev1.Pod
		tunable, leaving, ready bool
		changed                 time.Time
	}{
		"it serves": {runs(corev1.ConditionTrue), true, false, true, noon},
		// The node controller turns the condition; the kubelet that could turn the container's status is gone.
		"its node is lost":          {runs(corev1.ConditionFalse), true, false, false, noon},
		"its node does not answer":  {runs(corev1.ConditionUnknown), true, false, false, noon},
		"it has no condition yet":   {without, true, false, false, time.Time{}},
		"it leaves":                 {leaving, false, true, true, noon},
		"it leaves and has stopped": {ended, false, false, false, time.Time{}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			pod, tunable := TunablePod(c.pod)
			_, leaves := LeavingPod(c.pod)
			if tunable != c.tunable || leaves != c.leaving {
				t.Errorf("tunable %t, leaving %t", tunable, leaves)
			}
			if pod.Ready != c.ready || !pod.ReadyChanged.Equal(c.changed) {
				t.Errorf("ready %t since %v", pod.Ready, pod.ReadyChanged)
			}
		})
	}
}
