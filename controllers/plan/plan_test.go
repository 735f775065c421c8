// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package plan

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
)

func latency(threshold time.Duration, percentile string) *v1alpha1.LatencyObjective {
	return &v1alpha1.LatencyObjective{Threshold: metav1.Duration{Duration: threshold}, Percentile: percentile}
}

func load(peak int32) *v1alpha1.LoadObjective {
	return &v1alpha1.LoadObjective{PeakRequestsPerSecond: peak}
}

func duration(d time.Duration) *metav1.Duration { return &metav1.Duration{Duration: d} }

// quantities reads pairs of a resource's name and its quantity.
func quantities(pairs ...string) corev1.ResourceList {
	list := corev1.ResourceList{}
	for i := 0; i < len(pairs); i += 2 {
		list[corev1.ResourceName(pairs[i])] = resource.MustParse(pairs[i+1])
	}
	return list
}

func TestStatusSaysWhyEachNumberIsWhatItIs(t *testing.T) {
	spec := v1alpha1.GoServiceSpec{
		SLO:       &v1alpha1.SLOSpec{Availability: "99.9", Latency: latency(50*time.Millisecond, "99"), Load: load(2000)},
		RateLimit: &v1alpha1.RateLimitSpec{RequestsPerSecond: 2500},
	}
	got := Compute(&spec, Observed{Sharing: 4}).Status()
	want := &v1alpha1.PlanStatus{
		Replicas: v1alpha1.PlannedValue{
			Value:  "2 to 110",
			Reason: "2: tolerates the loss of one pod; 110: 2000 req/s peak at 27.5 req/s per pod (5ms assumed per request until it is measured) and 55% CPU, plus half as many for sudden steps",
		},
		CPUTarget:   &v1alpha1.PlannedValue{Value: "55%", Reason: "50ms at p99 with 5ms assumed per request until it is measured: above 55%, waiting breaks the objective"},
		Utilization: &v1alpha1.PlannedValue{Value: "55%", Reason: "same as cpuTarget: 50ms at p99 with 5ms assumed per request until it is measured: above 55%, waiting breaks the objective"},
		ScaleUp:     &v1alpha1.PlannedValue{Value: "54 pods or 100% within 15s, without delay", Reason: "covers the whole range in 2 sync periods of the autoscaler of 15s each; a pod takes 10s to start"},
		ScaleUpTolerance: &v1alpha1.PlannedValue{
			Value:  "3%",
			Reason: "the CPU target is 55%, and waiting breaks the objective at 55%; limited to 3% to 10%; before Kubernetes 1.35, the default of 10% applies",
		},
		ScaleDownWindow: &v1alpha1.PlannedValue{Value: "1m", Reason: "6 times the 10s that a pod takes to start"},
		Concurrency:     &v1alpha1.PlannedValue{Value: "0.138", Reason: "27.5 req/s per pod at 55%, 5ms assumed per request until it is measured (Little's law)"},
		HistogramBoundaries: &v1alpha1.PlannedValue{
			Value:  "1ms to 10s, one at exactly 50ms",
			Reason: "slow requests are counted at exactly the threshold, without interpolation; the others are those that OpenTelemetry recommends",
		},
		Workers:        &v1alpha1.PlannedValue{Value: "64", Reason: "64 for each whole core (1; at least one counts); each pod starts with these and sizes its pool between one for each processor, or these if fewer, and 4096"},
		QueueDepth:     &v1alpha1.PlannedValue{Value: "4096", Reason: "4096, or one for each of workers if that is more: it bounds memory, and queueTimeout bounds the wait"},
		QueueTimeout:   &v1alpha1.PlannedValue{Value: "25ms", Reason: "half of the 50ms that a request may take"},
		RequestTimeout: &v1alpha1.PlannedValue{Value: "5s", Reason: "20 times the 50ms threshold, within 5s to 1m or twice the threshold"},
		PreStopDelay:   v1alpha1.PlannedValue{Value: "5s", Reason: "endpoint changes reach every node within 5s"},
		DrainTimeout:   v1alpha1.PlannedValue{Value: "10s", Reason: "the longest request (5s) after the longest wait (25ms), at least 10s"},
		GracePeriod:    v1alpha1.PlannedValue{Value: "20s", Reason: "5s + 10s drain + 5s"},
		MemoryLimit:    &v1alpha1.PlannedValue{Value: "230Mi", Reason: "90% of the container's 256Mi"},
		SharePerPod:    &v1alpha1.PlannedValue{Value: "625/s", Reason: "2500/s over 4 pods"},
	}
	want.Alerts = got.Alerts // those have tests of their own
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("status of the plan (-want +got):\n%s", diff)
	}
}

