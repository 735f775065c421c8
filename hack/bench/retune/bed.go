// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/bench/internal/bed"
	"goservice.dev/operator/workload/livesettings"
)

const (
	serviceName = "retuned"
	adminPort   = 9100
	// startingLimit of each pod.
	startingLimit = 100
)

// bench is the namespace in which everything happens.
type bench struct{ *bed.Bed }

// smallResources let many pods fit on one node.
func smallResources() corev1.ResourceRequirements {
	return corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("16Mi")},
		Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("64Mi")},
	}
}

// deploy makes the GoService and returns its pods once they are tuned.
func (b bench) deploy(ctx context.Context, pods int) ([]corev1.Pod, error) {
	small := smallResources()
	service := &v1alpha1.GoService{
		ObjectMeta: metav1.ObjectMeta{Namespace: b.Namespace, Name: serviceName},
		Spec: v1alpha1.GoServiceSpec{
			Replicas:  new(int32(pods)),
			RateLimit: &v1alpha1.RateLimitSpec{RequestsPerSecond: int32(pods * startingLimit)},
			Resources: &v1alpha1.ResourcesSpec{Requests: small.Requests, Limits: small.Limits},
			Shutdown:  &v1alpha1.ShutdownSpec{PreStopDelay: &metav1.Duration{}, DrainTimeout: &metav1.Duration{Duration: time.Second}},
		},
	}
	if err := b.Deploy(ctx, service, pods); err != nil {
		return nil, err
	}
	return b.Pods(ctx, service.Status.Selector)
}

// restarts counts containers that were restarted and pods that were replaced since the pods were listed.
func (b bench) restarts(ctx context.Context, before []corev1.Pod) (int, error) {
	count := 0
	for i := range before {
		var now corev1.Pod
		err := b.Client.Get(ctx, client.ObjectKeyFromObject(&before[i]), &now)
		if apierrors.IsNotFound(err) || (err == nil && now.UID != before[i].UID) {
			count++
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("reading pod %s: %w", before[i].Name, err)
		}
		count += int(restartsOf(&now) - restartsOf(&before[i]))
	}
	return count, nil
}

func restartsOf(pod *corev1.Pod) int32 {
	var count int32
	for i := range pod.Status.ContainerStatuses {
		count += pod.Status.ContainerStatuses[i].RestartCount
	}
	return count
}

// report is what a pod says of its live settings.
func (b bench) report(ctx context.Context, pod string) (livesettings.Report, error) {
	body, err := b.Clientset.CoreV1().Pods(b.Namespace).ProxyGet("http", pod, strconv.Itoa(adminPort), "/live-settings", nil).DoRaw(ctx)
	if err != nil {
		return livesettings.Report{}, fmt.Errorf("asking pod %s: %w", pod, err)
	}
	var report livesettings.Report
	if err := json.Unmarshal(body, &report); err != nil {
		return livesettings.Report{}, fmt.Errorf("asking pod %s: %w", pod, err)
	}
	return report, nil
}

// inForce waits until a pod enforces a limit and returns since when. It asks seldom: the pod itself knows the moment.
func (b bench) inForce(ctx context.Context, pod string, limit float64, every, timeout time.Duration) (time.Time, error) {
	var since time.Time
	var last error
	err := wait.PollUntilContextTimeout(ctx, every, timeout, false, func(ctx context.Context) (bool, error) {
		report, err := b.report(ctx, pod)
		if err != nil {
			last = err
			return false, nil
		}
		last = nil
		if report.Document.RateLimit == nil || report.Document.RateLimit.RequestsPerSecond != limit {
			return false, nil
		}
		since = report.Since
		return true, nil
	})
	if err != nil {
		return time.Time{}, errors.Join(fmt.Errorf("pod %s does not enforce %g requests per second after %s: %w", pod, limit, timeout, err), last)
	}
	return since, nil
}
