// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/internal/observe"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func TestOnlyWhatMattersOfAPodWakesTheOperator(t *testing.T) {
	ready := func(status corev1.ConditionStatus) corev1.PodCondition {
		return corev1.PodCondition{Type: corev1.PodReady, Status: status}
	}
	running := func(change func(*corev1.Pod)) *corev1.Pod {
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{UID: "1", Annotations: map[string]string{}},
			Status: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.0.0.1", Conditions: []corev1.PodCondition{ready(corev1.ConditionTrue)}, ContainerStatuses: []corev1.ContainerStatus{
				{Name: build.ContainerName, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}},
			}},
		}
		change(pod)
		return pod
	}
	same := func(*corev1.Pod) {}
	cases := map[string]struct {
		after *corev1.Pod
		want  bool
	}{
		"nothing":              {running(same), false},
		"the operator's nudge": {running(func(p *corev1.Pod) { p.Annotations[build.AnnotationLiveSettings] = "r2" }), false},
		"readiness": {running(func(p *corev1.Pod) {
			p.Status.Conditions[0] = ready(corev1.ConditionFalse)
		}), true},
		"readiness of the container alone": {running(func(p *corev1.Pod) { p.Status.ContainerStatuses[0].Ready = true }), false},
		"it leaves":                        {running(func(p *corev1.Pod) { p.DeletionTimestamp = new(metav1.NewTime(noon)) }), true},
		"it ended":                         {running(func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }), true},
		"its container ended":              {running(func(p *corev1.Pod) { p.Status.ContainerStatuses[0].State = corev1.ContainerState{} }), true},
		"it restarted":                     {running(func(p *corev1.Pod) { p.Status.ContainerStatuses[0].RestartCount++ }), true},
		"another address":                  {running(func(p *corev1.Pod) { p.Status.PodIP = "10.0.0.2" }), true},
		"it is in trouble": {running(func(p *corev1.Pod) {
			p.Status.Conditions[0] = ready(corev1.ConditionFalse)
			p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{
				Name: "sidecar", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
			})
		}), true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := podMatters.Update(event.UpdateEvent{ObjectOld: running(same), ObjectNew: c.after}); got != c.want {
				t.Errorf("%t, want %t", got, c.want)
			}
			slim, err := slimPod(c.after)
			if err != nil {
				t.Fatal(err)
			}
			before, _ := observe.TunablePod(c.after)
			after, _ := observe.TunablePod(slim.(*corev1.Pod))
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("the cached form lacks something (-whole +cached):\n%s", diff)
			}
			troubleBefore, _ := observe.PodTrouble(c.after)
			troubleAfter, _ := observe.PodTrouble(slim.(*corev1.Pod))
			if diff := cmp.Diff(troubleBefore, troubleAfter); diff != "" {
				t.Errorf("the cached form lacks something of the pod's trouble (-whole +cached):\n%s", diff)
			}
		})
	}
}

// What leads clients to a service wakes the operator when it appears, is edited, or is answered, and not otherwise.
func TestOnlyWhatMattersOfAnExposureWakesTheOperator(t *testing.T) {
	route := func(text string) *unstructured.Unstructured {
		object := &unstructured.Unstructured{Object: parse(t, text)}
		object.SetGroupVersionKind(build.HTTPRouteKind)
		return object
	}
	ingress := func(version, label, class, address string) *networkingv1.Ingress {
		object := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{ResourceVersion: version, Labels: map[string]string{"a": label}}}
		object.Spec.IngressClassName = &class
		object.Status.LoadBalancer.Ingress = []networkingv1.IngressLoadBalancerIngress{{IP: address}}
		return object
	}
	const before = `{metadata: {resourceVersion: "1", labels: {a: b}}, spec: {hostnames: [a]}, status: {parents: [{controllerName: c}]}}`
	cases := map[string]struct {
		before, after client.Object
		want          bool
	}{
		"the same version":          {route(before), route(before), false},
		"nothing that is kept":      {route(before), route(strings.Replace(before, `"1"`, `"2"`, 1)), false},
		"a label of a route":        {route(before), route(strings.NewReplacer(`"1"`, `"2"`, "a: b", "a: c").Replace(before)), true},
		"its spec":                  {route(before), route(strings.NewReplacer(`"1"`, `"2"`, "[a]", "[b]").Replace(before)), true},
		"its status":                {route(before), route(strings.NewReplacer(`"1"`, `"2"`, "Name: c", "Name: d").Replace(before)), true},
		"it leaves":                 {route(before), route(strings.NewReplacer(`"1"`, `"2", deletionTimestamp: "2026-01-02T12:00:00Z"`).Replace(before)), true},
		"nothing of an Ingress":     {ingress("1", "a", "b", "c"), ingress("2", "a", "b", "c"), false},
		"a label of an Ingress":     {ingress("1", "a", "b", "c"), ingress("2", "x", "b", "c"), true},
		"its class":                 {ingress("1", "a", "b", "c"), ingress("2", "a", "x", "c"), true},
		"its address":               {ingress("1", "a", "b", "c"), ingress("2", "a", "b", "x"), true},
		"an Ingress became a route": {ingress("1", "a", "b", "c"), route(strings.Replace(before, `"1"`, `"2"`, 1)), true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := childMatters.Update(event.UpdateEvent{ObjectOld: c.before, ObjectNew: c.after}); got != c.want {
				t.Errorf("%t, want %t", got, c.want)
			}
		})
	}
	monitor := &unstructured.Unstructured{}
	monitor.SetGroupVersionKind(build.ServiceMonitorKind)
	for object, want := range map[client.Object]bool{route(before): true, ingress("1", "a", "b", "c"): true, monitor: false, &corev1.Service{}: false} {
		if got := childMatters.Create(event.CreateEvent{Object: object}); got != want {
			t.Errorf("a created %T: %t, want %t", object, got, want)
		}
	}
}

