// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package plan

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"goservice.dev/operator/api/v1alpha1"
)

// Which limits are divided among pods, so that the number of pods matters.
func TestWhichLimitsAreShared(t *testing.T) {
	limit := func(scope v1alpha1.RateLimitScope) *v1alpha1.RateLimitSpec {
		return &v1alpha1.RateLimitSpec{RequestsPerSecond: 7, Scope: scope}
	}
	cases := map[string]struct {
		spec   v1alpha1.GoServiceSpec
		limit  float64
		shares bool
	}{
		"none":                         {v1alpha1.GoServiceSpec{}, 0, false},
		"inbound":                      {v1alpha1.GoServiceSpec{RateLimit: limit("")}, 7, true},
		"inbound, of each pod":         {v1alpha1.GoServiceSpec{RateLimit: limit(v1alpha1.ScopePod)}, 0, false},
		"an upstream without any":      {v1alpha1.GoServiceSpec{Upstreams: []v1alpha1.UpstreamSpec{{Name: "a"}}}, 0, false},
		"an upstream":                  {v1alpha1.GoServiceSpec{Upstreams: []v1alpha1.UpstreamSpec{{Name: "a"}, {Name: "b", RateLimit: limit("")}}}, 0, true},
		"an upstream's, of each pod":   {v1alpha1.GoServiceSpec{Upstreams: []v1alpha1.UpstreamSpec{{Name: "b", RateLimit: limit(v1alpha1.ScopePod)}}}, 0, false},
		"of each pod, and an upstream": {v1alpha1.GoServiceSpec{RateLimit: limit(v1alpha1.ScopePod), Upstreams: []v1alpha1.UpstreamSpec{{Name: "b", RateLimit: limit("")}}}, 0, true},
		"a route":                      {v1alpha1.GoServiceSpec{Routes: []v1alpha1.RouteSpec{{Pattern: "/a"}, {Pattern: "/b", RateLimit: limit("")}}}, 0, true},
		"a route's, of each pod":       {v1alpha1.GoServiceSpec{Routes: []v1alpha1.RouteSpec{{Pattern: "/b", RateLimit: limit(v1alpha1.ScopePod)}}}, 0, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := SharedLimit(&c.spec); got != c.limit {
				t.Errorf("the shared limit is %v, want %v", got, c.limit)
			}
			if got := SharesLimits(&c.spec); got != c.shares {
				t.Errorf("limits are shared: %t, want %t", got, c.shares)
			}
		})
	}
}

func TestEveryUpstreamHasItsShare(t *testing.T) {
	spec := v1alpha1.GoServiceSpec{Upstreams: []v1alpha1.UpstreamSpec{
		{Name: "a", RateLimit: &v1alpha1.RateLimitSpec{RequestsPerSecond: 10}}, {Name: "free"}, {Name: "b", RateLimit: &v1alpha1.RateLimitSpec{RequestsPerSecond: 20}},
	}}
	shares := Compute(&spec, Observed{Sharing: 2}).UpstreamShares
	if diff := cmp.Diff([]string{"a", "b"}, slices.Sorted(maps.Keys(shares))); diff != "" {
		t.Errorf("upstreams (-want +got):\n%s", diff)
	}
	if shares["a"].RequestsPerSecond != 5 || shares["b"].RequestsPerSecond != 10 {
		t.Errorf("shares %+v", shares)
	}
}
