// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/confirm"
	"goservice.dev/operator/controllers/internal/measure"
	"goservice.dev/operator/controllers/internal/observe"
	"goservice.dev/operator/controllers/tuner"
)

// setReady turns a pod's condition Ready, as the node controller does for pods of a lost node: nothing else changes.
func setReady(t *testing.T, pod *corev1.Pod, ready corev1.ConditionStatus) {
	t.Helper()
	status := pod.Status.DeepCopy()
	for i := range status.Conditions {
		if status.Conditions[i].Type == corev1.PodReady {
			status.Conditions[i].Status = ready
		}
	}
	setPodStatus(t, pod, *status)
}

// expectForce waits until the named pods admit a rate each.
func expectForce(t *testing.T, pods *workload, namespace string, rate float64, names ...string) {
	t.Helper()
	eventually(t, func(g gomega.Gomega) {
		force := pods.inForce(t, namespace)
		for _, name := range names {
			g.Expect(force).To(gomega.HaveKeyWithValue(name, rate))
		}
	})
}

func TestPodsOfALostNodeGiveUpTheirShare(t *testing.T) {
	t.Parallel()
	namespace, pods := newNamespace(t), newWorkload()
	startOperator(t, namespace, pods)
	applyService(t, namespace, `{replicas: 4, rateLimit: {requestsPerSecond: 400}, upstreams: [{name: u, url: "http://u", rateLimit: {requestsPerSecond: 40}}]}`)
	settled(t, namespace, serviceName)
	lost := []*corev1.Pod{startPod(t, namespace, "a"), startPod(t, namespace, "b")}
	startPod(t, namespace, "c")
	startPod(t, namespace, "d")
	tuned(t, namespace, 4, "100/s")
	for _, pod := range lost {
		pods.isolate(pod.Name, errors.New("i/o timeout"))
		setReady(t, pod, corev1.ConditionFalse)
	}
	expectForce(t, pods, namespace, 200, "c", "d")
	document, err := documentOf(t.Context(), namespace, serviceName)
	if err != nil || document.Upstreams["u"].RequestsPerSecond != 20 {
		t.Errorf("of an upstream's limit of 40/s each of two pods has %+v, error %v", document.Upstreams, err)
	}
}

func TestAPodThatNeverBecomesReadyTakesNothingAwayForLong(t *testing.T) {
	t.Parallel()
	namespace, pods := newNamespace(t), newWorkload()
	op := startOperator(t, namespace, pods)
	applyService(t, namespace, limited("300"))
	settled(t, namespace, serviceName)
	startPod(t, namespace, "a")
	startPod(t, namespace, "b")
	tuned(t, namespace, 2, "150/s")
	stuck := startPod(t, namespace, "c")
	setReady(t, stuck, corev1.ConditionFalse)
	setDeploymentStatus(t, namespace, appsv1.DeploymentStatus{Replicas: 3, UpdatedReplicas: 1, ReadyReplicas: 2})
	expectForce(t, pods, namespace, 100, "a", "b") // the new pod is waited for
	expectForce(t, pods, namespace, 150, "a", "b") // but not for long

	op.writes.forget()
	for restarts := range int32(5) { // its container ends and is started again
		asked := pods.timesAsked()["c"]
		status := stuck.Status.DeepCopy()
		status.ContainerStatuses[0].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}
		setPodStatus(t, stuck, *status)
		status = stuck.Status.DeepCopy()
		status.ContainerStatuses[0].State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
		status.ContainerStatuses[0].RestartCount = restarts + 1
		setPodStatus(t, stuck, *status)
		eventually(t, func(g gomega.Gomega) { g.Expect(pods.timesAsked()["c"]).To(gomega.BeNumerically(">", asked)) })
	}
	for _, written := range op.writes.written() {
		if strings.HasPrefix(written, "PATCH pods/") || strings.Contains(written, "configmaps") {
			t.Errorf("a pod that crashes cost %s", written)
		}
	}
}

// The others take over what a leaving pod has when its container is gone, not before: clients keep their connections.
func TestALeavingPodKeepsItsShareUntilItIsGone(t *testing.T) {
	t.Parallel()
	namespace, pods := newNamespace(t), newWorkload()
	startOperator(t, namespace, pods)
	applyService(t, namespace, `{replicas: 1, rateLimit: {requestsPerSecond: 600}}`)
	settled(t, namespace, serviceName)
	startPod(t, namespace, "a")
	leaving := startPod(t, namespace, "b")
	startPod(t, namespace, "c")
	tuned(t, namespace, 3, "200/s")
	base := leaving.DeepCopy()
	leaving.Finalizers = []string{"goservice.dev/test"} // its kubelet has not reported its end
	if err := api.Patch(t.Context(), leaving, client.MergeFrom(base)); err != nil {
		t.Fatal(err)
	}
	if err := api.Delete(t.Context(), leaving); err != nil {
		t.Fatal(err)
	}
	applyService(t, namespace, `{replicas: 1, rateLimit: {requestsPerSecond: 900}}`)
	tuned(t, namespace, 2, "300/s") // of a larger limit, for as many as before
	status := leaving.Status.DeepCopy()
	status.ContainerStatuses[0].State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}
	setPodStatus(t, leaving, *status)
	tuned(t, namespace, 2, "450/s")
	base = leaving.DeepCopy()
	leaving.Finalizers = nil
	if err := api.Patch(t.Context(), leaving, client.MergeFrom(base)); err != nil {
		t.Fatal(err)
	}
}

