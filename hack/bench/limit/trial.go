// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/bench/internal/bed"
	"goservice.dev/operator/hack/bench/internal/machine"
)

const (
	serviceName  = "limited"
	readyTimeout = 2 * time.Minute
)

// limit that all pods share, in requests per second.
func (s settings) limit() float64 { return 2 * float64(s.pods) * s.perPod }

// trial is one way to divide a limit under one load.
type trial struct {
	settings
	contender
	load

	*bed.Bed
	// order in which pods were first loaded; every other one of those that are there gets skew times as much.
	order    []string
	selector string
	lanes    lanes
	journal  journal
}

// run makes the service, loads it while its pods double and are halved, and removes everything.
func (t *trial) run(ctx context.Context, progress io.Writer) (v verdict, err error) {
	if t.Bed, err = bed.Open(ctx, "bench-limit-"); err != nil {
		return v, err
	}
	defer func() { err = errors.Join(err, t.Remove(context.WithoutCancel(ctx))) }()
	bed.Step(progress, "%s: %d pods in namespace %s, skew %g:1, demand %g × the limit of %.0f/s", t.name, t.pods, t.Namespace, t.skew, t.demand, t.limit())
	service := serviceOf(t.pods, t.limit())
	t.change(&service.Spec)
	if err := t.Deploy(ctx, service, t.pods); err != nil {
		return v, err
	}
	t.selector = service.Status.Selector
	if err := t.Expose(ctx, serviceName, t.selector, t.url); err != nil {
		return v, err
	}
	t.lanes = lanes{url: t.url, journal: &t.journal, lanes: map[string]*lane{}}
	defer t.lanes.stop()
	return t.measure(ctx)
}

// measure the load before, between and after the two changes.
func (t *trial) measure(ctx context.Context) (v verdict, err error) {
	if err := t.drive(ctx, t.pods); err != nil {
		return v, err
	}
	if err := bed.Pass(ctx, t.settle); err != nil {
		return v, err
	}
	from := time.Now()
	processors, err := machine.Now()
	if err != nil {
		return v, err
	}
	if err := bed.Pass(ctx, t.calm); err != nil {
		return v, err
	}
	var changes []span
	for _, pods := range []int{2 * t.pods, t.pods} {
		change := span{from: time.Now()}
		if err := t.scale(ctx, pods); err != nil {
			return v, err
		}
		if err := t.drive(ctx, pods); err != nil {
			return v, err
		}
		change.until = time.Now()
		changes = append(changes, change)
		if err := bed.Pass(ctx, t.after+t.calm); err != nil {
			return v, err
		}
	}
	until := time.Now()
	later, err := machine.Now()
	if err != nil {
		return v, err
	}
	t.lanes.stop()
	v = t.journal.judge(t.limit(), []span{{from, until}}, changes, t.after)
	v.due = t.limit() * t.demand * until.Sub(from).Seconds()
	v.busy = processors.Until(later)
	return v, nil
}

// drive the load to so many pods, when they are ready.
func (t *trial) drive(ctx context.Context, pods int) error {
	present, err := t.podsWhen(ctx, pods)
	if err != nil {
		return err
	}
	if err := t.lanes.find(ctx, present); err != nil {
		return err
	}
	t.order = inOrder(t.order, present)
	t.lanes.drive(ctx, t.order, ratesOf(len(t.order), t.limit()*t.demand, t.skew))
	return nil
}

// inOrder are the present pods: first those that were loaded before, in their order, and then the others.
func inOrder(before, present []string) []string {
	stayed := slices.DeleteFunc(slices.Clone(before), func(pod string) bool { return !slices.Contains(present, pod) })
	return append(stayed, slices.DeleteFunc(slices.Clone(present), func(pod string) bool { return slices.Contains(before, pod) })...)
}

// podsNow are those that are ready and stay, in the order of their names.
func (t *trial) podsNow(ctx context.Context) ([]string, error) {
	pods, err := t.Pods(ctx, t.selector)
	if err != nil {
		return nil, err
	}
	var names []string
	for i := range pods {
		if bed.Serving(&pods[i]) {
			names = append(names, pods[i].Name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// podsWhen so many are ready and stay.
func (t *trial) podsWhen(ctx context.Context, count int) (names []string, err error) {
	err = wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, readyTimeout, true, func(ctx context.Context) (bool, error) {
		names, err = t.podsNow(ctx)
		return len(names) == count, err
	})
	if err != nil {
		return nil, fmt.Errorf("waiting for %d ready pods: %w", count, err)
	}
	return names, nil
}

func (t *trial) scale(ctx context.Context, pods int) error {
	service := &v1alpha1.GoService{ObjectMeta: metav1.ObjectMeta{Namespace: t.Namespace, Name: serviceName}}
	patch := fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, pods)
	if err := t.Client.Patch(ctx, service, client.RawPatch(types.MergePatchType, patch)); err != nil {
		return fmt.Errorf("scaling to %d pods: %w", pods, err)
	}
	return nil
}

// serviceOf pods that share a limit. Nothing but this program changes how many there are.
func serviceOf(pods int, limit float64) *v1alpha1.GoService {
	return &v1alpha1.GoService{
		ObjectMeta: metav1.ObjectMeta{Name: serviceName},
		Spec: v1alpha1.GoServiceSpec{
			Replicas:    new(int32(pods)),
			SLO:         &v1alpha1.SLOSpec{Availability: "99"},
			Autoscaling: &v1alpha1.AutoscalingSpec{Mode: v1alpha1.AutoscalingExternal},
			RateLimit:   &v1alpha1.RateLimitSpec{RequestsPerSecond: int32(limit)},
			Resources: &v1alpha1.ResourcesSpec{
				Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("16Mi")},
				Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("64Mi")},
			},
		},
	}
}
