// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"
	kstatus "sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
)

// rollout is what the deployment controller reports, for the newest template.
func rollout(t *testing.T, namespace string, replicas, updated, ready int32, conditions ...appsv1.DeploymentCondition) {
	t.Helper()
	var deployment appsv1.Deployment
	get(t, namespace, serviceName, &deployment)
	setDeploymentStatus(t, namespace, appsv1.DeploymentStatus{
		ObservedGeneration: deployment.Generation, Replicas: replicas, UpdatedReplicas: updated,
		ReadyReplicas: ready, AvailableReplicas: ready, Conditions: conditions,
	})
}

// expectConditions waits for the status and reason of several conditions.
func expectConditions(t *testing.T, namespace string, want map[string]string) {
	t.Helper()
	eventually(t, func(g gomega.Gomega) {
		var service v1alpha1.GoService
		g.Expect(api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: serviceName}, &service)).To(gomega.Succeed())
		got := map[string]string{}
		for conditionType := range want {
			if condition := meta.FindStatusCondition(service.Status.Conditions, conditionType); condition != nil {
				got[conditionType] = string(condition.Status) + " " + condition.Reason
			}
		}
		g.Expect(cmp.Diff(want, got)).To(gomega.BeEmpty())
	})
}

func TestConditionsFollowTheDeployment(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	startOperator(t, namespace, nil)
	applyService(t, namespace, `replicas: 2`)
	settled(t, namespace, serviceName)
	expectConditions(t, namespace, map[string]string{
		"Ready": "False RollingOut", "Available": "False MinimumReplicasUnavailable", "Progressing": "True RollingOut",
		"Tuned": "Unknown NoPods", "Planned": "True Derived", "Applied": "True Applied",
	})

	rollout(t, namespace, 2, 2, 1)
	expectConditions(t, namespace, map[string]string{
		"Ready": "False MinimumReplicasUnavailable", "Available": "False MinimumReplicasUnavailable", "Progressing": "True Scaling",
	})
	rollout(t, namespace, 2, 2, 2)
	expectConditions(t, namespace, map[string]string{
		"Ready": "True Ready", "Available": "True MinimumReplicasAvailable", "Progressing": "False RolloutComplete",
	})
	var service v1alpha1.GoService
	get(t, namespace, serviceName, &service)
	if service.Status.Summary.Replicas != "2/2" || service.Status.Replicas != 2 || service.Status.ReadyReplicas != 2 {
		t.Errorf("status %+v", service.Status)
	}

	applyService(t, namespace, `{replicas: 2, image: "registry.example/checkout:v2"}`)
	settled(t, namespace, serviceName)
	expectConditions(t, namespace, map[string]string{"Ready": "False RollingOut", "Available": "True MinimumReplicasAvailable"})
	rollout(t, namespace, 3, 1, 2)
	expectConditions(t, namespace, map[string]string{"Ready": "False RollingOut", "Progressing": "True RollingOut"})
	rollout(t, namespace, 3, 1, 2, appsv1.DeploymentCondition{
		Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: "ProgressDeadlineExceeded",
	})
	expectConditions(t, namespace, map[string]string{"Ready": "False RolloutStalled", "Progressing": "False RolloutStalled"})
	rollout(t, namespace, 2, 2, 2)
	expectConditions(t, namespace, map[string]string{"Ready": "True Ready", "Progressing": "False RolloutComplete"})

	eventually(t, func(g gomega.Gomega) {
		var events eventsv1.EventList
		g.Expect(api.List(t.Context(), &events, client.InNamespace(namespace))).To(gomega.Succeed())
		ready := 0
		for i := range events.Items {
			if events.Items[i].Reason == "Ready" {
				ready++
				if series := events.Items[i].Series; series != nil {
					ready += int(series.Count) - 1
				}
			}
		}
		g.Expect(ready).To(gomega.Equal(2), "one event for each time that the service became ready")
	})
}

