// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/fair"
	"goservice.dev/operator/controllers/internal/measure"
	"goservice.dev/operator/controllers/internal/status"
	"goservice.dev/operator/controllers/tuner"
)

// What pods say of the queue that they share comes with the one round that is made anyway.
func TestWhatPodsSayOfASharedQueueReachesTheStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		load, peers := newTraffic(50), 0.0
		reconciler := GoServiceReconciler{loop: measure.NewLoop(measure.LoopOptions{
			Slots: fair.NewScheduler(fair.Options{Slots: 8, SlotsPerGroup: 8}),
			Scrape: func(ctx context.Context, pod measure.Pod, from measure.Endpoint) (measure.Sample, error) {
				sample, err := load.scrape(ctx, pod, from)
				sample.HandOff = measure.HandOff{Moved: math.Floor(sample.Requests * 0.255), HopSeconds: 0.0003, Peers: new(peers)}
				return sample, err
			},
			Changed: func(types.NamespacedName) {}, Decided: func(types.NamespacedName, tuner.Change) {},
		})}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- reconciler.loop.Start(ctx) }()
		service := &v1alpha1.GoService{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: serviceName}}
		service.Spec.SLO = &v1alpha1.SLOSpec{Availability: "99.9"}
		target := measure.Target{Target: tuner.Target{Spec: &service.Spec, Wanted: 2, Ready: 2}}
		for _, name := range []string{"checkout-a", "checkout-b"} {
			target.Pods = append(target.Pods, measure.Pod{Namespace: "shop", Name: name, IP: "192.0.2.1", Ready: true})
		}
		reconciler.loop.Follow(types.NamespacedName{Namespace: "shop", Name: serviceName}, target)
		found := status.HandOff{Written: &v1alpha1.HandOffStatus{Secret: "checkout-peers"}}
		<-time.After(7 * time.Minute)
		want := status.HandOff{Written: found.Written, Moved: &status.Moved{Percent: 25, Hop: 300 * time.Microsecond}, LinksKnown: true, Sharers: 2, Unlinked: 2}
		if diff := cmp.Diff(want, reconciler.sharing(service, found)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestFiguresOfASharedQueueAreStored(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	service := applyService(t, namespace, minimalSpec)
	service.Status.HandOff = &v1alpha1.HandOffStatus{
		Secret: peersSecretName, Revision: "r1", ChangedAt: metav1.Now(), MovedPercent: new(int32(0)), HopMicroseconds: new(int64(312)),
	}
	if err := api.Status().Update(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	var stored v1alpha1.GoService
	get(t, namespace, serviceName, &stored)
	if got := stored.Status.HandOff; got.MovedPercent == nil || *got.MovedPercent != 0 || got.HopMicroseconds == nil || *got.HopMicroseconds != 312 {
		t.Errorf("stored %+v", got)
	}
	service = &stored
	service.Status.HandOff.MovedPercent = new(int32(101))
	if err := api.Status().Update(t.Context(), service); err == nil {
		t.Error("101% are stored")
	}
}
