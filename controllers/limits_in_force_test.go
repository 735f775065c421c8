// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/apply"
	"goservice.dev/operator/controllers/internal/observe"
	"goservice.dev/operator/controllers/tuner"
	"goservice.dev/operator/workload/livesettings"
)

// stateWith is the state of a service with a document.
func stateWith(t *testing.T, document livesettings.Document) observe.State {
	t.Helper()
	encoded, err := document.Encode()
	if err != nil {
		t.Fatal(err)
	}
	configMap := &corev1.ConfigMap{Data: map[string]string{livesettings.FileName: string(encoded)}}
	return observe.State{Children: map[apply.Key]client.Object{{Name: "checkout-live-settings"}: configMap}}
}

// An operator that ended while a limit was edited may have left the live settings of the former limit or of the latest.
func TestAnEditBetweenTwoOperatorsIsNoOtherNumberOfPods(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		told  int32 // 0: nothing, or not yet
		limit int32
		each  float64
		want  int
	}{
		"raised, nothing written":           {60, 240, 20, 3},
		"raised, live settings written":     {60, 240, 80, 3},
		"lowered, nothing written":          {240, 60, 80, 3},
		"lowered, live settings written":    {240, 60, 20, 3},
		"not edited":                        {240, 240, 80, 3},
		"not edited, more were waited for":  {240, 240, 60, 4},
		"each pod had its own limit before": {0, 240, 60, 4},
		"no status":                         {0, 240, 80, 3},
	} {
		service := &v1alpha1.GoService{Spec: v1alpha1.GoServiceSpec{RateLimit: &v1alpha1.RateLimitSpec{RequestsPerSecond: c.limit}}}
		if c.told > 0 {
			service.Status.Figures = &v1alpha1.FiguresStatus{SharedRequestsPerSecond: &c.told}
		}
		seen := stateWith(t, livesettings.Document{Version: livesettings.Version, RateLimit: &livesettings.RateLimit{RequestsPerSecond: c.each, Burst: 10}})
		seen.Serving = []string{"a", "b", "c"}
		if got := inForce(service, seen); got.Pods != c.want {
			t.Errorf("%s: %d pods, want %d", name, got.Pods, c.want)
		}
	}
}

// Parts by demand say by their sum what limit they are of, whatever the status tells: that of a paused service has the latest.
func TestALimitLoweredBetweenTwoOperatorsReachesUnevenParts(t *testing.T) {
	t.Parallel()
	for _, told := range []int32{60, 240} {
		service := &v1alpha1.GoService{Spec: v1alpha1.GoServiceSpec{RateLimit: &v1alpha1.RateLimitSpec{RequestsPerSecond: 60}}}
		service.Status.Figures = &v1alpha1.FiguresStatus{SharedRequestsPerSecond: &told}
		seen := stateWith(t, livesettings.Document{Version: livesettings.Version, RateLimit: &livesettings.RateLimit{
			RequestsPerSecond: 0.24, Burst: 10, Pods: map[string]livesettings.Bucket{"a": {RequestsPerSecond: 180, Burst: 10}, "b": {RequestsPerSecond: 60, Burst: 10}},
		}})
		var l limits
		divided := l.next(client.ObjectKey{Namespace: "shop", Name: serviceName}, tuner.Budget{
			Total: 60, Serving: []string{"a", "b"}, Wanted: 2, Measured: true, InForce: func() tuner.InForce { return inForce(service, seen) },
		}, nil)
		if divided.Parts == nil || divided.Parts.Pods["a"]+divided.Parts.Pods["b"] > 60.1 || divided.Parts.Pods["a"] < 40 {
			t.Errorf("told %d: %+v, want parts of 60 as they were", told, divided.Parts)
		}
	}
}