// Whoever watches sees every status that is written: none of them may call a service ready whose new template the deployment
// controller has not seen.
func TestNoStatusCallsAnUnseenTemplateReady(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	startOperator(t, namespace, nil)
	applyService(t, namespace, `replicas: 2`)
	settled(t, namespace, serviceName)
	rollout(t, namespace, 2, 2, 2)
	expectConditions(t, namespace, map[string]string{"Ready": "True Ready"})
	watching, err := client.NewWithWatch(testConfig, client.Options{Scheme: testScheme})
	if err != nil {
		t.Fatal(err)
	}
	statuses, err := watching.Watch(t.Context(), &v1alpha1.GoServiceList{}, client.InNamespace(namespace))
	if err != nil {
		t.Fatal(err)
	}
	defer statuses.Stop()
	for edit, spec := range []string{`{replicas: 2, image: "registry.example/checkout:v2"}`, `{replicas: 2, image: "registry.example/checkout:v3"}`} {
		generation := applyService(t, namespace, spec).Generation
		settled(t, namespace, serviceName)
		expectConditions(t, namespace, map[string]string{"Ready": "False RollingOut"})
		var last v1alpha1.GoService
		get(t, namespace, serviceName, &last)
		for event := range statuses.ResultChan() {
			service, is := event.Object.(*v1alpha1.GoService)
			if !is {
				t.Fatalf("the watch said %v", event.Object)
			}
			ready := meta.FindStatusCondition(service.Status.Conditions, v1alpha1.ConditionReady)
			if ready != nil && ready.Status == metav1.ConditionTrue && ready.ObservedGeneration >= generation {
				t.Errorf("edit %d: Ready for generation %d before its rollout: %s", edit, ready.ObservedGeneration, ready.Message)
			}
			if service.ResourceVersion == last.ResourceVersion {
				break
			}
		}
		rollout(t, namespace, 2, 2, 2)
		expectConditions(t, namespace, map[string]string{"Ready": "True Ready"})
	}
}

// What the deployment controller cannot create is told, and stands for a while before tools give up.
func TestRefusedPodsAreExplained(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	startOperator(t, namespace, nil)
	applyService(t, namespace, `replicas: 2`)
	settled(t, namespace, serviceName)
	refusal := appsv1.DeploymentCondition{
		Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Reason: "FailedCreate", LastTransitionTime: metav1.Now(),
		Message: `pods "checkout-7d4c-x8k2p" is forbidden: failed quota: q: must specify limits.cpu for: service`,
	}
	rollout(t, namespace, 0, 0, 0, refusal)
	expectConditions(t, namespace, map[string]string{"Ready": "False QuotaExceeded", "Reconciling": "True QuotaExceeded"})
	refusal.LastTransitionTime = metav1.NewTime(time.Now().Add(-3 * time.Minute))
	rollout(t, namespace, 0, 0, 0, refusal)
	expectConditions(t, namespace, map[string]string{"Ready": "False QuotaExceeded", "Stalled": "True QuotaExceeded"})
	rollout(t, namespace, 2, 2, 2)
	expectConditions(t, namespace, map[string]string{"Ready": "True Ready"})
}

// A deployment controller that may not create the ReplicaSet never says that it has seen the template.
func TestARefusedReplicaSetIsExplained(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	startOperator(t, namespace, nil)
	applyService(t, namespace, `replicas: 2`)
	settled(t, namespace, serviceName)
	refuse := func(replicas int32, generation int64, at time.Time) {
		setDeploymentStatus(t, namespace, appsv1.DeploymentStatus{
			ObservedGeneration: generation, Replicas: replicas, UpdatedReplicas: replicas, ReadyReplicas: replicas, AvailableReplicas: replicas,
			Conditions: []appsv1.DeploymentCondition{{
				Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: "ReplicaSetCreateError",
				LastTransitionTime: metav1.NewTime(at), LastUpdateTime: metav1.NewTime(at),
				Message: `Failed to create new replica set "checkout-7d4c": admission webhook "sets.example" denied the request: no owner label`,
			}},
		})
	}
	refuse(0, 0, time.Now())
	expectConditions(t, namespace, map[string]string{"Ready": "False PodsDenied", "Reconciling": "True PodsDenied", "Progressing": "True RollingOut"})
	rollout(t, namespace, 2, 2, 2)
	expectConditions(t, namespace, map[string]string{"Ready": "True Ready"})

	var before appsv1.Deployment
	get(t, namespace, serviceName, &before)
	refuse(2, before.Generation, time.Now().Add(-3*time.Minute))
	expectConditions(t, namespace, map[string]string{"Ready": "False PodsDenied", "Stalled": "True PodsDenied", "Available": "True MinimumReplicasAvailable"})
	// What the controller said of the template before does not yet hold against an edit.
	applyService(t, namespace, `{replicas: 2, image: "registry.example/checkout:v2"}`)
	settled(t, namespace, serviceName)
	expectConditions(t, namespace, map[string]string{"Ready": "False PodsDenied", "Reconciling": "True PodsDenied"})
	rollout(t, namespace, 2, 2, 2)
	expectConditions(t, namespace, map[string]string{"Ready": "True Ready"})
}