func TestOnlyWhatMattersOfAServiceWakesTheOperator(t *testing.T) {
	service := func(generation int64, annotations map[string]string) *v1alpha1.GoService {
		return &v1alpha1.GoService{ObjectMeta: metav1.ObjectMeta{Generation: generation, Annotations: annotations, Labels: map[string]string{"generation": string(rune('a' + generation))}}}
	}
	given := map[string]string{build.AnnotationGiveBack: "true"}
	for name, c := range map[string]struct {
		before, after *v1alpha1.GoService
		want          bool
	}{
		"nothing":                        {service(1, given), service(1, given), false},
		"its spec":                       {service(1, nil), service(2, nil), true},
		"it is given back":               {service(1, nil), service(1, given), true},
		"it is not given back after all": {service(1, given), service(1, nil), true},
		"it wants other keys":            {service(1, nil), service(1, map[string]string{build.AnnotationPeersKey: "2"}), true},
		"another annotation":             {service(1, nil), service(1, map[string]string{"a": "b"}), false},
	} {
		if got := serviceMatters.Update(event.UpdateEvent{ObjectOld: c.before, ObjectNew: c.after}); got != c.want {
			t.Errorf("%s: %t, want %t", name, got, c.want)
		}
	}
	if !serviceMatters.Create(event.CreateEvent{Object: service(1, nil)}) || !serviceMatters.Delete(event.DeleteEvent{Object: service(1, nil)}) {
		t.Error("a service that appears or goes wakes nobody")
	}
}

func TestOnlyWhatMattersOfABudgetOfOthersWakesTheOperator(t *testing.T) {
	budget := func(manager string, generation int64, annotations map[string]string) *policyv1.PodDisruptionBudget {
		return &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Generation: generation, Annotations: annotations, Labels: map[string]string{build.LabelManagedBy: manager}}}
	}
	given := map[string]string{build.AnnotationAdopt: serviceName}
	for name, c := range map[string]struct {
		before, after *policyv1.PodDisruptionBudget
		want          bool
	}{
		"nothing":                       {budget("Helm", 1, given), budget("Helm", 1, given), false},
		"its spec":                      {budget("Helm", 1, nil), budget("Helm", 2, nil), true},
		"it is handed over":             {budget("Helm", 1, nil), budget("Helm", 1, given), true},
		"it is handed over to another":  {budget("Helm", 1, given), budget("Helm", 1, map[string]string{build.AnnotationAdopt: "cart"}), true},
		"a tool lets go of it":          {budget("Helm", 1, map[string]string{build.AnnotationAdopt: serviceName, "meta.helm.sh/release-name": "a"}), budget("Helm", 1, given), true},
		"the operator's own, its spec":  {budget(build.ManagedBy, 1, nil), budget(build.ManagedBy, 2, nil), false},
		"the operator's own, annotated": {budget(build.ManagedBy, 1, nil), budget(build.ManagedBy, 1, given), false},
	} {
		if got := foreignBudgetMatters.Update(event.UpdateEvent{ObjectOld: c.before, ObjectNew: c.after}); got != c.want {
			t.Errorf("%s: %t, want %t", name, got, c.want)
		}
	}
	for initially, want := range map[bool]bool{true: false, false: true} {
		if got := foreignBudgetMatters.Create(event.CreateEvent{Object: budget("Helm", 1, nil), IsInInitialList: initially}); got != want {
			t.Errorf("one that appears, in the first list %t: %t, want %t", initially, got, want)
		}
	}
}
