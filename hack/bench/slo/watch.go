// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/hack/bench/internal/exposition"
)

// sampleEvery is how exact the moments are at which pods were wanted and ready.
const sampleEvery = 250 * time.Millisecond

// sample of the service at one moment.
type sample struct {
	at            time.Time
	wanted, ready int32
	// cores that the pods on nodes have asked for.
	cores float64
}

// watcher samples in the background.
type watcher struct {
	cancel context.CancelFunc
	done   chan error
	seen   []sample
}

func (t trial) watch(ctx context.Context) *watcher {
	ctx, cancel := context.WithCancel(ctx)
	w := &watcher{cancel: cancel, done: make(chan error, 1)}
	go func() {
		ticker := time.NewTicker(sampleEvery)
		defer ticker.Stop()
		for {
			s, err := t.sample(ctx)
			if err != nil {
				if ctx.Err() != nil {
					err = nil
				}
				w.done <- err
				return
			}
			w.seen = append(w.seen, s)
			select {
			case <-ticker.C:
			case <-ctx.Done():
				w.done <- nil
				return
			}
		}
	}()
	return w
}

// stop ends the watch and returns what was seen; at least one sample.
func (w *watcher) stop() ([]sample, error) {
	w.cancel()
	if err := <-w.done; err != nil {
		return nil, fmt.Errorf("watching the service: %w", err)
	}
	if len(w.seen) == 0 {
		return nil, fmt.Errorf("the service was never seen")
	}
	return w.seen, nil
}

func (t trial) sample(ctx context.Context) (sample, error) {
	var deployment appsv1.Deployment
	if err := t.Client.Get(ctx, client.ObjectKey{Namespace: t.Namespace, Name: serviceName}, &deployment); err != nil {
		return sample{}, fmt.Errorf("reading the Deployment: %w", err)
	}
	pods, err := t.Pods(ctx, t.selector)
	if err != nil {
		return sample{}, err
	}
	s := sample{at: time.Now(), ready: deployment.Status.ReadyReplicas}
	if deployment.Spec.Replicas != nil {
		s.wanted = *deployment.Spec.Replicas
	}
	for i := range pods {
		if holdsPlace(&pods[i]) {
			s.cores += pods[i].Spec.Containers[0].Resources.Requests.Cpu().AsApproximateFloat64()
		}
	}
	return s, nil
}

// holdsPlace says whether what a pod asked for is kept for it: from being given a node until its end.
func holdsPlace(pod *corev1.Pod) bool {
	return pod.Spec.NodeName != "" && pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed
}

// used is what a pod had used and answered since its start.
type used struct{ processorSeconds, requests float64 }

// metricsPort of the pods.
func (s settings) metricsPort() int {
	if s.image != "" {
		return servicePort
	}
	return adminPort
}

// usage of all present pods, by their own account.
func (t trial) usage(ctx context.Context) (map[string]used, error) {
	pods, err := t.Pods(ctx, t.selector)
	if err != nil {
		return nil, err
	}
	all := map[string]used{}
	for i := range pods {
		if pods[i].DeletionTimestamp != nil || pods[i].Status.Phase != corev1.PodRunning {
			continue
		}
		page, err := t.Clientset.CoreV1().Pods(t.Namespace).ProxyGet("http", pods[i].Name, strconv.Itoa(t.settings.metricsPort()), "/metrics", nil).DoRaw(ctx)
		if err != nil {
			return nil, fmt.Errorf("asking pod %s for its metrics: %w", pods[i].Name, err)
		}
		if all[pods[i].Name], err = parseUsage(page); err != nil {
			return nil, fmt.Errorf("metrics of pod %s: %w", pods[i].Name, err)
		}
	}
	return all, nil
}

func parseUsage(page []byte) (used, error) {
	const processor, requests = "process_cpu_seconds_total", "http_server_request_duration_seconds_count"
	sums, err := exposition.Sums(page, processor, requests)
	return used{sums[processor], sums[requests]}, err
}

// perRequest is the CPU time of a request between two accounts, by the pods that are in both.
func perRequest(before, after map[string]used) (time.Duration, error) {
	var total used
	for pod, later := range after {
		if earlier, stayed := before[pod]; stayed {
			total.processorSeconds += later.processorSeconds - earlier.processorSeconds
			total.requests += later.requests - earlier.requests
		}
	}
	if total.requests <= 0 || total.processorSeconds <= 0 {
		return 0, fmt.Errorf("no pod that stayed has answered requests: %+v", total)
	}
	return time.Duration(total.processorSeconds / total.requests * float64(time.Second)), nil
}
