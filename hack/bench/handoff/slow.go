// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"goservice.dev/operator/hack/bench/internal/bed"
)

const (
	// slowFactor is how many times as long a slow pod keeps its worker.
	slowFactor = 5
	// faultsName is the ConfigMap that lets a benchmark slow pods of the bundled workload down.
	faultsName = "faults"
)

// allowFaults in the pods of services that take their variables from it.
func (t *trial) allowFaults(ctx context.Context) error {
	variables := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: t.Namespace, Name: faultsName}, Data: map[string]string{"GOSERVICE_FAULT_INJECTION": "true"},
	}
	if err := t.Client.Create(ctx, variables); err != nil {
		return fmt.Errorf("creating ConfigMap %s: %w", faultsName, err)
	}
	return nil
}

// slowFault is what a pod is told to be slow, for a little longer than a load lasts.
func (s settings) slowFault() []byte {
	return fmt.Appendf(nil, `{"latency":%q,"for":%q}`, (slowFactor-1)*s.work, s.duration+time.Minute)
}

// slowDown one pod of a service until restore is called.
func (t *trial) slowDown(ctx context.Context, one *service) (restore func(context.Context) error, err error) {
	pods, err := t.Pods(ctx, one.selector)
	if err != nil {
		return nil, err
	}
	name, err := slowest(pods)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", one.name, err)
	}
	pod := t.Clientset.CoreV1().RESTClient()
	at := func(request *rest.Request) *rest.Request {
		return request.Namespace(t.Namespace).Resource("pods").Name(name + ":" + strconv.Itoa(adminPort)).SubResource("proxy").Suffix("fault")
	}
	if err := at(pod.Put()).Body(t.slowFault()).Do(ctx).Error(); err != nil {
		return nil, fmt.Errorf("slowing %s down: %w", name, err)
	}
	return func(ctx context.Context) error {
		if err := at(pod.Delete()).Do(ctx).Error(); err != nil {
			return fmt.Errorf("letting %s be as fast as the others: %w", name, err)
		}
		return nil
	}, nil
}

// slowest is the pod that is to be slow: the same one in each round.
func slowest(pods []corev1.Pod) (name string, err error) {
	pods = slices.DeleteFunc(slices.Clone(pods), func(pod corev1.Pod) bool { return !bed.Serving(&pod) })
	if len(pods) == 0 {
		return "", errors.New("no pod serves")
	}
	return slices.MinFunc(pods, func(a, b corev1.Pod) int { return cmp.Compare(a.Name, b.Name) }).Name, nil
}