func TestReplicas(t *testing.T) {
	type want struct {
		Replicas   Range
		Autoscaled bool
		CPU        int32
	}
	cases := map[string]struct {
		spec     v1alpha1.GoServiceSpec
		observed Observed
		want     want
	}{
		"nothing declared":                     {v1alpha1.GoServiceSpec{}, Observed{}, want{Range{2, 2}, false, 0}},
		"a fixed size":                         {v1alpha1.GoServiceSpec{Replicas: new(int32(7))}, Observed{}, want{Range{7, 7}, false, 0}},
		"a fixed size of none":                 {v1alpha1.GoServiceSpec{Replicas: new(int32(0))}, Observed{}, want{Range{}, false, 0}},
		"an external autoscaler beside an slo": {v1alpha1.GoServiceSpec{Replicas: new(int32(3)), Autoscaling: &v1alpha1.AutoscalingSpec{Mode: v1alpha1.AutoscalingExternal}, SLO: &v1alpha1.SLOSpec{Load: load(9000)}}, Observed{}, want{Range{3, 3}, false, 0}},
		"autoscaling without bounds": {
			v1alpha1.GoServiceSpec{Autoscaling: &v1alpha1.AutoscalingSpec{}},
			Observed{}, want{Range{2, 10}, true, 70},
		},
		"a given minimum raises the derived maximum": {
			v1alpha1.GoServiceSpec{Autoscaling: &v1alpha1.AutoscalingSpec{MinReplicas: new(int32(20))}},
			Observed{}, want{Range{20, 100}, true, 70},
		},
		"the derived maximum has a bound": {
			v1alpha1.GoServiceSpec{Autoscaling: &v1alpha1.AutoscalingSpec{MinReplicas: new(int32(9000))}},
			Observed{}, want{Range{9000, 10000}, true, 70},
		},
		"a given maximum below the derived minimum": {
			v1alpha1.GoServiceSpec{Autoscaling: &v1alpha1.AutoscalingSpec{MaxReplicas: new(int32(1))}},
			Observed{}, want{Range{1, 1}, true, 70},
		},
		"given bounds and target": {
			v1alpha1.GoServiceSpec{Autoscaling: &v1alpha1.AutoscalingSpec{
				MinReplicas: new(int32(3)), MaxReplicas: new(int32(24)), TargetCPUUtilization: new(int32(55)),
			}},
			Observed{}, want{Range{3, 24}, true, 55},
		},
		"availability that allows the loss of the only pod": {
			v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Availability: "98.5"}},
			Observed{}, want{Range{1, 10}, true, 70},
		},
		"availability that needs a spare during replacement": {
			v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Availability: "99.99"}},
			Observed{}, want{Range{3, 15}, true, 70},
		},
		"a peak at the assumed cost": { // 1,000/s · 10 ms = 10 busy cores ÷ (0.25 cores · 0.7), and half as many
			v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Load: load(1000)}},
			Observed{}, want{Range{2, 86}, true, 70},
		},
		"a lower measured cost is no reason for less": {
			v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Load: load(1000)}},
			Observed{ServiceTime: 5 * time.Millisecond}, want{Range{2, 86}, true, 70},
		},
		"a higher one raises it": {
			v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Load: load(1000)}},
			Observed{ServiceTime: 20 * time.Millisecond}, want{Range{2, 172}, true, 70},
		},
		"a peak that a single pod could serve keeps the minimum": {
			v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Load: load(1)}},
			Observed{ServiceTime: time.Millisecond}, want{Range{2, 2}, true, 70},
		},
		"a peak beyond all bounds": {
			v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Load: load(10_000_000)}},
			Observed{ServiceTime: time.Second}, want{Range{2, 10000}, true, 70},
		},
		"a threshold far above the service time steers at most at 72": {
			v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Latency: latency(time.Second, "99")}},
			Observed{ServiceTime: time.Millisecond}, want{Range{2, 10}, true, 72},
		},
		"a threshold that the service time breaks steers at least at 30": {
			v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Latency: latency(time.Millisecond, "99")}},
			Observed{ServiceTime: time.Second}, want{Range{2, 10}, true, 30},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := Compute(&c.spec, c.observed)
			got := want{Replicas: p.Replicas.Value, Autoscaled: p.Autoscaled}
			if p.CPUTarget != nil {
				got.CPU = p.CPUTarget.Value
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", p.Replicas.Reason, diff)
			}
		})
	}
}