// The autoscaler's own words are read, although most of its status is not kept.
func TestABlindAutoscalerIsTold(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	startOperator(t, namespace, nil)
	applyService(t, namespace, `autoscaling: {minReplicas: 2, maxReplicas: 10}`)
	settled(t, namespace, serviceName)
	rollout(t, namespace, 2, 2, 2)
	expectConditions(t, namespace, map[string]string{"Ready": "True Ready", "Scaling": "Unknown AutoscalerUnseen"})
	say := func(status corev1.ConditionStatus, reason, message string) {
		var autoscaler autoscalingv2.HorizontalPodAutoscaler
		get(t, namespace, serviceName, &autoscaler)
		base := autoscaler.DeepCopy()
		autoscaler.Status.Conditions = []autoscalingv2.HorizontalPodAutoscalerCondition{{
			Type: autoscalingv2.ScalingActive, Status: status, Reason: reason, Message: message, LastTransitionTime: metav1.NewTime(time.Now().Add(-time.Hour)),
		}}
		if err := api.Status().Patch(t.Context(), &autoscaler, client.MergeFrom(base)); err != nil {
			t.Fatal(err)
		}
	}
	say(corev1.ConditionFalse, "FailedGetResourceMetric", "the server could not find the requested resource (get pods.metrics.k8s.io)")
	expectConditions(t, namespace, map[string]string{"Ready": "True Ready", "Scaling": "False NoMetrics"})
	say(corev1.ConditionTrue, "ValidMetricFound", "")
	expectConditions(t, namespace, map[string]string{"Scaling": "True Scaling"})
}

// A node that is drained waits for good at a pod that two budgets select.
func TestASecondDisruptionBudgetIsTold(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	startOperator(t, namespace, nil)
	applyService(t, namespace, `{replicas: 2, pod: {labels: {team: shop}}}`)
	settled(t, namespace, serviceName)
	budget := &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "team"},
		Spec: policyv1.PodDisruptionBudgetSpec{
			MaxUnavailable: new(intstr.FromInt32(1)), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"team": "pay"}},
		},
	}
	if err := api.Create(t.Context(), budget); err != nil {
		t.Fatal(err)
	}
	blocked := func(g gomega.Gomega) *metav1.Condition {
		var service v1alpha1.GoService
		g.Expect(api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: serviceName}, &service)).To(gomega.Succeed())
		return meta.FindStatusCondition(service.Status.Conditions, v1alpha1.ConditionEvictionBlocked)
	}
	base := budget.DeepCopy()
	budget.Spec.Selector.MatchLabels["team"] = "shop"
	if err := api.Patch(t.Context(), budget, client.MergeFrom(base)); err != nil {
		t.Fatal(err)
	}
	eventually(t, func(g gomega.Gomega) {
		g.Expect(blocked(g)).To(gomega.HaveField("Message", gomega.HavePrefix(`PodDisruptionBudget "team" selects these pods, too`)))
	})
	if err := api.Delete(t.Context(), budget); err != nil {
		t.Fatal(err)
	}
	eventually(t, func(g gomega.Gomega) { g.Expect(blocked(g)).To(gomega.BeNil()) })
}

// Helm and Flux look at once; an operator that has not looked yet has not said that all is well.
func TestToolsWaitForAServiceAsItIsStored(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	applyService(t, namespace, `replicas: 1`)
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(v1alpha1.GoServiceKind)
	get(t, namespace, serviceName, object)
	result, err := kstatus.Compute(object)
	if err != nil {
		t.Fatal(err)
	}
	if result.Status != kstatus.InProgressStatus {
		t.Errorf("kstatus says %s of a service that nobody looked at: %s", result.Status, result.Message)
	}
}

