// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
)

// limited is a spec with a rate limit, whose fixed size leaves the shares to the pods that run.
func limited(rate string) string {
	return `{replicas: 2, rateLimit: {requestsPerSecond: ` + rate + `}}`
}

// tuned waits until every running pod confirmed, and returns the status.
func tuned(t *testing.T, namespace string, pods int32, perPod string) v1alpha1.GoServiceStatus {
	t.Helper()
	var service v1alpha1.GoService
	eventually(t, func(g gomega.Gomega) {
		g.Expect(api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: serviceName}, &service)).To(gomega.Succeed())
		g.Expect(service.Status.ObservedGeneration).To(gomega.Equal(service.Generation))
		condition := meta.FindStatusCondition(service.Status.Conditions, v1alpha1.ConditionTuned)
		g.Expect(condition).NotTo(gomega.BeNil())
		g.Expect(condition.Status).To(gomega.Equal(metav1.ConditionTrue), condition.Message)
		g.Expect(service.Status.LiveSettings.RequestsPerSecondPerPod).To(gomega.Equal(perPod))
		g.Expect(service.Status.LiveSettings.ConfirmedPods).To(gomega.Equal(pods))
		g.Expect(service.Status.LiveSettings.TotalPods).To(gomega.Equal(pods))
	})
	return service.Status
}

// expectRates demands what each pod admits.
func expectRates(t *testing.T, pods *workload, namespace string, want map[string]float64) {
	t.Helper()
	if diff := cmp.Diff(want, pods.inForce(t, namespace)); diff != "" {
		t.Errorf("what the pods admit (-want +got):\n%s", diff)
	}
}

func TestRunningPodsAreRetuned(t *testing.T) {
	t.Parallel()
	namespace, pods := newNamespace(t), newWorkload()
	op := startOperator(t, namespace, pods)
	applyService(t, namespace, limited("600"))
	settled(t, namespace, serviceName)
	for _, pod := range []string{"a", "b", "c"} {
		startPod(t, namespace, pod)
	}
	first := tuned(t, namespace, 3, "200/s")
	if first.Summary.Tuned != "3/3" || first.Summary.Limit != "600" || first.Plan.SharePerPod.Value != "200/s" {
		t.Errorf("summary %+v, share %+v", first.Summary, first.Plan.SharePerPod)
	}
	expectRates(t, pods, namespace, map[string]float64{"a": 200, "b": 200, "c": 200})

	op.writes.forget()
	applyService(t, namespace, limited("900"))
	second := tuned(t, namespace, 3, "300/s")
	expectRates(t, pods, namespace, map[string]float64{"a": 300, "b": 300, "c": 300})
	if second.LiveSettings.Revision == first.LiveSettings.Revision || second.LiveSettings.ConfirmedAt == nil || second.LiveSettings.ConfirmedAt.Before(second.LiveSettings.ChangedAt) {
		t.Errorf("live settings %+v after %+v", second.LiveSettings, first.LiveSettings)
	}
	written := op.writes.written()
	slices.Sort(written)
	want := []string{"PATCH configmaps/checkout-live-settings", "PATCH goservices/checkout/status", "PATCH pods/a", "PATCH pods/b", "PATCH pods/c"}
	if diff := cmp.Diff(want, written); diff != "" {
		t.Errorf("writes of a retune (-want +got):\n%s", diff)
	}
	eventually(t, func(g gomega.Gomega) {
		var events eventsv1.EventList
		g.Expect(api.List(t.Context(), &events, client.InNamespace(namespace))).To(gomega.Succeed())
		var notes []string
		for i := range events.Items {
			if events.Items[i].Reason == "Retuned" {
				notes = append(notes, events.Items[i].Note)
			}
		}
		g.Expect(notes).To(gomega.ContainElement(gomega.HavePrefix("200/s per pod → 300/s per pod: 3 of 3 pods confirmed in ")))
	})
}