// A target that the formula puts outside of its bounds says that it was limited, and one within them does not.
func TestATargetThatWasLimitedSaysSo(t *testing.T) {
	for name, c := range map[string]struct {
		threshold, serviceTime time.Duration
		limited                bool
	}{
		"from above":    {time.Second, time.Millisecond, true},
		"from below":    {time.Millisecond, time.Second, true},
		"within bounds": {50 * time.Millisecond, 5 * time.Millisecond, false},
	} {
		spec := v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Latency: latency(c.threshold, "99")}}
		target := Compute(&spec, Observed{ServiceTime: c.serviceTime}).CPUTarget
		if says := strings.HasSuffix(target.Reason, "; limited to 30 to 72%"); says != c.limited {
			t.Errorf("%s: %d%%: %s", name, target.Value, target.Reason)
		}
	}
}

func TestPool(t *testing.T) {
	type want struct {
		Workers, QueueDepth int32
		QueueTimeout        time.Duration
	}
	cases := map[string]struct {
		spec v1alpha1.GoServiceSpec
		want want
	}{
		"nothing declared":  {v1alpha1.GoServiceSpec{}, want{64, 4096, time.Second}},
		"the threshold":     {v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Latency: latency(300*time.Millisecond, "99")}}, want{64, 4096, 150 * time.Millisecond}},
		"a tiny threshold":  {v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Latency: latency(time.Millisecond, "99")}}, want{64, 4096, time.Millisecond}},
		"cores of requests": {v1alpha1.GoServiceSpec{Resources: &v1alpha1.ResourcesSpec{Requests: quantities("cpu", "3500m")}}, want{192, 4096, time.Second}},
		"cores of limits":   {v1alpha1.GoServiceSpec{Resources: &v1alpha1.ResourcesSpec{Limits: quantities("cpu", "2")}}, want{128, 4096, time.Second}},
		"a machine beyond all bounds": {
			v1alpha1.GoServiceSpec{Resources: &v1alpha1.ResourcesSpec{Requests: quantities("cpu", "4000")}}, want{100_000, 100_000, time.Second},
		},
		"given workers": {v1alpha1.GoServiceSpec{Pool: &v1alpha1.PoolSpec{Workers: new(int32(8))}}, want{8, 4096, time.Second}},
		"given no queue": {
			v1alpha1.GoServiceSpec{Pool: &v1alpha1.PoolSpec{Workers: new(int32(8)), QueueDepth: new(int32(0))}}, want{8, 0, time.Second},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := Compute(&c.spec, Observed{})
			if diff := cmp.Diff(c.want, want{p.Workers.Value, p.QueueDepth.Value, p.QueueTimeout.Value}); diff != "" {
				t.Errorf("pool (-want +got):\n%s", diff)
			}
		})
	}
}

