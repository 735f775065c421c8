// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package plan

import (
	"strings"
	"testing"
	"time"

	"goservice.dev/operator/api/v1alpha1"
)

// instrumented is a service of another library, whose histogram has buckets of its own.
func instrumented() v1alpha1.GoServiceSpec {
	return v1alpha1.GoServiceSpec{
		SLO:           &v1alpha1.SLOSpec{Availability: "100", Latency: latency(150*time.Millisecond, "99")},
		Observability: &v1alpha1.ObservabilitySpec{Metrics: &v1alpha1.MetricsSpec{Indicators: v1alpha1.IndicatorsOpenTelemetry}},
	}
}

// A latency objective of another library is counted at the next bucket that its histogram has, and says so; without a near one it is left
// out, and what was found for another threshold says nothing. An availability of 100% leaves no budget, and has no alert.
func TestLatencyIsCountedInTheBucketThatTheServiceHas(t *testing.T) {
	for name, c := range map[string]struct {
		found time.Duration
		bound time.Duration // 0: left out
		says  string
	}{
		"its own":                     {0, 150 * time.Millisecond, "counted in an exact bucket"},
		"the next one":                {250 * time.Millisecond, 250 * time.Millisecond, "counted at 250ms, the next bucket that the service has"},
		"twice as high":               {300 * time.Millisecond, 300 * time.Millisecond, "counted at 300ms, the next bucket that the service has"},
		"more than twice":             {301 * time.Millisecond, 150 * time.Millisecond, "counted in an exact bucket"},
		"a lower one":                 {100 * time.Millisecond, 150 * time.Millisecond, "counted in an exact bucket"},
		"the threshold":               {150 * time.Millisecond, 150 * time.Millisecond, "counted in an exact bucket"},
		"none":                        {-150 * time.Millisecond, 0, "the pods' histogram has no bucket at 150ms, or up to 2 times as much"},
		"none for another threshold":  {-100 * time.Millisecond, 150 * time.Millisecond, "counted in an exact bucket"},
		"one for a threshold between": {200 * time.Millisecond, 200 * time.Millisecond, "counted at 200ms, the next bucket that the service has"},
	} {
		t.Run(name, func(t *testing.T) {
			spec := instrumented()
			p := Compute(&spec, Observed{LatencyBound: c.found})
			var text []string
			for _, a := range p.Status().Alerts {
				text = append(text, a.Value+": "+a.Reason)
			}
			if all := strings.Join(text, "\n"); !strings.Contains(all, c.says) {
				t.Errorf("the alerts do not say %q:\n%s", c.says, all)
			}
			if c.bound == 0 {
				if len(p.Alerts.Objectives) != 0 || len(p.Alerts.LeftOut) != 1 || p.Alerts.LeftOut[0].Name != SLOLatency {
					t.Errorf("objectives %+v, left out %+v", p.Alerts.Objectives, p.Alerts.LeftOut)
				}
				return
			}
			if len(p.Alerts.Objectives) != 1 || p.Alerts.Objectives[0].Bound != c.bound || len(p.Alerts.LeftOut) != 0 {
				t.Errorf("objectives %+v, left out %+v", p.Alerts.Objectives, p.Alerts.LeftOut)
			}
		})
	}
	toolkit := instrumented()
	toolkit.Observability = nil
	if p := Compute(&toolkit, Observed{LatencyBound: 250 * time.Millisecond}); p.Alerts.Objectives[0].Bound != 150*time.Millisecond {
		t.Errorf("the toolkit has a bucket at each threshold, and counts at %s", p.Alerts.Objectives[0].Bound)
	}
}

// The plan shows nobody a pool or buckets that nobody carries out.
func TestOnlyTheToolkitsFiguresAreShownOfIt(t *testing.T) {
	other := instrumented()
	toolkit := instrumented()
	toolkit.Observability = nil
	for name, c := range map[string]struct {
		spec  v1alpha1.GoServiceSpec
		shown bool
	}{"another library": {other, false}, "the toolkit": {toolkit, true}} {
		p := Compute(&c.spec, Observed{})
		s := p.Status()
		if shown := []bool{s.Workers != nil, s.QueueDepth != nil, s.QueueTimeout != nil, s.RequestTimeout != nil, s.HistogramBoundaries != nil}; shown[0] != c.shown ||
			shown[1] != c.shown || shown[2] != c.shown || shown[3] != c.shown || shown[4] != c.shown {
			t.Errorf("%s: shown are %v", name, shown)
		}
	}
}
