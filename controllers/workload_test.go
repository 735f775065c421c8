// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/internal/confirm"
	"goservice.dev/operator/controllers/internal/measure"
	"goservice.dev/operator/workload/livesettings"
	v0 "goservice.dev/operator/workload/livesettings/v0"
)

// workload stands in for the kubelets and the processes of pods: like a mounted ConfigMap, a pod's document is as it was
// when the pod started or was annotated last.
type workload struct {
	mu      sync.Mutex
	mounted map[types.UID]mountedDocument
	// unreachable and refusing pods by name, with the error.
	unreachable map[string]error
	refusing    map[string]string
	asked       map[string]int
	// scrape answers for the pods' metrics; nil: nothing is measured.
	scrape measure.Scraper
	// query answers for Prometheus; nil: there is none.
	query measure.Questioner
}

type mountedDocument struct {
	annotation string
	document   livesettings.Document
}

func newWorkload() *workload {
	return &workload{
		mounted: map[types.UID]mountedDocument{}, unreachable: map[string]error{}, refusing: map[string]string{}, asked: map[string]int{},
	}
}

func (w *workload) ask(ctx context.Context, pod confirm.Pod) (confirm.Answer, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked[pod.Name]++
	if err := w.unreachable[pod.Name]; err != nil {
		return confirm.Answer{}, err
	}
	var live corev1.Pod
	if err := api.Get(ctx, client.ObjectKey{Namespace: pod.Namespace, Name: pod.Name}, &live); err != nil {
		return confirm.Answer{}, err
	}
	older := live.Annotations[build.AnnotationLiveSettingsForm] == ""
	if pod.Older != older {
		return confirm.Answer{}, fmt.Errorf("is asked as an older pod: %t, HTTP status 404", pod.Older)
	}
	annotation := live.Annotations[build.AnnotationLiveSettings]
	mounted, known := w.mounted[pod.UID]
	if !known || mounted.annotation != annotation {
		read := documentOf
		if older {
			read = olderDocumentOf
		}
		document, err := read(ctx, pod.Namespace, live.Labels["app.kubernetes.io/name"])
		if err != nil {
			return confirm.Answer{}, err
		}
		if refusal := w.refusing[pod.Name]; refusal != "" && known {
			return confirm.Answer{Revision: mounted.document.Revision, Refused: refusal}, nil
		}
		mounted = mountedDocument{annotation, document}
		w.mounted[pod.UID] = mounted
	}
	return confirm.Answer{Revision: mounted.document.Revision}, nil
}

// documentOf reads the live settings of a service.
func documentOf(ctx context.Context, namespace, service string) (livesettings.Document, error) {
	var configMap corev1.ConfigMap
	if err := api.Get(ctx, client.ObjectKey{Namespace: namespace, Name: service + "-live-settings"}, &configMap); err != nil {
		return livesettings.Document{}, err
	}
	return livesettings.Parse([]byte(configMap.Data[livesettings.FileName]))
}

// olderDocumentOf reads the live settings as pods do that mount the older form; its revision is the one that they report.
func olderDocumentOf(ctx context.Context, namespace, service string) (livesettings.Document, error) {
	var configMap corev1.ConfigMap
	if err := api.Get(ctx, client.ObjectKey{Namespace: namespace, Name: service + "-tuning"}, &configMap); err != nil {
		return livesettings.Document{}, err
	}
	strict, err := v0.Parse([]byte(configMap.Data["tuning.json"]))
	if err != nil {
		return livesettings.Document{}, err
	}
	document, err := livesettings.Parse([]byte(configMap.Data["tuning.json"]))
	if err != nil {
		return livesettings.Document{}, err
	}
	document.Revision, err = strict.Revision()
	return document, err
}

// inForce is the rate that each running pod admits by now, by the pod's name.
func (w *workload) inForce(t *testing.T, namespace string) map[string]float64 {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	var pods corev1.PodList
	if err := api.List(t.Context(), &pods, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	rates := map[string]float64{}
	for i := range pods.Items {
		if mounted, known := w.mounted[pods.Items[i].UID]; known && mounted.document.RateLimit != nil {
			name := pods.Items[i].Name
			rates[name] = mounted.document.For(name).RateLimit.RequestsPerSecond
		}
	}
	return rates
}

// isolate makes a pod unreachable, or reachable again for nil.
func (w *workload) isolate(pod string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unreachable[pod] = err
}

// refuse makes a pod refuse documents, or take them again for "".
func (w *workload) refuse(pod, reason string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refusing[pod] = reason
}

// timesAsked is how often each pod was asked.
func (w *workload) timesAsked() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.asked)
}

// startPod makes a pod of GoService checkout, as a ReplicaSet would, and reports it running, as a kubelet would.
func startPod(t *testing.T, namespace, name string) *corev1.Pod {
	t.Helper()
	return startPodWith(t, namespace, name, map[string]string{build.AnnotationLiveSettingsForm: "1"})
}

// startPodWith makes a pod whose template has these annotations.
func startPodWith(t *testing.T, namespace, name string, annotations map[string]string) *corev1.Pod {
	t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{
			"app.kubernetes.io/name": serviceName, build.LabelManagedBy: build.ManagedBy,
		}, Annotations: annotations},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: build.ContainerName, Image: testImage}}},
	}
	if err := api.Create(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	setPodStatus(t, pod, corev1.PodStatus{
		Phase: corev1.PodRunning, PodIP: "10.0.0.1", PodIPs: []corev1.PodIP{{IP: "10.0.0.1"}},
		Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now()}},
		ContainerStatuses: []corev1.ContainerStatus{{
			Name: build.ContainerName, Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
		}},
	})
	return pod
}

func setPodStatus(t *testing.T, pod *corev1.Pod, status corev1.PodStatus) {
	t.Helper()
	base := pod.DeepCopy()
	pod.Status = status
	if err := api.Status().Patch(t.Context(), pod, client.MergeFrom(base)); err != nil {
		t.Fatal(err)
	}
}