// Handlers may hold the same number of workers whatever the promise is; who waits then waits for less time all the same.
func TestTheLongestWaitFollowsTheThresholdWhereTheWorkersStay(t *testing.T) {
	measured := Observed{Tuned: Tuned{Workers: &Figure[int32]{34, "measured"}}, ServiceTime: 84 * time.Millisecond, CPUTime: 5 * time.Millisecond}
	for _, threshold := range []time.Duration{140 * time.Millisecond, 100 * time.Millisecond} {
		p := Compute(&v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Latency: latency(threshold, "99")}}, measured)
		if p.Workers.Value != 34 || p.QueueTimeout.Value != threshold/2 {
			t.Errorf("%d workers, and a wait of %s; want 34, and half of %s", p.Workers.Value, p.QueueTimeout.Value, threshold)
		}
	}
}

// Pods size their pools themselves and let bursts wait, whatever the operator counts with, unless the user has said otherwise.
func TestThePoolOfAPodHasRoomForBursts(t *testing.T) {
	measured := Observed{Tuned: Tuned{Workers: &Figure[int32]{3, "measured"}}}
	for name, c := range map[string]struct {
		spec                 v1alpha1.GoServiceSpec
		observed             Observed
		least, most, waiting int32
	}{
		"planned": {v1alpha1.GoServiceSpec{}, Observed{}, 0, 4096, 4096},
		"tuned":   {v1alpha1.GoServiceSpec{}, measured, 0, 4096, 4096},
		"more workers than that": {
			v1alpha1.GoServiceSpec{Resources: &v1alpha1.ResourcesSpec{Requests: quantities("cpu", "100")}}, Observed{}, 0, 6400, 6400,
		},
		"given workers": {v1alpha1.GoServiceSpec{Pool: &v1alpha1.PoolSpec{Workers: new(int32(8))}}, measured, 8, 8, 4096},
		"given depth":   {v1alpha1.GoServiceSpec{Pool: &v1alpha1.PoolSpec{QueueDepth: new(int32(0))}}, measured, 0, 4096, 0},
		"given workers and depth": {
			v1alpha1.GoServiceSpec{Pool: &v1alpha1.PoolSpec{Workers: new(int32(8)), QueueDepth: new(int32(2))}}, measured, 8, 8, 2,
		},
	} {
		p := Compute(&c.spec, c.observed)
		if least, most := p.PoolBounds(&c.spec); least != c.least || most != c.most || p.QueueDepth.Value != c.waiting {
			t.Errorf("%s: %d to %d workers, %d wait; want %d to %d, %d", name, least, most, p.QueueDepth.Value, c.least, c.most, c.waiting)
		}
	}
}

func TestShutdown(t *testing.T) {
	type want struct{ Request, PreStop, Drain, Grace time.Duration }
	const second, ms = time.Second, time.Millisecond
	cases := map[string]struct {
		slo      *v1alpha1.SLOSpec
		shutdown *v1alpha1.ShutdownSpec
		want     want
	}{
		"nothing declared":                 {nil, nil, want{30 * second, 5 * second, 31 * second, 41 * second}},
		"a fast service":                   {&v1alpha1.SLOSpec{Latency: latency(10*ms, "99")}, nil, want{5 * second, 5 * second, 10 * second, 20 * second}},
		"a slow service":                   {&v1alpha1.SLOSpec{Latency: latency(2*second, "99")}, nil, want{40 * second, 5 * second, 41 * second, 51 * second}},
		"a threshold of minutes":           {&v1alpha1.SLOSpec{Latency: latency(5*60*second, "99")}, nil, want{600 * second, 5 * second, 750 * second, 760 * second}},
		"a load balancer's delay":          {nil, &v1alpha1.ShutdownSpec{PreStopDelay: duration(90 * second)}, want{30 * second, 90 * second, 31 * second, 126 * second}},
		"no delay":                         {nil, &v1alpha1.ShutdownSpec{PreStopDelay: duration(0)}, want{30 * second, 0, 31 * second, 36 * second}},
		"fractions are rounded up":         {nil, &v1alpha1.ShutdownSpec{PreStopDelay: duration(1500 * ms), DrainTimeout: duration(40*second + ms)}, want{30 * second, 2 * second, 41 * second, 48 * second}},
		"a short drain shortens a request": {nil, &v1alpha1.ShutdownSpec{DrainTimeout: duration(3 * second)}, want{3 * second, 5 * second, 3 * second, 13 * second}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := Compute(&v1alpha1.GoServiceSpec{SLO: c.slo, Shutdown: c.shutdown}, Observed{})
			got := want{p.RequestTimeout.Value, p.PreStopDelay.Value, p.DrainTimeout.Value, p.GracePeriod.Value}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("shutdown (-want +got):\n%s", diff)
			}
		})
	}
}