// A rollout has one division at its start, for all pods that it brings, and one at its end, however many pods it replaces.
func TestARolloutWritesToEachPodAFewTimes(t *testing.T) {
	t.Parallel()
	const replicas, surge, batch = 24, 6, 6
	namespace, pods := newNamespace(t), newWorkload()
	op := startOperator(t, namespace, pods)
	applyService(t, namespace, fmt.Sprintf(`{replicas: %d, rateLimit: {requestsPerSecond: 7200}}`, replicas))
	settled(t, namespace, serviceName)
	var old []*corev1.Pod
	for i := range replicas {
		old = append(old, startPod(t, namespace, fmt.Sprintf("old-%02d", i)))
	}
	tuned(t, namespace, replicas, "300/s")

	op.writes.forget()
	setDeploymentStatus(t, namespace, appsv1.DeploymentStatus{Replicas: replicas + surge, UpdatedReplicas: surge, ReadyReplicas: replicas})
	tuned(t, namespace, replicas, "240/s")
	for i := range replicas {
		startPod(t, namespace, fmt.Sprintf("new-%02d", i))
		if err := api.Delete(t.Context(), old[i]); err != nil { // its kubelet is gone at once
			t.Fatal(err)
		}
		if i%batch == batch-1 {
			tuned(t, namespace, replicas, "240/s")
		}
	}
	setDeploymentStatus(t, namespace, appsv1.DeploymentStatus{Replicas: replicas, UpdatedReplicas: replicas, ReadyReplicas: replicas})
	tuned(t, namespace, replicas, "300/s")
	if patches := op.writes.count("PATCH pods/"); patches > 3*replicas {
		t.Errorf("a rollout of %d pods wrote %d times to pods", replicas, patches)
	}
	if documents := op.writes.count("PATCH configmaps/"); documents != 2 {
		t.Errorf("a rollout changed the live settings %d times, want one division at its start and one at its end", documents)
	}
}

// A restart that finds uneven parts keeps them although nothing is measured yet, and so does a service whose tuning is switched
// off, until the others have given back what they had more.
func TestUnevenPartsOutliveARestartAndARoundThatIsLost(t *testing.T) {
	t.Parallel()
	const spec = `{slo: {availability: "99.9"}, replicas: 2, rateLimit: {requestsPerSecond: 200}`
	namespace := newNamespace(t)
	load := newTraffic(0)
	load.own = map[string]float64{"checkout-a": 270, "checkout-b": 90}
	pods := newWorkload()
	pods.scrape = load.scrape
	op := startOperator(t, namespace, pods)
	applyService(t, namespace, spec+"}")
	settled(t, namespace, serviceName)
	startPod(t, namespace, "checkout-a")
	startPod(t, namespace, "checkout-b")
	eventually(t, func(g gomega.Gomega) {
		g.Expect(pods.inForce(t, namespace)["checkout-a"]).To(gomega.BeNumerically(">", 110))
	})
	op.stop()
	before, err := documentOf(t.Context(), namespace, serviceName)
	if err != nil {
		t.Fatal(err)
	}

	pods.scrape = func(context.Context, measure.Pod, measure.Endpoint) (measure.Sample, error) {
		return measure.Sample{}, errors.New("connection refused")
	}
	asked := pods.timesAsked()
	op = startOperator(t, namespace, pods)
	eventually(t, func(g gomega.Gomega) {
		for pod, times := range pods.timesAsked() {
			g.Expect(times).To(gomega.BeNumerically(">", asked[pod]), pod)
		}
	})
	applyService(t, namespace, spec+", pool: {workers: 5}}") // one more look, and its answers
	eventually(t, func(g gomega.Gomega) {
		document, err := documentOf(t.Context(), namespace, serviceName)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		g.Expect(document.Pool.Workers).To(gomega.Equal(5))
	})
	now, err := documentOf(t.Context(), namespace, serviceName)
	if diff := cmp.Diff(before.RateLimit, now.RateLimit); diff != "" || err != nil {
		t.Errorf("parts changed over the restart (-before +now):\n%s%v", diff, err)
	}

	t.Log("a limit that is lowered while the service is paused holds afterwards, measured or not")
	applyService(t, namespace, spec+", paused: true}")
	expectCondition(t, namespace, v1alpha1.ConditionPaused, metav1.ConditionTrue, v1alpha1.ReasonPaused)
	lower := strings.Replace(spec, "Second: 200", "Second: 50", 1)
	applyService(t, namespace, lower+"}")
	eventually(t, func(g gomega.Gomega) {
		force := pods.inForce(t, namespace)
		g.Expect(force["checkout-a"] + force["checkout-b"]).To(gomega.And(gomega.BeNumerically(">", 40), gomega.BeNumerically("<=", 50.1)))
	})

	applyService(t, namespace, spec+", tuning: {mode: Disabled}}")
	expectForce(t, pods, namespace, 100, "checkout-a", "checkout-b")
	op.stop()
}

