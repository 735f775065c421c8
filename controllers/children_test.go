// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
)

// minimalSpec is what a person writes at least.
const minimalSpec = `
slo:
  availability: "99.9"
  latency: {threshold: 50ms, percentile: "99"}
  load: {peakRequestsPerSecond: 2000}
rateLimit: {requestsPerSecond: 2500}
`

// childrenOf lists what the operator made in a namespace, by kind and name.
func childrenOf(t *testing.T, namespace string) map[string]client.Object {
	t.Helper()
	found := map[string]client.Object{}
	for _, list := range []client.ObjectList{
		&corev1.ServiceAccountList{}, &corev1.ConfigMapList{}, &corev1.ServiceList{}, &appsv1.DeploymentList{},
		&policyv1.PodDisruptionBudgetList{}, &networkingv1.NetworkPolicyList{}, &autoscalingv2.HorizontalPodAutoscalerList{}, &networkingv1.IngressList{},
	} {
		if err := api.List(t.Context(), list, client.InNamespace(namespace), client.MatchingLabels{build.LabelManagedBy: build.ManagedBy}); err != nil {
			t.Fatal(err)
		}
		if err := meta.EachListItem(list, func(item runtime.Object) error {
			object := item.(client.Object)
			kind, err := apiutil.GVKForObject(object, testScheme)
			found[kind.Kind+"/"+object.GetName()] = object
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	return found
}

func names(children map[string]client.Object) []string { return slices.Sorted(maps.Keys(children)) }

func versions(children map[string]client.Object) map[string]string {
	result := map[string]string{}
	for name, object := range children {
		result[name] = object.GetResourceVersion()
	}
	return result
}

// settled waits until the status speaks of the newest spec and everything is applied.
func settled(t *testing.T, namespace, name string) *v1alpha1.GoService {
	t.Helper()
	var service v1alpha1.GoService
	eventually(t, func(g gomega.Gomega) {
		g.Expect(api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, &service)).To(gomega.Succeed())
		g.Expect(service.Status.ObservedGeneration).To(gomega.Equal(service.Generation))
		applied := meta.FindStatusCondition(service.Status.Conditions, v1alpha1.ConditionApplied)
		g.Expect(applied).NotTo(gomega.BeNil())
		g.Expect(applied.Status).To(gomega.Equal(metav1.ConditionTrue), applied.Message)
	})
	return &service
}

// nudgeOperator makes the operator reconcile and waits until that is done: a changed count of ready pods shows in the
// status. It returns what the operator wrote besides that status.
func nudgeOperator(t *testing.T, namespace string, op *operator, ready int32) []string {
	t.Helper()
	op.writes.forget()
	setDeploymentStatus(t, namespace, appsv1.DeploymentStatus{Replicas: 9, UpdatedReplicas: 9, ReadyReplicas: ready})
	eventually(t, func(g gomega.Gomega) {
		var service v1alpha1.GoService
		g.Expect(api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: serviceName}, &service)).To(gomega.Succeed())
		g.Expect(service.Status.ReadyReplicas).To(gomega.Equal(ready))
	})
	return slices.DeleteFunc(op.writes.written(), func(entry string) bool { return entry == "PATCH goservices/checkout/status" })
}

func setDeploymentStatus(t *testing.T, namespace string, status appsv1.DeploymentStatus) {
	t.Helper()
	var deployment appsv1.Deployment
	get(t, namespace, serviceName, &deployment)
	base := deployment.DeepCopy()
	deployment.Status = status
	if err := api.Status().Patch(t.Context(), &deployment, client.MergeFrom(base)); err != nil {
		t.Fatal(err)
	}
}

func TestCreate(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	startOperator(t, namespace, nil)
	service := applyService(t, namespace, minimalSpec)
	settled(t, namespace, serviceName)

	children := childrenOf(t, namespace)
	want := []string{
		"ConfigMap/checkout-live-settings", "Deployment/checkout", "HorizontalPodAutoscaler/checkout", "PodDisruptionBudget/checkout",
		"Service/checkout", "Service/checkout-metrics", "ServiceAccount/checkout",
	}
	if diff := cmp.Diff(want, names(children)); diff != "" {
		t.Fatalf("children (-want +got):\n%s", diff)
	}
	for name, child := range children {
		owners := child.GetOwnerReferences()
		want := []metav1.OwnerReference{{
			APIVersion: "goservice.dev/v1alpha1", Kind: "GoService", Name: serviceName, UID: service.UID,
			Controller: new(true), BlockOwnerDeletion: new(true),
		}}
		if diff := cmp.Diff(want, owners); diff != "" {
			t.Errorf("owners of %s (-want +got):\n%s", name, diff)
		}
	}
	deployment := children["Deployment/checkout"].(*appsv1.Deployment)
	if got := deployment.Spec.Template.Spec.Containers[0].Image; got != testImage {
		t.Errorf("image %q", got)
	}
	if *deployment.Spec.Replicas != 2 {
		t.Errorf("%d replicas, want the plan's minimum", *deployment.Spec.Replicas)
	}
	autoscaler := children["HorizontalPodAutoscaler/checkout"].(*autoscalingv2.HorizontalPodAutoscaler)
	if *autoscaler.Spec.MinReplicas != 2 || autoscaler.Spec.MaxReplicas <= 2 {
		t.Errorf("autoscaler from %d to %d", *autoscaler.Spec.MinReplicas, autoscaler.Spec.MaxReplicas)
	}
	document, err := documentOf(t.Context(), namespace, serviceName)
	if err != nil || document.RateLimit == nil || document.RateLimit.RequestsPerSecond != 1250 {
		t.Errorf("document %+v (%v), want half of the budget for each of two pods", document, err)
	}
}