// What an operator before this one has left is read from the live settings.
func TestWhatIsInForce(t *testing.T) {
	t.Parallel()
	limit := func(scope v1alpha1.RateLimitScope) *v1alpha1.RateLimitSpec {
		return &v1alpha1.RateLimitSpec{RequestsPerSecond: 100, Scope: scope}
	}
	upstreams := func(scope v1alpha1.RateLimitScope) []v1alpha1.UpstreamSpec {
		return []v1alpha1.UpstreamSpec{{Name: "free"}, {Name: "u", RateLimit: limit(scope)}}
	}
	each := livesettings.RateLimit{RequestsPerSecond: 33.333, Burst: 10}
	uneven := livesettings.RateLimit{RequestsPerSecond: 0.1, Burst: 10, Pods: map[string]livesettings.Bucket{"a": {RequestsPerSecond: 70, Burst: 10}}}
	outbound := map[string]livesettings.Upstream{"free": {}, "u": {RequestsPerSecond: 25, Burst: 10}}
	for name, c := range map[string]struct {
		spec     v1alpha1.GoServiceSpec
		document livesettings.Document
		want     tuner.InForce
	}{
		"equal parts":          {v1alpha1.GoServiceSpec{RateLimit: limit("")}, livesettings.Document{RateLimit: &each}, tuner.InForce{Pods: 3, Newcomer: 33.333}},
		"parts by demand":      {v1alpha1.GoServiceSpec{RateLimit: limit("")}, livesettings.Document{RateLimit: &uneven}, tuner.InForce{Parts: map[string]float64{"a": 70}, Newcomer: 0.1}},
		"an upstream's alone":  {v1alpha1.GoServiceSpec{Upstreams: upstreams("")}, livesettings.Document{Upstreams: outbound}, tuner.InForce{Pods: 4}},
		"each pod has its own": {v1alpha1.GoServiceSpec{RateLimit: limit(v1alpha1.ScopePod), Upstreams: upstreams(v1alpha1.ScopePod)}, livesettings.Document{RateLimit: &each, Upstreams: outbound}, tuner.InForce{}},
		"no limit before":      {v1alpha1.GoServiceSpec{RateLimit: limit("")}, livesettings.Document{}, tuner.InForce{}},
	} {
		c.document.Version = livesettings.Version
		got := inForce(&v1alpha1.GoService{Spec: c.spec}, stateWith(t, c.document))
		if got.Pods != c.want.Pods || got.Newcomer != c.want.Newcomer || len(got.Parts) != len(c.want.Parts) || got.Parts["a"] != c.want.Parts["a"] {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
	paused := &v1alpha1.GoService{Spec: v1alpha1.GoServiceSpec{RateLimit: limit(""), Paused: true}}
	seen := stateWith(t, livesettings.Document{Version: livesettings.Version, RateLimit: &each})
	seen.Deployment, seen.Serving = &appsv1.Deployment{}, []string{"a", "b", "c", "d", "e"}
	if got := (&GoServiceReconciler{}).divide(paused, seen, nil); got.Pods != 3 || got.Parts != nil || !got.Again.IsZero() {
		t.Errorf("a paused service is divided as %+v, want what is in force", got)
	}
	if got := inForce(&v1alpha1.GoService{Spec: v1alpha1.GoServiceSpec{RateLimit: limit("")}}, observe.State{}); got.Pods != 0 {
		t.Errorf("without a document: %+v", got)
	}
}

// What is kept of the last look is kept for as long as the service lives: a function in it would keep all that it may read.
func TestWhatIsKeptOfALimitReadsNothing(t *testing.T) {
	var l limits
	name := client.ObjectKey{Namespace: "shop", Name: serviceName}
	asked := 0
	budget := tuner.Budget{Total: 100, Serving: []string{"a", "b"}, Wanted: 2, InForce: func() tuner.InForce {
		asked++
		return tuner.InForce{}
	}}
	l.next(name, budget, nil)
	l.next(name, budget, nil)
	if kept := l.services[name].budget; asked != 1 || kept.InForce != nil || kept.Total != 100 {
		t.Errorf("asked %d times, kept %+v", asked, kept)
	}
}
