// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package plan

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"goservice.dev/operator/api/v1alpha1"
)

func TestShares(t *testing.T) {
	cases := map[string]struct {
		limit    v1alpha1.RateLimitSpec
		observed Observed
		want     Share
		text     string
	}{
		"divided among running pods":        {v1alpha1.RateLimitSpec{RequestsPerSecond: 2500}, Observed{Sharing: 4, WantedReplicas: 9}, Share{625, 62}, "625/s"},
		"never more than the budget":        {v1alpha1.RateLimitSpec{RequestsPerSecond: 100}, Observed{Sharing: 3}, Share{33.333, 10}, "33.333/s"},
		"before the first pod":              {v1alpha1.RateLimitSpec{RequestsPerSecond: 100}, Observed{}, Share{50, 10}, "50/s"},
		"before the pods of a known count":  {v1alpha1.RateLimitSpec{RequestsPerSecond: 100}, Observed{WantedReplicas: 5}, Share{20, 10}, "20/s"},
		"each pod its own":                  {v1alpha1.RateLimitSpec{RequestsPerSecond: 100, Scope: v1alpha1.ScopePod}, Observed{Sharing: 9}, Share{100, 10}, "100/s"},
		"a given burst":                     {v1alpha1.RateLimitSpec{RequestsPerSecond: 100, Burst: new(int32(7))}, Observed{Sharing: 2}, Share{50, 3}, "50/s"},
		"every pod admits something":        {v1alpha1.RateLimitSpec{RequestsPerSecond: 1, Burst: new(int32(1))}, Observed{Sharing: 8}, Share{0.125, 1}, "0.125/s"},
		"more pods than thousandths":        {v1alpha1.RateLimitSpec{RequestsPerSecond: 1}, Observed{Sharing: 10000}, Share{0.0001, 10}, "0.0001/s"},
		"chance asks the same of any rate":  {v1alpha1.RateLimitSpec{RequestsPerSecond: 5, Scope: v1alpha1.ScopePod}, Observed{}, Share{5, 10}, "5/s"},
		"a large rate's burst is a tenth's": {v1alpha1.RateLimitSpec{RequestsPerSecond: 12345, Scope: v1alpha1.ScopePod}, Observed{}, Share{12345, 1234}, "12345/s"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := Compute(&v1alpha1.GoServiceSpec{
				RateLimit: &c.limit,
				Upstreams: []v1alpha1.UpstreamSpec{{Name: "limited", RateLimit: &c.limit}, {Name: "free"}},
				Routes:    []v1alpha1.RouteSpec{{Pattern: "GET /limited", RateLimit: &c.limit}, {Pattern: "/free"}},
			}, c.observed)
			if diff := cmp.Diff(map[string]Share{"GET /limited": c.want}, p.RouteShares); diff != "" {
				t.Errorf("shares of the limits of routes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.want, p.SharePerPod.Value); diff != "" {
				t.Errorf("share of the inbound limit (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(map[string]Share{"limited": c.want}, p.UpstreamShares); diff != "" {
				t.Errorf("shares of the outbound limits (-want +got):\n%s", diff)
			}
			if got := p.Status().SharePerPod.Value; got != c.text {
				t.Errorf("the status says %q, want %q", got, c.text)
			}
		})
	}
}

// A share that is rounded to none would be no limit.
func TestNoShareIsNone(t *testing.T) {
	limit := &v1alpha1.RateLimitSpec{RequestsPerSecond: 2000}
	p := Compute(&v1alpha1.GoServiceSpec{
		RateLimit: limit, Upstreams: []v1alpha1.UpstreamSpec{{Name: "a", RateLimit: limit}}, Routes: []v1alpha1.RouteSpec{{Pattern: "/b", RateLimit: limit}},
	}, Observed{Sharing: math.MaxInt32, Tuned: Tuned{Parts: &Parts{Pods: map[string]float64{"p": 0}, Newcomer: 1e-9}}})
	for name, share := range map[string]Share{
		"an upstream": p.UpstreamShares["a"], "a route": p.RouteShares["/b"], "a pod": p.PodShares["p"], "a newcomer": p.SharePerPod.Value,
	} {
		if share.RequestsPerSecond != leastShare || share.Burst < 1 {
			t.Errorf("%s: %+v", name, share)
		}
	}
}

func TestNoLimitNoShare(t *testing.T) {
	p := Compute(&v1alpha1.GoServiceSpec{Upstreams: []v1alpha1.UpstreamSpec{{Name: "free"}}}, Observed{Sharing: 3})
	if p.SharePerPod != nil || p.UpstreamShares != nil || p.Status().SharePerPod != nil {
		t.Errorf("shares without a limit: %v, %v", p.SharePerPod, p.UpstreamShares)
	}
}

func TestFindings(t *testing.T) {
	const ms = time.Millisecond
	cases := map[string]struct {
		spec     v1alpha1.GoServiceSpec
		observed Observed
		want     map[string]string // what the message must say, by reason
	}{
		"nothing declared": {v1alpha1.GoServiceSpec{}, Observed{ServiceTime: time.Second}, nil},
		"all can be met": {
			v1alpha1.GoServiceSpec{
				SLO:         &v1alpha1.SLOSpec{Latency: latency(50*ms, "99"), Load: load(1000)},
				Autoscaling: &v1alpha1.AutoscalingSpec{MaxReplicas: new(int32(100))},
				RateLimit:   &v1alpha1.RateLimitSpec{RequestsPerSecond: 1000},
			},
			Observed{ServiceTime: 2 * ms}, nil,
		},
		"one request alone takes too long": {
			v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Latency: latency(50*ms, "99.9")}},
			Observed{ServiceTime: 80 * ms},
			map[string]string{v1alpha1.ReasonUnreachable: "p99.9 within 50ms is not achievable: a request takes 80ms even without queueing; raise slo.latency.threshold"},
		},
		"too few pods are allowed": {
			v1alpha1.GoServiceSpec{
				SLO:         &v1alpha1.SLOSpec{Load: load(1000)},
				Autoscaling: &v1alpha1.AutoscalingSpec{MaxReplicas: new(int32(4))},
			},
			Observed{ServiceTime: 5 * ms},
			map[string]string{v1alpha1.ReasonAboveMaxReplicas: "1000 req/s peak needs 29 pods at 35 req/s per pod (5ms of measured service time), but autoscaling.maxReplicas allows 4; raise it"},
		},
		"the cap is below what the peak needs": {
			v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Load: load(10_000_000)}},
			Observed{ServiceTime: 5 * ms},
			map[string]string{v1alpha1.ReasonAboveMaxReplicas: "needs 285715 pods at 35 req/s per pod (5ms of measured service time), but the operator allows 10000; lower"},
		},
		"a fixed number of pods cannot carry the peak": {
			v1alpha1.GoServiceSpec{
				Replicas: new(int32(3)), SLO: &v1alpha1.SLOSpec{Load: load(1000)},
				Autoscaling: &v1alpha1.AutoscalingSpec{MinReplicas: new(int32(3)), MaxReplicas: new(int32(3))},
			},
			Observed{ServiceTime: 5 * ms},
			map[string]string{v1alpha1.ReasonAboveMaxReplicas: "needs 29 pods"},
		},
		"others scale": {
			v1alpha1.GoServiceSpec{
				Replicas: new(int32(3)), SLO: &v1alpha1.SLOSpec{Load: load(1000)},
				Autoscaling: &v1alpha1.AutoscalingSpec{Mode: v1alpha1.AutoscalingExternal},
			},
			Observed{ServiceTime: 5 * ms}, nil,
		},
		"measured demand needs more than may be": {
			v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Availability: "99.9"}},
			Observed{ServiceTime: 5 * ms, Tuned: Tuned{Needed: 17}},
			map[string]string{v1alpha1.ReasonAboveMaxReplicas: "the demand measured over a minute needs 17 pods, but the bound derived from the spec allows 10; set autoscaling.maxReplicas"},
		},
		"the limit is below the peak": {
			v1alpha1.GoServiceSpec{
				SLO:       &v1alpha1.SLOSpec{Load: load(1000)},
				RateLimit: &v1alpha1.RateLimitSpec{RequestsPerSecond: 999},
			},
			Observed{}, map[string]string{v1alpha1.ReasonRateLimitTooSmall: "rateLimit.requestsPerSecond admits 999 req/s, but the declared peak is 1000 req/s; raise it"},
		},
		"a limit of each pod is not compared to the whole peak": {
			v1alpha1.GoServiceSpec{
				SLO:       &v1alpha1.SLOSpec{Load: load(1000)},
				RateLimit: &v1alpha1.RateLimitSpec{RequestsPerSecond: 10, Scope: v1alpha1.ScopePod},
			},
			Observed{}, nil,
		},
		"everything at once": {
			v1alpha1.GoServiceSpec{
				SLO:         &v1alpha1.SLOSpec{Latency: latency(ms, "99"), Load: load(1000)},
				Autoscaling: &v1alpha1.AutoscalingSpec{MaxReplicas: new(int32(1))},
				RateLimit:   &v1alpha1.RateLimitSpec{RequestsPerSecond: 1},
			},
			Observed{ServiceTime: time.Second},
			map[string]string{v1alpha1.ReasonUnreachable: "", v1alpha1.ReasonAboveMaxReplicas: "", v1alpha1.ReasonRateLimitTooSmall: ""},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			findings := Compute(&c.spec, c.observed).Findings
			if len(findings) != len(c.want) {
				t.Errorf("%d findings, want %d: %v", len(findings), len(c.want), findings)
			}
			for _, finding := range findings {
				part, expected := c.want[finding.Reason]
				if !expected || !strings.Contains(finding.Message, part) {
					t.Errorf("%s: %q, want it to contain %q (expected: %t)", finding.Reason, finding.Message, part, expected)
				}
			}
		})
	}
}