func TestATroubledPodExplainsTheCondition(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		status corev1.PodStatus
		want   string
	}{
		"no node fits": {
			corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{{
				Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "0/3 nodes are available: 3 Insufficient cpu.",
			}}},
			"0 of at least 2 pods are available: a pod cannot be scheduled: 0/3 nodes are available: 3 Insufficient cpu.",
		},
		"no such image": {
			corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{{
				Name: "service", Image: "nope:1", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{
					Reason: "ImagePullBackOff", Message: `Back-off pulling image "nope:1": ErrImagePull: pull access denied`,
				}},
			}}},
			`0 of at least 2 pods are available: image "nope:1" cannot be pulled: pull access denied; check its name, tag and spec.imagePullSecrets`,
		},
		"it ends at once": {
			corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{
				Name: "service", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
				LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
					ExitCode: 2, Message: "configuration: PORT: must be a number\nmore",
				}},
			}}},
			"0 of at least 2 pods are available: a container ended with code 2: configuration: PORT: must be a number more",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t)
			startOperator(t, namespace, nil)
			applyService(t, namespace, `replicas: 2`)
			settled(t, namespace, serviceName)
			setPodStatus(t, startPod(t, namespace, "a"), c.status)
			eventually(t, func(g gomega.Gomega) {
				var service v1alpha1.GoService
				g.Expect(api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: serviceName}, &service)).To(gomega.Succeed())
				available := meta.FindStatusCondition(service.Status.Conditions, v1alpha1.ConditionAvailable)
				g.Expect(available.Message).To(gomega.Equal(c.want))
				g.Expect(available.Status).To(gomega.Equal(metav1.ConditionFalse))
			})
		})
	}
}

// What the API server refuses, though the schema admits it, is the user's to mend.
func TestWhatTheAPIServerRefusesIsReported(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	var mended atomic.Bool
	startOperator(t, namespace, nil, func(o *operatorOptions) {
		o.wrap = func(next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(request *http.Request) (*http.Response, error) {
				if request.Method != http.MethodGet && strings.Contains(request.URL.Path, "/deployments") && !mended.Load() {
					return refusal(request, http.StatusUnprocessableEntity, "Invalid",
						"Deployment.apps is invalid: spec.template.spec.containers[0].resources.limits[example.com/gpu]: Invalid value"), nil
				}
				return next.RoundTrip(request)
			})
		}
	})
	applyService(t, namespace, `{replicas: 1}`)
	expectCondition(t, namespace, v1alpha1.ConditionApplied, metav1.ConditionFalse, v1alpha1.ReasonInvalid)
	expectCondition(t, namespace, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonInvalid)
	var service v1alpha1.GoService
	get(t, namespace, serviceName, &service)
	if c := meta.FindStatusCondition(service.Status.Conditions, v1alpha1.ConditionApplied); !strings.Contains(c.Message, " spec.resources.limits[example.com/gpu]") {
		t.Errorf("%q does not name the field that the user wrote", c.Message)
	}
	mended.Store(true)
	applyService(t, namespace, `{replicas: 2}`)
	settled(t, namespace, serviceName)
}

func TestAnObjectiveThatCannotBeMetIsReported(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	startOperator(t, namespace, nil)
	applyService(t, namespace, `{slo: {load: {peakRequestsPerSecond: 100}}, rateLimit: {requestsPerSecond: 10}}`)
	expectCondition(t, namespace, v1alpha1.ConditionPlanned, metav1.ConditionFalse, v1alpha1.ReasonRateLimitTooSmall)
	eventually(t, func(g gomega.Gomega) {
		var events eventsv1.EventList
		g.Expect(api.List(t.Context(), &events, client.InNamespace(namespace))).To(gomega.Succeed())
		g.Expect(events.Items).To(gomega.ContainElement(gomega.And(
			gomega.HaveField("Reason", v1alpha1.ReasonRateLimitTooSmall), gomega.HaveField("Type", corev1.EventTypeWarning))))
	})
	applyService(t, namespace, `{slo: {load: {peakRequestsPerSecond: 100}}, rateLimit: {requestsPerSecond: 100}}`)
	expectCondition(t, namespace, v1alpha1.ConditionPlanned, metav1.ConditionTrue, v1alpha1.ReasonDerived)
}