func TestSharesAreDividedAgainWhenThePodsChange(t *testing.T) {
	t.Parallel()
	namespace, pods := newNamespace(t), newWorkload()
	startOperator(t, namespace, pods)
	applyService(t, namespace, `{replicas: 1, rateLimit: {requestsPerSecond: 600}}`)
	settled(t, namespace, serviceName)
	a, b := startPod(t, namespace, "a"), startPod(t, namespace, "b")
	tuned(t, namespace, 2, "300/s")
	startPod(t, namespace, "c")
	tuned(t, namespace, 3, "200/s")
	expectRates(t, pods, namespace, map[string]float64{"a": 200, "b": 200, "c": 200})
	for _, pod := range []*corev1.Pod{a, b} {
		if err := api.Delete(t.Context(), pod); err != nil {
			t.Fatal(err)
		}
	}
	tuned(t, namespace, 1, "600/s")
	expectRates(t, pods, namespace, map[string]float64{"c": 600})
}

func TestOfEditsInARowTheLastIsInForce(t *testing.T) {
	t.Parallel()
	namespace, pods := newNamespace(t), newWorkload()
	startOperator(t, namespace, pods)
	applyService(t, namespace, limited("100"))
	settled(t, namespace, serviceName)
	startPod(t, namespace, "a")
	startPod(t, namespace, "b")
	tuned(t, namespace, 2, "50/s")
	for _, rate := range []string{"200", "300", "400"} {
		applyService(t, namespace, limited(rate))
	}
	startPod(t, namespace, "c")
	applyService(t, namespace, limited("1200"))
	tuned(t, namespace, 3, "400/s")
	expectRates(t, pods, namespace, map[string]float64{"a": 400, "b": 400, "c": 400})
}

func TestARestartedContainerIsAskedAnew(t *testing.T) {
	t.Parallel()
	namespace, pods := newNamespace(t), newWorkload()
	startOperator(t, namespace, pods)
	applyService(t, namespace, limited("100"))
	settled(t, namespace, serviceName)
	pod := startPod(t, namespace, "a")
	tuned(t, namespace, 1, "100/s")
	before := pods.timesAsked()["a"]
	status := pod.Status.DeepCopy()
	status.ContainerStatuses[0].RestartCount++
	setPodStatus(t, pod, *status)
	eventually(t, func(g gomega.Gomega) { g.Expect(pods.timesAsked()["a"]).To(gomega.BeNumerically(">", before)) })
	tuned(t, namespace, 1, "100/s")
}

func TestAPodThatCannotBeAskedMakesTunedUnknown(t *testing.T) {
	t.Parallel()
	namespace, pods := newNamespace(t), newWorkload()
	pods.isolate("b", errors.New("dial tcp 10.0.0.1:9100: connect: connection refused"))
	startOperator(t, namespace, pods)
	applyService(t, namespace, limited("100"))
	settled(t, namespace, serviceName)
	startPod(t, namespace, "a")
	startPod(t, namespace, "b")
	message := expectCondition(t, namespace, v1alpha1.ConditionTuned, metav1.ConditionUnknown, v1alpha1.ReasonUnreachablePods)
	if want := "1 of 2 pods confirmed the latest live settings; a pod does not listen on port 9100: is the image built on the toolkit?"; message != want {
		t.Errorf("message %q, want %q", message, want)
	}
	var service v1alpha1.GoService
	get(t, namespace, serviceName, &service)
	want := []v1alpha1.UnconfirmedPod{{Pod: "b", Reason: "does not listen on port 9100: is the image built on the toolkit?"}}
	if diff := cmp.Diff(want, service.Status.LiveSettings.Unconfirmed); diff != "" {
		t.Errorf("unconfirmed pods (-want +got):\n%s", diff)
	}
	pods.isolate("b", nil)
	tuned(t, namespace, 2, "50/s")
}

func TestARefusedDocumentMakesTunedFalse(t *testing.T) {
	t.Parallel()
	namespace, pods := newNamespace(t), newWorkload()
	startOperator(t, namespace, pods)
	applyService(t, namespace, limited("100"))
	settled(t, namespace, serviceName)
	startPod(t, namespace, "a")
	tuned(t, namespace, 1, "100/s")
	pods.refuse("a", "upstreams.billing: no such upstream")
	applyService(t, namespace, limited("200"))
	message := expectCondition(t, namespace, v1alpha1.ConditionTuned, metav1.ConditionFalse, v1alpha1.ReasonRejectedByPods)
	if !strings.Contains(message, "upstreams.billing: no such upstream") {
		t.Errorf("message %q", message)
	}
	pods.refuse("a", "")
	applyService(t, namespace, limited("300"))
	tuned(t, namespace, 1, "300/s")
}

