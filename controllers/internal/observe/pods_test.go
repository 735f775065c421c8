// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package observe

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
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

func TestWhatKeepsAPodFromServing(t *testing.T) {
	const back = "Back-off pulling image \"shop:v2\""
	waiting := func(reason, message string) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.Status.ContainerStatuses[0].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
		}
	}
	ended := func(state corev1.ContainerState, terminated corev1.ContainerStateTerminated) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			terminated.StartedAt, terminated.FinishedAt = metav1.NewTime(noon.Add(-time.Minute)), metav1.NewTime(noon)
			p.Status.ContainerStatuses[0].State = state
			p.Status.ContainerStatuses[0].LastTerminationState.Terminated = &terminated
		}
	}
	crash := corev1.ContainerStateTerminated{ExitCode: 2, Message: "1 setting cannot be used:\n\tPORT: must be a number\n"}
	crashed := Trouble{Kind: Exited, ExitCode: 2, Ran: 60, Unstarted: true, Words: "1 setting cannot be used: PORT: must be a number"}
	cases := map[string]struct {
		change func(*corev1.Pod)
		want   Trouble
	}{
		"it serves":      {func(p *corev1.Pod) { p.Status.Conditions[0].Status = corev1.ConditionTrue }, Trouble{}},
		"it leaves":      {func(p *corev1.Pod) { waiting("ErrImagePull", "")(p); p.DeletionTimestamp = new(metav1.NewTime(noon)) }, Trouble{}},
		"it was evicted": {func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }, Trouble{}},
		"no node fits": {func(p *corev1.Pod) {
			p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "0/3 nodes", LastTransitionTime: metav1.NewTime(noon)}}
		}, Trouble{Kind: Unschedulable, Words: "0/3 nodes"}},
		"the first failed pull": {waiting("ErrImagePull", "manifest unknown"), Trouble{Kind: ImagePull, Words: "manifest unknown"}},
		"between two pulls":     {waiting("ImagePullBackOff", back+": ErrImagePull: manifest unknown"), Trouble{Kind: ImagePull, Words: "manifest unknown"}},
		"an older kubelet":      {waiting("ImagePullBackOff", back), Trouble{Kind: ImagePull}},
		"a bad name":            {waiting("InvalidImageName", "must be lowercase"), Trouble{Kind: InvalidImage, Words: "must be lowercase"}},
		"a missing Secret":      {waiting("CreateContainerConfigError", `secret "db" not found`), Trouble{Kind: ContainerConfig, Words: `secret "db" not found`}},
		"it crashed":            {ended(corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off 10s restarting failed container=service pod=a"}}, crash), crashed},
		"it runs again":         {ended(corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}, crash), crashed},
		"it was killed":         {ended(corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}, corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled"}), Trouble{Kind: OutOfMemory, ExitCode: 137, Ran: 60, Unstarted: true}},
		"it started again": {func(p *corev1.Pod) {
			ended(corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}, crash)(p)
			p.Status.ContainerStatuses[0].Started = new(true)
		}, Trouble{Kind: NotReady}},
		"it starts":           {func(*corev1.Pod) {}, Trouble{Kind: NotReady, Unstarted: true}},
		"the image is pulled": {waiting("ContainerCreating", ""), Trouble{Kind: Pulling}},
		"the volumes are missing": {func(p *corev1.Pod) {
			waiting("ContainerCreating", "")(p)
			p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: corev1.PodReadyToStartContainers, Status: corev1.ConditionFalse, LastTransitionTime: metav1.NewTime(noon)})
		}, Trouble{Kind: NoSandbox}},
		"the node is lost": {func(p *corev1.Pod) { p.Status.ContainerStatuses[0].Ready = true }, Trouble{Kind: NodeLost}},
		"a migration failed": {func(p *corev1.Pod) {
			waiting("PodInitializing", "")(p)
			terminated := &corev1.ContainerStateTerminated{ExitCode: 1, Message: "no such table", StartedAt: metav1.NewTime(noon.Add(-time.Second)), FinishedAt: metav1.NewTime(noon)}
			p.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "proxy", Ready: true, Started: new(true)}, {Name: "migrate", State: corev1.ContainerState{Terminated: terminated}}}
		}, Trouble{Kind: Exited, Container: "migrate", ExitCode: 1, Ran: 1, Unstarted: true, Words: "no such table"}},
		"a migration runs": {func(p *corev1.Pod) {
			waiting("PodInitializing", "")(p)
			p.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "migrate", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}
		}, Trouble{Kind: NotReady, Container: "migrate", Unstarted: true}},
		"many words": {waiting("CreateContainerError", strings.Repeat("é", maxWords)), Trouble{Kind: ContainerConfig, Words: strings.Repeat("é", maxWords/2-2) + "…"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			pod := runs(corev1.ConditionFalse)
			pod.Status.ContainerStatuses[0].Ready = false
			c.change(pod)
			got, is := PodTrouble(pod)
			if is != (c.want.Kind != 0) {
				t.Errorf("in trouble: %t", is)
			}
			if is {
				c.want.Since = noon
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("trouble (-want +got):\n%s", diff)
			}
		})
	}
}

// The cache has no order; what is told must not depend on it.
func TestTroublesHaveAnOrder(t *testing.T) {
	crash := Trouble{Kind: Exited, ExitCode: 2, Since: noon}
	later := crash
	later.Since = noon.Add(time.Second)
	pull, other := Trouble{Kind: ImagePull, Words: "b"}, Trouble{Kind: ImagePull, Words: "a"}
	want := []Trouble{other, pull, crash}
	for _, order := range [][]Trouble{{crash, later, pull, other}, {other, later, pull, crash}, {later, pull, crash, other}} {
		if diff := cmp.Diff(want, distinct(order)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
