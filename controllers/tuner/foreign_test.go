// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
)

// foreign is a service that is not built on the toolkit, with a latency threshold.
func foreign(threshold time.Duration) *v1alpha1.GoServiceSpec {
	spec := specified()
	spec.Image = "registry.example/orders:1"
	spec.SLO.Latency.Threshold = metav1.Duration{Duration: threshold}
	spec.Observability = &v1alpha1.ObservabilitySpec{Metrics: &v1alpha1.MetricsSpec{Indicators: v1alpha1.IndicatorsOpenTelemetry}}
	return spec
}

// A threshold without a bucket is judged at the next one, if that is not too far above. The pods' buckets are 50 ms and 100 ms.
func TestLatencyIsJudgedAtTheNextBucket(t *testing.T) {
	for name, c := range map[string]struct {
		threshold, want time.Duration
		slow            float64 // share, where a tenth of the requests take longer than 100 ms
		lowered         bool    // the utilization, for that
	}{
		"its own bucket":       {100 * time.Millisecond, 0, 0.1, true},
		"the next one":         {80 * time.Millisecond, 100 * time.Millisecond, 0.1, true},
		"twice as high":        {25 * time.Millisecond, 50 * time.Millisecond, 0.1, false}, // it is low already
		"more than that":       {24 * time.Millisecond, -24 * time.Millisecond, 0, false},
		"beyond the last one":  {101 * time.Millisecond, -101 * time.Millisecond, 0, false},
		"between the two, low": {51 * time.Millisecond, 100 * time.Millisecond, 0.1, true},
	} {
		t.Run(name, func(t *testing.T) {
			f, tuner := newFleet(2), New(Learned{})
			var outcome Outcome
			var changed, changes []Change
			for range 40 {
				reports := f.run(tick, 100, 0.1)
				outcome, changes = tuner.Digest(f.at, Target{Spec: foreign(c.threshold), Wanted: 2, Ready: 2}, 2, reports, "")
				changed = append(changed, changes...)
			}
			if outcome.LatencyBound != c.want {
				t.Errorf("judged at %s, want %s", outcome.LatencyBound, c.want)
			}
			near(t, "slow share", outcome.Tally.SlowShare(), c.slow, 1e-6)
			if burning := c.slow > 0.01; outcome.Burning != burning {
				t.Errorf("burning: %t, want %t", outcome.Burning, burning)
			}
			if lowered := strings.Contains(outcome.Tuned.Utilization.Reason, "take longer"); lowered != c.lowered {
				t.Errorf("utilization %+v", outcome.Tuned.Utilization)
			}
			if !slices.Equal(outcome.History, changed) {
				t.Errorf("%+v are remembered of %+v", outcome.History, changed)
			}
			if recalled := Recall(&v1alpha1.GoServiceStatus{Learned: tuner.Learned(f.at).Status()}); recalled.LatencyBound != c.want {
				t.Errorf("the next operator judges at %s, want %s", recalled.LatencyBound, c.want)
			}
			if again := New(tuner.Learned(f.at)).Outcome(); again.LatencyBound != c.want {
				t.Errorf("until the first report, the next one judges at %s, want %s", again.LatencyBound, c.want)
			}
		})
	}
}

