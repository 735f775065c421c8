// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
)

// No schema judges an overlay. What the API server refuses of it changes nothing: not even what else was edited.
func TestAnOverlayIsTriedBeforeAnythingIsWritten(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	op := startOperator(t, namespace, nil)
	applyService(t, namespace, `{replicas: 1, pod: {overlay: {spec: {restartPolicy: Never}}}}`)
	message := expectCondition(t, namespace, v1alpha1.ConditionApplied, metav1.ConditionFalse, v1alpha1.ReasonInvalid)
	if !strings.Contains(message, "restartPolicy") {
		t.Errorf("message %q does not name the field", message)
	}
	if children := names(childrenOf(t, namespace)); len(children) > 0 {
		t.Errorf("%v were made for a spec that cannot be applied", children)
	}

	applyService(t, namespace, `{replicas: 1, rateLimit: {requestsPerSecond: 10}, pod: {overlay: {spec: {shareProcessNamespace: true, containers: [{name: agent, image: agent}]}}}}`)
	settled(t, namespace, serviceName)
	before := deploymentOf(t, namespace)
	if pod := before.Spec.Template.Spec; pod.ShareProcessNamespace == nil || !*pod.ShareProcessNamespace || len(pod.Containers) != 2 {
		t.Errorf("the overlay is not in force: %+v", pod)
	}
	settings := liveSettingsOf(t, namespace)

	applyService(t, namespace, `{replicas: 1, rateLimit: {requestsPerSecond: 20}, pod: {overlay: {spec: {restartPolicy: Never}}}}`)
	expectCondition(t, namespace, v1alpha1.ConditionApplied, metav1.ConditionFalse, v1alpha1.ReasonInvalid)
	after := deploymentOf(t, namespace)
	if diff := cmp.Diff(before.Spec, after.Spec); diff != "" || liveSettingsOf(t, namespace) != settings {
		t.Errorf("a refused overlay changed what is in force:\n%s", diff)
	}

	applyService(t, namespace, `{replicas: 1, pod: {overlay: {metadata: {labels: {app.kubernetes.io/name: other}}}}}`)
	eventually(t, func(g gomega.Gomega) {
		message := expectCondition(t, namespace, v1alpha1.ConditionApplied, metav1.ConditionFalse, v1alpha1.ReasonInvalid)
		g.Expect(message).To(gomega.ContainSubstring("pod.overlay must not change metadata.labels app.kubernetes.io/name: the pods are selected by it"))
	})

	applyService(t, namespace, `replicas: 1`)
	settled(t, namespace, serviceName)
	if pod := deploymentOf(t, namespace).Spec.Template.Spec; pod.ShareProcessNamespace != nil || len(pod.Containers) != 1 {
		t.Errorf("the overlay is still in force: %+v", pod)
	}
	op.stop()
}

// Nor does a schema judge what has Kubernetes' form as it is.
func TestWhatNoSchemaJudgesIsTriedBeforeAnythingIsWritten(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ spec, field string }{
		"a constraint":           {`pod: {topologySpreadConstraints: [{maxSkew: 0, topologyKey: a, whenUnsatisfiable: DoNotSchedule}]}`, "maxSkew"},
		"a constraint's field":   {`pod: {topologySpreadConstraints: [{maxSkew: 1, topologyKey: a, whenUnsatisfiable: DoNotSchedule, other: 1}]}`, `pod.topologySpreadConstraints[0]: unknown field "other"`},
		"affinity":               {`pod: {affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: []}}}}`, "nodeSelectorTerms"},
		"a projected volume":     {`volumes: [{name: a, projected: {sources: [{serviceAccountToken: {path: ../d}}]}}]`, "projected.path"},
		"a source of two kinds":  {`volumes: [{name: a, projected: {sources: [{secret: {name: b}, configMap: {name: b}}]}}]`, "may not specify more than 1 volume type"},
		"a sidecar's probe":      {`initContainers: [{name: a, image: b, restartPolicy: Always, livenessProbe: {httpGet: {path: /, port: no-port-at-all-}}}]`, "livenessProbe.httpGet.port"},
		"a probe's field":        {`initContainers: [{name: a, image: b, restartPolicy: Always, livenessProbe: {disabled: true}}]`, `initContainers[0]: unknown field "livenessProbe.disabled"`},
		"a directory of no node": {`volumes: [{name: a, hostPath: {path: ../a}}]`, "hostPath"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t)
			startOperator(t, namespace, nil)
			applyService(t, namespace, c.spec)
			message := expectCondition(t, namespace, v1alpha1.ConditionApplied, metav1.ConditionFalse, v1alpha1.ReasonInvalid)
			if !strings.Contains(message, c.field) {
				t.Errorf("message %q does not name %s", message, c.field)
			}
			if children := names(childrenOf(t, namespace)); len(children) > 0 {
				t.Errorf("%v were made for a spec that cannot be applied", children)
			}
		})
	}
}

func liveSettingsOf(t *testing.T, namespace string) string {
	t.Helper()
	var settings corev1.ConfigMap
	get(t, namespace, build.LiveSettingsName(serviceName), &settings)
	return settings.Data["live-settings.json"]
}

// Quantities and partial probes in other forms than the API server's would differ from what it stores for good.
func TestAnOverlayInAnotherFormIsWrittenOnce(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	op := startOperator(t, namespace, nil)
	applyService(t, namespace, `{replicas: 1, pod: {overlay: {spec: {containers: [{name: agent, image: agent, livenessProbe: {tcpSocket: {port: 1}},
		resources: {requests: {memory: 2048Mi, cpu: 1000m}}}]}}}}`)
	settled(t, namespace, serviceName)
	before := deploymentOf(t, namespace)
	applyService(t, namespace, `{replicas: 1, rateLimit: {requestsPerSecond: 10}, pod: {overlay: {spec: {containers: [{name: agent, image: agent, livenessProbe: {tcpSocket: {port: 1}},
		resources: {requests: {memory: 2048Mi, cpu: 1000m}}}]}}}}`)
	settled(t, namespace, serviceName)
	if after := deploymentOf(t, namespace); after.Generation != before.Generation {
		t.Errorf("generation %d, was %d:\n%s", after.Generation, before.Generation, cmp.Diff(before.Spec, after.Spec))
	}
	op.stop()
}

func TestAssignedUsersAreLeftToThePlatform(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	object := aNamespace()
	object.SetName(namespace)
	if err := api.Patch(t.Context(), object, client.RawPatch("application/merge-patch+json",
		[]byte(`{"metadata": {"annotations": {"`+annotationUserRange+`": "1000650000/10000"}}}`))); err != nil {
		t.Fatal(err)
	}
	startOperator(t, namespace, nil)
	applyService(t, namespace, `replicas: 1`)
	settled(t, namespace, serviceName)
	if security := deploymentOf(t, namespace).Spec.Template.Spec.SecurityContext; security.RunAsUser != nil || !*security.RunAsNonRoot {
		t.Errorf("pods run as %v", security)
	}
}
