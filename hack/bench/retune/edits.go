// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/bench/internal/bed"
)

const (
	// nudgeAnnotation is how the operator nudges a pod.
	nudgeAnnotation = "goservice.dev/live-settings-revision"

	askEvery    = 300 * time.Millisecond
	editTimeout = time.Minute
	// clockSlack is how far a pod's moment may lie before the edit that caused it, since clocks are read in steps.
	clockSlack = 5 * time.Millisecond
)

// edit is one measured edit, from the answer to it.
type edit struct {
	// applied is when the operator had put the new revision in its ConfigMap, first and last when pods enforced it.
	applied, first, last time.Duration
	// again is how many pods had to be nudged more than once.
	again int
}

func (b bench) edits(ctx context.Context, s settings, pods []corev1.Pod, progress io.Writer) ([]edit, error) {
	var done []edit
	for i := range s.edits {
		select {
		case <-time.After(s.pause + rand.N(s.pause)):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		e, err := b.edit(ctx, pods, startingLimit+1+i)
		if err != nil {
			return nil, fmt.Errorf("edit %d: %w", i+1, err)
		}
		done = append(done, e)
		if s.verbose {
			bed.Step(progress, "edit %d: applied after %.0f ms, in force in the first pod after %.0f, in the last after %.0f; %d pods nudged again", i+1, ms(e.applied), ms(e.first), ms(e.last), e.again)
		}
	}
	return done, nil
}

// edit gives each pod another share and waits until the last one enforces it.
func (b bench) edit(ctx context.Context, pods []corev1.Pod, share int) (edit, error) {
	sent := time.Now()
	answered, err := b.setLimit(ctx, len(pods)*share, 0)
	if err != nil {
		return edit{}, err
	}
	moments := make([]time.Time, len(pods))
	group, groupCtx := errgroup.WithContext(ctx)
	for i := range pods {
		group.Go(func() (err error) {
			moments[i], err = b.inForce(groupCtx, pods[i].Name, float64(share), askEvery, editTimeout)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return edit{}, err
	}
	var e edit
	for i, moment := range moments {
		if moment.Before(sent.Add(-clockSlack)) || moment.After(time.Now().Add(clockSlack)) {
			return edit{}, fmt.Errorf("pod %s enforces the edit %s after it was sent: the node's clock is not this machine's", pods[i].Name, moment.Sub(sent))
		}
		took := max(0, moment.Sub(answered)) // a pod may be faster than the answer
		if i == 0 || took < e.first {
			e.first = took
		}
		e.last = max(e.last, took)
	}
	var service v1alpha1.GoService
	if err := b.Client.Get(ctx, client.ObjectKey{Namespace: b.Namespace, Name: serviceName}, &service); err != nil {
		return edit{}, fmt.Errorf("reading the GoService: %w", err)
	}
	if t := service.Status.LiveSettings; t != nil && t.ChangedAt != nil {
		e.applied = max(0, t.ChangedAt.Sub(answered))
	}
	return e, b.countAgain(ctx, pods, &e)
}

// countAgain looks at the last nudge of each pod: every one after the first has a number behind the revision.
func (b bench) countAgain(ctx context.Context, pods []corev1.Pod, e *edit) error {
	for i := range pods {
		var pod corev1.Pod
		if err := b.Client.Get(ctx, client.ObjectKeyFromObject(&pods[i]), &pod); err != nil {
			return fmt.Errorf("reading pod %s: %w", pods[i].Name, err)
		}
		if strings.Contains(pod.Annotations[nudgeAnnotation], ".") {
			e.again++
		}
	}
	return nil
}

// setLimit edits the service's limit, and its burst where one is given, and returns when the API server answered.
func (b bench) setLimit(ctx context.Context, limit, burst int) (time.Time, error) {
	patch := fmt.Appendf(nil, `{"spec":{"rateLimit":{"requestsPerSecond":%d}}}`, limit)
	if burst > 0 {
		patch = fmt.Appendf(nil, `{"spec":{"rateLimit":{"requestsPerSecond":%d,"burst":%d}}}`, limit, burst)
	}
	service := &v1alpha1.GoService{}
	service.Namespace, service.Name = b.Namespace, serviceName
	err := b.Client.Patch(ctx, service, client.RawPatch(types.MergePatchType, patch))
	answered := time.Now()
	if err != nil {
		return time.Time{}, fmt.Errorf("editing the GoService: %w", err)
	}
	return answered, nil
}
