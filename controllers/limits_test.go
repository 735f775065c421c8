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
	"goservice.dev/operator/controllers/internal/apply"
	"goservice.dev/operator/controllers/internal/confirm"
	"goservice.dev/operator/controllers/internal/measure"
	"goservice.dev/operator/controllers/internal/observe"
	"goservice.dev/operator/controllers/tuner"
	"goservice.dev/operator/workload/livesettings"
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

// stateWith is the state of a service with a document.
func stateWith(t *testing.T, document livesettings.Document) observe.State {
	t.Helper()
	encoded, err := document.Encode()
	if err != nil {
		t.Fatal(err)
	}
	configMap := &corev1.ConfigMap{Data: map[string]string{livesettings.FileName: string(encoded)}}
	return observe.State{Children: map[apply.Key]client.Object{{Name: "checkout-live-settings"}: configMap}}
}

// An operator that ended while a limit was edited may have left the live settings of the former limit or of the latest.
func TestAnEditBetweenTwoOperatorsIsNoOtherNumberOfPods(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		told  int32 // 0: nothing, or not yet
		limit int32
		each  float64
		want  int
	}{
		"raised, nothing written":           {60, 240, 20, 3},
		"raised, live settings written":     {60, 240, 80, 3},
		"lowered, nothing written":          {240, 60, 80, 3},
		"lowered, live settings written":    {240, 60, 20, 3},
		"not edited":                        {240, 240, 80, 3},
		"not edited, more were waited for":  {240, 240, 60, 4},
		"each pod had its own limit before": {0, 240, 60, 4},
		"no status":                         {0, 240, 80, 3},
	} {
		service := &v1alpha1.GoService{Spec: v1alpha1.GoServiceSpec{RateLimit: &v1alpha1.RateLimitSpec{RequestsPerSecond: c.limit}}}
		if c.told > 0 {
			service.Status.Figures = &v1alpha1.FiguresStatus{SharedRequestsPerSecond: &c.told}
		}
		seen := stateWith(t, livesettings.Document{Version: livesettings.Version, RateLimit: &livesettings.RateLimit{RequestsPerSecond: c.each, Burst: 10}})
		seen.Serving = []string{"a", "b", "c"}
		if got := inForce(service, seen); got.Pods != c.want {
			t.Errorf("%s: %d pods, want %d", name, got.Pods, c.want)
		}
	}
}

// Parts by demand say by their sum what limit they are of, whatever the status tells: that of a paused service has the latest.
func TestALimitLoweredBetweenTwoOperatorsReachesUnevenParts(t *testing.T) {
	t.Parallel()
	for _, told := range []int32{60, 240} {
		service := &v1alpha1.GoService{Spec: v1alpha1.GoServiceSpec{RateLimit: &v1alpha1.RateLimitSpec{RequestsPerSecond: 60}}}
		service.Status.Figures = &v1alpha1.FiguresStatus{SharedRequestsPerSecond: &told}
		seen := stateWith(t, livesettings.Document{Version: livesettings.Version, RateLimit: &livesettings.RateLimit{
			RequestsPerSecond: 0.24, Burst: 10, Pods: map[string]livesettings.Bucket{"a": {RequestsPerSecond: 180, Burst: 10}, "b": {RequestsPerSecond: 60, Burst: 10}},
		}})
		var l limits
		divided := l.next(client.ObjectKey{Namespace: "shop", Name: serviceName}, tuner.Budget{
			Total: 60, Serving: []string{"a", "b"}, Wanted: 2, Measured: true, InForce: func() tuner.InForce { return inForce(service, seen) },
		}, nil)
		if divided.Parts == nil || divided.Parts.Pods["a"]+divided.Parts.Pods["b"] > 60.1 || divided.Parts.Pods["a"] < 40 {
			t.Errorf("told %d: %+v, want parts of 60 as they were", told, divided.Parts)
		}
	}
}

