// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/workload/livesettings"
)

// stockPollEvery is enough: the pod itself knows the moment.
const stockPollEvery = 2 * time.Second

// stock measures plain pods beside the edits.
type stock struct {
	group *errgroup.Group

	mu    sync.Mutex
	times []time.Duration
}

// startStock makes plain pods that mount a ConfigMap each, and changes those at moments that differ, so that the kubelet's
// rounds are met at different phases.
func (b bench) startStock(ctx context.Context, s settings, image string) (*stock, error) {
	st := &stock{}
	var groupCtx context.Context
	st.group, groupCtx = errgroup.WithContext(ctx)
	for i := range s.stockPods {
		configMap, pod, err := b.stockPod(ctx, fmt.Sprintf("stock-%d", i), image)
		if err != nil {
			return nil, err
		}
		st.group.Go(func() error {
			if _, err := b.inForce(groupCtx, pod.Name, startingLimit, time.Second, s.stockTimeout); err != nil {
				return err
			}
			for round := range s.rounds {
				select {
				case <-time.After(rand.N(20 * time.Second)):
				case <-groupCtx.Done():
					return groupCtx.Err()
				}
				took, err := b.changeStock(groupCtx, configMap, pod.Name, startingLimit+1+round, s.stockTimeout)
				if err != nil {
					return err
				}
				st.mu.Lock()
				st.times = append(st.times, took)
				st.mu.Unlock()
			}
			return nil
		})
	}
	return st, nil
}

func (s *stock) wait(ctx context.Context) ([]time.Duration, error) {
	if err := s.group.Wait(); err != nil {
		return nil, fmt.Errorf("measuring plain pods: %w", err)
	}
	slices.Sort(s.times)
	return s.times, ctx.Err()
}

func stockDocument(limit int) (map[string]string, error) {
	document := livesettings.Document{Version: livesettings.Version, RateLimit: &livesettings.RateLimit{RequestsPerSecond: float64(limit), Burst: limit}}
	encoded, err := document.Encode()
	return map[string]string{livesettings.FileName: string(encoded)}, err
}

// stockPod runs the same program on a ConfigMap that nobody nudges.
func (b bench) stockPod(ctx context.Context, name, image string) (*corev1.ConfigMap, *corev1.Pod, error) {
	data, err := stockDocument(startingLimit)
	if err != nil {
		return nil, nil, err
	}
	configMap := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: b.Namespace, Name: name}, Data: data}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: b.Namespace, Name: name},
		Spec: corev1.PodSpec{
			AutomountServiceAccountToken:  new(false),
			TerminationGracePeriodSeconds: new(int64(2)),
			Containers: []corev1.Container{{
				Name: "service", Image: image, Resources: smallResources(), ImagePullPolicy: corev1.PullIfNotPresent,
				VolumeMounts: []corev1.VolumeMount{{Name: "live-settings", MountPath: "/etc/goservice/live-settings", ReadOnly: true}},
				ReadinessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{
					HTTPGet: &corev1.HTTPGetAction{Path: "/readyz", Port: intstr.FromInt32(adminPort)},
				}},
			}},
			Volumes: []corev1.Volume{{Name: "live-settings", VolumeSource: corev1.VolumeSource{
				ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}},
			}}},
		},
	}
	for _, object := range []client.Object{configMap, pod} {
		if err := b.Client.Create(ctx, object); err != nil {
			return nil, nil, fmt.Errorf("creating a plain pod: %w", err)
		}
	}
	return configMap, pod, nil
}

// changeStock changes a ConfigMap and waits until its pod enforces the new limit.
func (b bench) changeStock(ctx context.Context, configMap *corev1.ConfigMap, pod string, limit int, timeout time.Duration) (time.Duration, error) {
	var err error
	if configMap.Data, err = stockDocument(limit); err != nil {
		return 0, err
	}
	if err := b.Client.Update(ctx, configMap); err != nil {
		return 0, fmt.Errorf("changing ConfigMap %s: %w", configMap.Name, err)
	}
	answered := time.Now()
	since, err := b.inForce(ctx, pod, float64(limit), stockPollEvery, timeout)
	return since.Sub(answered), err
}