// A kubelet must not be told anything that the restricted Pod Security Standard refuses; the API server checks that for the
// pods of a Deployment when it warns.
func TestPodsKeepTheRestrictedStandard(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	enforced := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
	patch := []byte(`{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"restricted"}}}`)
	if err := api.Patch(t.Context(), enforced, client.RawPatch("application/merge-patch+json", patch)); err != nil {
		t.Fatal(err)
	}
	startOperator(t, namespace, nil)
	applyService(t, namespace, `tls: {secretName: checkout-tls}`)
	settled(t, namespace, serviceName)
	template := childrenOf(t, namespace)["Deployment/checkout"].(*appsv1.Deployment).Spec.Template
	pod := &corev1.Pod{ObjectMeta: template.ObjectMeta, Spec: template.Spec}
	pod.Namespace, pod.Name = namespace, "as-a-replicaset-would"
	if err := api.Create(t.Context(), pod); err != nil {
		t.Errorf("a pod of the service is refused: %v", err)
	}
	if mount := pod.Spec.AutomountServiceAccountToken; mount == nil || *mount {
		t.Error("the pod has a service-account token")
	}
}

func TestTheSameManifestTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	for name, spec := range map[string]string{"minimal": minimalSpec, "odd quantities": oddSpec} {
		t.Run(name, func(t *testing.T) {
			namespace := newNamespace(t)
			op := startOperator(t, namespace, nil)
			applyService(t, namespace, spec)
			settled(t, namespace, serviceName)
			nudgeOperator(t, namespace, op, 1)
			before := versions(childrenOf(t, namespace))
			applyService(t, namespace, spec)
			if written := nudgeOperator(t, namespace, op, 2); len(written) > 0 {
				t.Errorf("the operator wrote %v", written)
			}
			after := versions(childrenOf(t, namespace))
			delete(before, "Deployment/checkout") // its status was changed by this test
			delete(after, "Deployment/checkout")
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("resource versions (-before +after):\n%s", diff)
			}
		})
	}
}

// oddSpec is written in forms that the API server does not keep.
const oddSpec = `
image: registry.example/shop/checkout:v1
imagePullSecrets: [{name: registry}]
replicas: 0
port: 80
env:
- {name: EMPTY, value: ""}
- name: CORES
  valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: 1m}}
- name: SECRET
  valueFrom: {secretKeyRef: {name: keys, key: it, optional: false}}
envFrom: [{prefix: X_, configMapRef: {name: settings}}]
resources:
  requests: {cpu: "0.5", memory: 1024Mi}
  limits: {cpu: "1000m", memory: 2147483648}
shutdown: {preStopDelay: 0s, drainTimeout: 90s}
probes: {liveness: {httpGet: {path: /}}, startupTimeout: 1h}
tls: {secretName: checkout-tls}
upstreams:
- {name: billing, url: "http://billing.shop.svc", timeout: 0.5s}
observability:
  tracing: {endpoint: "http://collector:4318", sampleRatio: "0"}
  profiling: {enabled: false}
pod:
  labels: {team: "", app.kubernetes.io/component: mine}
  annotations: {note: ""}
  nodeSelector: {disk: ""}
  tolerations: [{operator: Exists}, {key: spot, effect: NoExecute, tolerationSeconds: 0}]
  topologySpreadConstraints:
  - {maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}
  affinity:
    podAntiAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
      - {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app.kubernetes.io/name: checkout}}}
`

func TestADeletedChildComesBack(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	startOperator(t, namespace, nil)
	applyService(t, namespace, minimalSpec)
	settled(t, namespace, serviceName)
	before := childrenOf(t, namespace)
	for _, child := range before {
		if err := api.Delete(t.Context(), child); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, func(g gomega.Gomega) {
		after := childrenOf(t, namespace)
		g.Expect(names(after)).To(gomega.Equal(names(before)))
		for name, child := range after {
			g.Expect(child.GetUID()).NotTo(gomega.Equal(before[name].GetUID()), name)
		}
	})
	settled(t, namespace, serviceName)
}

func TestTheLongestNameWorks(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	startOperator(t, namespace, nil)
	longest := strings.Repeat("a", 63)
	applyNamed(t, namespace, longest, minimalSpec)
	settled(t, namespace, longest)
	if children := childrenOf(t, namespace); len(children) != 7 {
		t.Errorf("children: %v", names(children))
	}
}

func TestADeletedGoServiceIsLeftToTheGarbageCollector(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	op := startOperator(t, namespace, nil)
	service := applyService(t, namespace, minimalSpec)
	settled(t, namespace, serviceName)
	if len(service.Finalizers) > 0 {
		t.Errorf("finalizers %v would hold up the deletion while the operator is away", service.Finalizers)
	}
	if err := api.Delete(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	applyNamed(t, namespace, "other", minimalSpec) // once this one is served, the deletion has been seen, too
	settled(t, namespace, "other")
	op.writes.forget()
	// What the garbage collector does, which an API server alone has not.
	for name, child := range childrenOf(t, namespace) {
		if !strings.Contains(name, "/"+serviceName) {
			continue
		}
		if err := api.Delete(t.Context(), child); err != nil {
			t.Fatal(err)
		}
	}
	applyNamed(t, namespace, "other", `replicas: 1`)
	settled(t, namespace, "other")
	for _, written := range op.writes.written() {
		if strings.Contains(written, serviceName) {
			t.Errorf("the operator wrote %s", written)
		}
	}
	if err := api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: serviceName}, &appsv1.Deployment{}); !apierrors.IsNotFound(err) {
		t.Errorf("the Deployment: %v, want it gone", err)
	}
}