func TestWhatADeploymentWants(t *testing.T) {
	t.Parallel()
	deployment := func(change func(*appsv1.Deployment)) *appsv1.Deployment {
		d := &appsv1.Deployment{}
		d.Spec.Replicas = new(int32(10))
		d.Spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{MaxSurge: new(intstr.FromString("25%"))}
		change(d)
		return d
	}
	for name, c := range map[string]struct {
		change        func(*appsv1.Deployment)
		wanted, surge int
		rolling       bool
	}{
		"it is new":        {func(*appsv1.Deployment) {}, 10, 3, false},
		"it rolls":         {func(d *appsv1.Deployment) { d.Status.Replicas, d.Status.UpdatedReplicas = 13, 3 }, 10, 3, true},
		"it has rolled":    {func(d *appsv1.Deployment) { d.Status.Replicas, d.Status.UpdatedReplicas = 10, 10 }, 10, 3, false},
		"it grows":         {func(d *appsv1.Deployment) { d.Status.Replicas, d.Status.UpdatedReplicas = 4, 4 }, 10, 3, false},
		"without strategy": {func(d *appsv1.Deployment) { d.Spec.Strategy.RollingUpdate = nil }, 10, 0, false},
		"without a count":  {func(d *appsv1.Deployment) { d.Spec.Replicas = nil }, 0, 0, false},
	} {
		if wanted, surge, rolling := wantedBy(deployment(c.change)); wanted != c.wanted || surge != c.surge || rolling != c.rolling {
			t.Errorf("%s: %d wanted, surge %d, rolling %t", name, wanted, surge, rolling)
		}
	}
}

// Pods that leave because fewer are wanted are not replaced.
func TestPodsThatLeaveForOthersAreReplaced(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status  appsv1.DeploymentStatus
		leaving int
		want    bool
	}{
		"nothing happens":           {appsv1.DeploymentStatus{Replicas: 10, UpdatedReplicas: 10, ReadyReplicas: 10}, 0, false},
		"it rolls":                  {appsv1.DeploymentStatus{Replicas: 13, UpdatedReplicas: 3, ReadyReplicas: 10}, 0, true},
		"it grows":                  {appsv1.DeploymentStatus{Replicas: 10, UpdatedReplicas: 10, ReadyReplicas: 7}, 0, false},
		"fewer are wanted":          {appsv1.DeploymentStatus{Replicas: 12, UpdatedReplicas: 12, ReadyReplicas: 12}, 3, false},
		"those that go are gone":    {appsv1.DeploymentStatus{Replicas: 10, UpdatedReplicas: 10, ReadyReplicas: 10}, 3, false},
		"a node is drained":         {appsv1.DeploymentStatus{Replicas: 10, UpdatedReplicas: 10, ReadyReplicas: 7}, 3, true},
		"the others are there soon": {appsv1.DeploymentStatus{Replicas: 10, UpdatedReplicas: 10, ReadyReplicas: 9}, 1, true},
	} {
		deployment := &appsv1.Deployment{Spec: appsv1.DeploymentSpec{Replicas: new(int32(10))}, Status: c.status}
		if got := replaces(deployment, c.leaving); got != c.want {
			t.Errorf("%s: replaced %t, want %t", name, got, c.want)
		}
	}
}

// Leaving pods lend what they have as long as they do not know that they leave; what they still admit otherwise is not waited for longer than
// ten seconds.
func TestLeavingPodsLendForAsLongAsTheirDelay(t *testing.T) {
	for delay, want := range map[time.Duration]tuner.Budget{
		0:           {LendWithin: 5 * time.Second, LeaveWithin: 10 * time.Second}, // by default
		time.Second: {LendWithin: time.Second, LeaveWithin: 6 * time.Second},
		time.Minute: {LendWithin: time.Minute, LeaveWithin: 15 * time.Second},
	} {
		service := &v1alpha1.GoService{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: serviceName}}
		service.Spec.RateLimit = &v1alpha1.RateLimitSpec{RequestsPerSecond: 100}
		if delay > 0 {
			service.Spec.Shutdown = &v1alpha1.ShutdownSpec{PreStopDelay: &metav1.Duration{Duration: delay}}
		}
		r := GoServiceReconciler{tracker: confirm.NewTracker(confirm.Options{})}
		r.divide(service, observe.State{Deployment: &appsv1.Deployment{}, Serving: []string{"a", "b"}}, nil)
		if kept := r.limits.services[client.ObjectKeyFromObject(service)].budget; kept.LendWithin != want.LendWithin || kept.LeaveWithin != want.LeaveWithin {
			t.Errorf("%s: leaving pods lend for %s and are waited for for %s", delay, kept.LendWithin, kept.LeaveWithin)
		}
	}
}