func TestARestartOfTheOperatorWritesNothing(t *testing.T) {
	t.Parallel()
	namespace, pods := newNamespace(t), newWorkload()
	op := startOperator(t, namespace, pods)
	applyService(t, namespace, limited("600"))
	settled(t, namespace, serviceName)
	startPod(t, namespace, "a")
	startPod(t, namespace, "b")
	before := tuned(t, namespace, 2, "300/s")
	op.stop()

	asked := pods.timesAsked()
	op = startOperator(t, namespace, pods)
	eventually(t, func(g gomega.Gomega) {
		for pod, times := range pods.timesAsked() {
			g.Expect(times).To(gomega.BeNumerically(">", asked[pod]), pod)
		}
	})
	startedWith := op.writes.written()
	// One more change and its answers come after whatever the start still had to do.
	applyService(t, namespace, limited("800"))
	after := tuned(t, namespace, 2, "400/s")
	if len(startedWith) > 0 {
		t.Errorf("the start wrote %v", startedWith)
	}
	written := op.writes.written()
	slices.Sort(written)
	want := []string{"PATCH configmaps/checkout-live-settings", "PATCH goservices/checkout/status", "PATCH pods/a", "PATCH pods/b"}
	if diff := cmp.Diff(want, written); diff != "" {
		t.Errorf("writes of the start and a retune (-want +got):\n%s", diff)
	}
	was, is := meta.FindStatusCondition(before.Conditions, v1alpha1.ConditionReady), meta.FindStatusCondition(after.Conditions, v1alpha1.ConditionReady)
	if !was.LastTransitionTime.Equal(&is.LastTransitionTime) {
		t.Error("Ready changed over the restart")
	}
}

func TestWhatTheOperatorMissedItDoesAfterItsStart(t *testing.T) {
	t.Parallel()
	namespace, pods := newNamespace(t), newWorkload()
	op := startOperator(t, namespace, pods)
	applyService(t, namespace, limited("600"))
	settled(t, namespace, serviceName)
	a := startPod(t, namespace, "a")
	startPod(t, namespace, "b")
	tuned(t, namespace, 2, "300/s")
	op.stop()
	if err := api.Delete(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	startPod(t, namespace, "c")
	startPod(t, namespace, "d")
	applyService(t, namespace, limited("900"))
	var child corev1.Service
	get(t, namespace, serviceName, &child)
	if err := api.Delete(t.Context(), &child); err != nil {
		t.Fatal(err)
	}
	startOperator(t, namespace, pods)
	tuned(t, namespace, 3, "300/s")
	want := map[string]float64{"b": 300, "c": 300, "d": 300}
	expectRates(t, pods, namespace, want)
	if _, exists := childrenOf(t, namespace)["Service/checkout"]; !exists {
		t.Errorf("the deleted Service is not back: %v", slices.Sorted(maps.Keys(childrenOf(t, namespace))))
	}
}

func TestPodsAreToldWhetherTheyShareALimit(t *testing.T) {
	t.Parallel()
	namespace, pods := newNamespace(t), newWorkload()
	startOperator(t, namespace, pods)
	for _, c := range []struct {
		spec   string
		shared bool
	}{
		{`{replicas: 2, rateLimit: {requestsPerSecond: 100}}`, true},
		{`{replicas: 2, rateLimit: {requestsPerSecond: 100, scope: Pod}}`, false},
		{`{replicas: 2, rateLimit: {requestsPerSecond: 100, scope: Service}, tuning: {mode: Disabled}}`, true},
		{`{replicas: 2, rateLimit: {requestsPerSecond: 100}, slo: {availability: "99"}, tuning: {mode: Recommend}}`, true},
		{`{replicas: 2, rateLimit: {requestsPerSecond: 100, scope: Pod}, slo: {availability: "99"}}`, false},
		{`{replicas: 2, rateLimit: {requestsPerSecond: 100}, slo: {availability: "99"}}`, true},
	} {
		applyService(t, namespace, c.spec)
		settled(t, namespace, serviceName)
		document, err := documentOf(t.Context(), namespace, serviceName)
		if err != nil {
			t.Fatal(err)
		}
		if limit := document.For("a").RateLimit; limit.Shared != c.shared {
			t.Errorf("%s: %+v", c.spec, limit)
		}
	}
}