// Nobody ends the requests of an image that is not built on the toolkit: it has the time that Kubernetes gives any.
func TestOtherImagesHaveTimeToEnd(t *testing.T) {
	spec := &v1alpha1.GoServiceSpec{
		Image: "a", SLO: &v1alpha1.SLOSpec{Latency: latency(5*time.Minute, "99")},
		Observability: &v1alpha1.ObservabilitySpec{Metrics: &v1alpha1.MetricsSpec{Indicators: v1alpha1.IndicatorsGRPC}},
	}
	if p := Compute(spec, Observed{}); p.DrainTimeout.Value != 30*time.Second || p.GracePeriod.Value != 40*time.Second {
		t.Errorf("drain %+v, grace %+v", p.DrainTimeout, p.GracePeriod)
	}
	spec.Shutdown = &v1alpha1.ShutdownSpec{DrainTimeout: duration(time.Hour)}
	if p := Compute(spec, Observed{}); p.DrainTimeout.Value != time.Hour {
		t.Errorf("drain %+v", p.DrainTimeout)
	}
}

func TestResourcesAndMemoryLimit(t *testing.T) {
	cases := map[string]struct {
		given        *v1alpha1.ResourcesSpec
		wantRequests corev1.ResourceList
		wantLimits   corev1.ResourceList
		wantMemory   int64 // GOMEMLIMIT; 0 for none
	}{
		"nothing given": {nil, quantities("cpu", "250m", "memory", "128Mi"), quantities("memory", "256Mi"), 241591910},
		"only limits become requests": {
			&v1alpha1.ResourcesSpec{Limits: quantities("cpu", "2", "memory", "1Gi")},
			quantities("cpu", "2", "memory", "1Gi"), quantities("cpu", "2", "memory", "1Gi"), 966367641,
		},
		"only requests get no limits": {
			&v1alpha1.ResourcesSpec{Requests: quantities("cpu", "1")},
			quantities("cpu", "1", "memory", "128Mi"), nil, 0,
		},
		"other resources stay": {
			&v1alpha1.ResourcesSpec{Requests: quantities("cpu", "1", "memory", "1Gi", "ephemeral-storage", "2Gi")},
			quantities("cpu", "1", "memory", "1Gi", "ephemeral-storage", "2Gi"), nil, 0,
		},
		"a limit too small for a soft one": {
			&v1alpha1.ResourcesSpec{Requests: quantities("cpu", "1"), Limits: quantities("memory", "63Mi")},
			quantities("cpu", "1", "memory", "63Mi"), quantities("memory", "63Mi"), 0,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := Compute(&v1alpha1.GoServiceSpec{Resources: c.given}, Observed{})
			if diff := cmp.Diff(c.wantRequests, p.Resources.Requests); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.wantLimits, p.Resources.Limits); diff != "" {
				t.Errorf("limits (-want +got):\n%s", diff)
			}
			var memory int64
			if p.MemoryLimitBytes != nil {
				memory = p.MemoryLimitBytes.Value
			}
			if memory != c.wantMemory {
				t.Errorf("GOMEMLIMIT %d, want %d", memory, c.wantMemory)
			}
		})
	}
}