// The text of shares that follow the demand is of the least and of the most of those of the pods.
func TestShareText(t *testing.T) {
	parts := func(pods map[string]float64) Observed {
		return Observed{WantedReplicas: 3, Tuned: Tuned{Parts: &Parts{Pods: pods, Newcomer: 1}}}
	}
	limit := v1alpha1.GoServiceSpec{Replicas: new(int32(3)), RateLimit: &v1alpha1.RateLimitSpec{RequestsPerSecond: 300}}
	for name, c := range map[string]struct {
		spec     v1alpha1.GoServiceSpec
		observed Observed
		want     string
	}{
		"no limit":  {v1alpha1.GoServiceSpec{}, Observed{WantedReplicas: 2}, ""},
		"equal":     {limit, Observed{WantedReplicas: 3}, "100/s"},
		"by demand": {limit, parts(map[string]float64{"a": 120, "b": 30.5, "c": 149.5}), "30.5 to 149.5/s"},
		"all alike": {limit, parts(map[string]float64{"a": 100, "b": 100, "c": 100}), "100 to 100/s"},
	} {
		if got := Compute(&c.spec, c.observed).ShareText(); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestReadable(t *testing.T) {
	cases := map[time.Duration]string{
		0: "0s", 25 * time.Millisecond: "25ms", 5 * time.Second: "5s", 90 * time.Second: "1m30s", 2 * time.Minute: "2m",
		time.Hour: "1h", 70 * time.Minute: "1h10m", time.Hour + 10*time.Second: "1h0m10s", 10 * time.Minute: "10m", 20 * time.Hour: "20h",
	}
	for d, want := range cases {
		if got := readable(d); got != want {
			t.Errorf("readable(%d) = %q, want %q", d, got, want)
		}
	}
}

func TestShortest(t *testing.T) {
	cases := map[float64]string{0: "0", 100: "100", 99.9: "99.9", 33.3333: "33.333", 0.5: "0.5", 1234567: "1234567"}
	for f, want := range cases {
		if got := shortest(f); got != want {
			t.Errorf("shortest(%g) = %q, want %q", f, got, want)
		}
	}
}