// Programs compute bounds, and floats are not decimal.
func TestBucketsThatAreNotDecimal(t *testing.T) {
	for _, c := range []struct {
		threshold, want time.Duration
		bounds          []float64
		quick           float64 // of 30 requests in three buckets
	}{
		{300 * time.Millisecond, 0, []float64{0.1 + 0.1, 0.1 + 0.2, math.Inf(1)}, 20},
		{250 * time.Millisecond, 256289063, []float64{0.17085937500000001, 0.25628906250000005, math.Inf(1)}, 20},
		{43 * time.Millisecond, 0, []float64{0.042, 42.99999999999999 / 1000, math.Inf(1)}, 20},
		{time.Hour, -time.Hour, []float64{1, 2, math.Inf(1)}, 20},
	} {
		e := Estimator{bounds: c.bounds}
		bound := e.boundFor(foreign(c.threshold), c.threshold, 0)
		if bound != c.want {
			t.Errorf("%s: judged at %s, want %s", c.threshold, bound, c.want)
		}
		h := histogram{bounds: c.bounds, counts: []float64{10, 20, 30}}
		if got := h.within(cmp.Or(bound, c.threshold).Abs()); got != c.quick {
			t.Errorf("%s: %v within", c.threshold, got)
		}
	}
	// Requests that nobody counts in buckets have no latency, and what was found for another threshold says nothing.
	for name, c := range map[string]struct {
		e            Estimator
		former, want time.Duration
	}{
		"nothing counted":         {Estimator{}, 250 * time.Millisecond, 250 * time.Millisecond},
		"counted without buckets": {Estimator{bare: true}, 250 * time.Millisecond, -200 * time.Millisecond},
		"of a lower threshold":    {Estimator{}, 150 * time.Millisecond, 0},
		"of a much higher one":    {Estimator{}, time.Second, 0},
		"none near another one":   {Estimator{}, -time.Second, 0},
		"none near":               {Estimator{}, -200 * time.Millisecond, -200 * time.Millisecond},
	} {
		if got := c.e.boundFor(foreign(200*time.Millisecond), 200*time.Millisecond, c.former); got != c.want {
			t.Errorf("%s: judged at %s, want %s", name, got, c.want)
		}
	}
}

// An outage, in which only failures are counted, says nothing of the buckets.
func TestAnOutageKeepsTheLatencyBound(t *testing.T) {
	var e Estimator
	at := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	for i, c := range []Counters{
		{Requests: 10, Buckets: []Bucket{{0.25, 10}, {0.5, 10}, {math.Inf(1), 10}}, Bucketed: true, StartSeconds: 1},
		{Requests: 20, Buckets: []Bucket{{0.25, 20}, {0.5, 20}, {math.Inf(1), 20}}, Bucketed: true, StartSeconds: 1},
		{Requests: 5, Failed: 5, Bucketed: true, StartSeconds: float64(at.Unix()) + 3},
		{Requests: 9, Failed: 9, StartSeconds: float64(at.Unix()) + 3},
	} {
		e.Observe(at.Add(time.Duration(i)*tick), 1, []Report{{"a", &c}})
		if i == 0 {
			continue
		}
		if got := e.boundFor(foreign(300*time.Millisecond), 300*time.Millisecond, 500*time.Millisecond); got != 500*time.Millisecond {
			t.Errorf("round %d: judged at %s", i, got)
		}
	}
}

// Nothing takes figures of a pool or a collector, and no wait for a worker counts.
func TestForeignServicesHaveOnlyPods(t *testing.T) {
	f, tuner := newFleet(2), New(Learned{})
	var outcome Outcome
	for range 200 {
		reports := f.run(tick, 300, 0)
		for _, report := range reports {
			c := report.Counters
			c.Served, c.ServiceSeconds, c.Workers, c.GOGC, c.StartSeconds = 0, 0, 0, 0, 0
		}
		outcome, _ = tuner.Digest(f.at, Target{Spec: foreign(100 * time.Millisecond), Wanted: 2, Ready: 2}, 2, reports, "")
	}
	if tuned := outcome.Tuned; tuned.Workers != nil || tuned.GOGC != nil {
		t.Errorf("pool or collector are tuned: %+v", tuned)
	}
	// 600 requests/s of 5 ms each are 3 cores, on pods of 2.
	if floor := outcome.Tuned.ReplicaFloor; floor == nil || floor.Value < 2 || floor.Value > 4 {
		t.Errorf("floor %+v", floor)
	}
	if outcome.Cost.ServiceTime != 0 || outcome.Cost.CPUTime == 0 {
		t.Errorf("cost %+v, want the CPU's alone", outcome.Cost)
	}
}

// A process that tells no start has begun anew where its counters went back.
func TestARestartWithoutAStart(t *testing.T) {
	f, e := newFleet(1), &Estimator{}
	without := func(reports []Report) []Report {
		reports[0].Counters.StartSeconds = 0
		return reports
	}
	for range 29 {
		e.Observe(f.at.Add(tick), 1, without(f.run(tick, 100, 0)))
	}
	reports := without(f.run(tick, 100, 0))
	*reports[0].Counters = Counters{Requests: 60, Served: 60}
	e.Observe(f.at, 1, reports)
	near(t, "demand now", e.Estimate(0).DemandNow.PerSecond(), 30, 1e-6)
}