// What an operator before this one has left is read from the live settings.
func TestWhatIsInForce(t *testing.T) {
	t.Parallel()
	limit := func(scope v1alpha1.RateLimitScope) *v1alpha1.RateLimitSpec {
		return &v1alpha1.RateLimitSpec{RequestsPerSecond: 100, Scope: scope}
	}
	upstreams := func(scope v1alpha1.RateLimitScope) []v1alpha1.UpstreamSpec {
		return []v1alpha1.UpstreamSpec{{Name: "free"}, {Name: "u", RateLimit: limit(scope)}}
	}
	each := livesettings.RateLimit{RequestsPerSecond: 33.333, Burst: 10}
	uneven := livesettings.RateLimit{RequestsPerSecond: 0.1, Burst: 10, Pods: map[string]livesettings.Bucket{"a": {RequestsPerSecond: 70, Burst: 10}}}
	outbound := map[string]livesettings.Upstream{"free": {}, "u": {RequestsPerSecond: 25, Burst: 10}}
	for name, c := range map[string]struct {
		spec     v1alpha1.GoServiceSpec
		document livesettings.Document
		want     tuner.InForce
	}{
		"equal parts":          {v1alpha1.GoServiceSpec{RateLimit: limit("")}, livesettings.Document{RateLimit: &each}, tuner.InForce{Pods: 3, Newcomer: 33.333}},
		"parts by demand":      {v1alpha1.GoServiceSpec{RateLimit: limit("")}, livesettings.Document{RateLimit: &uneven}, tuner.InForce{Parts: map[string]float64{"a": 70}, Newcomer: 0.1}},
		"an upstream's alone":  {v1alpha1.GoServiceSpec{Upstreams: upstreams("")}, livesettings.Document{Upstreams: outbound}, tuner.InForce{Pods: 4}},
		"each pod has its own": {v1alpha1.GoServiceSpec{RateLimit: limit(v1alpha1.ScopePod), Upstreams: upstreams(v1alpha1.ScopePod)}, livesettings.Document{RateLimit: &each, Upstreams: outbound}, tuner.InForce{}},
		"no limit before":      {v1alpha1.GoServiceSpec{RateLimit: limit("")}, livesettings.Document{}, tuner.InForce{}},
	} {
		c.document.Version = livesettings.Version
		got := inForce(&v1alpha1.GoService{Spec: c.spec}, stateWith(t, c.document))
		if got.Pods != c.want.Pods || got.Newcomer != c.want.Newcomer || len(got.Parts) != len(c.want.Parts) || got.Parts["a"] != c.want.Parts["a"] {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
	paused := &v1alpha1.GoService{Spec: v1alpha1.GoServiceSpec{RateLimit: limit(""), Paused: true}}
	seen := stateWith(t, livesettings.Document{Version: livesettings.Version, RateLimit: &each})
	seen.Deployment, seen.Serving = &appsv1.Deployment{}, []string{"a", "b", "c", "d", "e"}
	if got := (&GoServiceReconciler{}).divide(paused, seen, nil); got.Pods != 3 || got.Parts != nil || !got.Again.IsZero() {
		t.Errorf("a paused service is divided as %+v, want what is in force", got)
	}
	if got := inForce(&v1alpha1.GoService{Spec: v1alpha1.GoServiceSpec{RateLimit: limit("")}}, observe.State{}); got.Pods != 0 {
		t.Errorf("without a document: %+v", got)
	}
}

// What is kept of the last look is kept for as long as the service lives: a function in it would keep all that it may read.
func TestWhatIsKeptOfALimitReadsNothing(t *testing.T) {
	var l limits
	name := client.ObjectKey{Namespace: "shop", Name: serviceName}
	asked := 0
	budget := tuner.Budget{Total: 100, Serving: []string{"a", "b"}, Wanted: 2, InForce: func() tuner.InForce {
		asked++
		return tuner.InForce{}
	}}
	l.next(name, budget, nil)
	l.next(name, budget, nil)
	if kept := l.services[name].budget; asked != 1 || kept.InForce != nil || kept.Total != 100 {
		t.Errorf("asked %d times, kept %+v", asked, kept)
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
