// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package alerts

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// atNight is little traffic: one request a minute, of which some go wrong.
func atNight(wrong ...int) func(time.Time) load {
	return func(now time.Time) load {
		second := int(now.Sub(epoch).Seconds())
		if second%60 != 30 {
			return load{}
		}
		for _, minute := range wrong {
			if second/60 == minute {
				return load{failed: 1}
			}
		}
		return load{good: 1}
	}
}

// A single error while there is little traffic is 100% of a short window and pages nobody.
func TestASingleErrorAtNightIsSilent(t *testing.T) {
	for name, wrong := range map[string][]int{
		"of a kind never seen before": {40},
		"of a kind seen before":       {20, 70},
		"several within an hour":      {30, 40, 50, 60},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t, "month", month)
			b.addPods("a", "b")
			b.run(80*time.Minute, atNight(wrong...))
			if fired := b.fired(); len(fired) > 0 {
				t.Errorf("%v fired", fired)
			}
		})
	}
}

func TestASingleSlowRequestAtNightIsSilent(t *testing.T) {
	t.Parallel()
	b := newBed(t, "month", month)
	b.addPods("a")
	b.run(80*time.Minute, func(now time.Time) load {
		l := atNight(40)(now)
		return load{good: l.good, slow: l.failed}
	})
	if fired := b.fired(); len(fired) > 0 {
		t.Errorf("%v fired", fired)
	}
}

// Little traffic that keeps failing is no silence: it pages as soon as enough requests have failed.
func TestFailuresThatGoOnAtNightPage(t *testing.T) {
	t.Parallel()
	b := newBed(t, "month", month)
	b.addPods("a")
	b.run(time.Hour, atNight())
	began := b.now
	b.run(15*time.Minute, func(now time.Time) load { return load{failed: atNight()(now).good} })
	after, alert := b.firstPage(began)
	if alert != "page GoServiceAvailabilityBudgetBurn 1h" {
		t.Errorf("%q paged, want GoServiceAvailabilityBudgetBurn 1h", alert)
	}
	t.Logf("%s after %s, with one request a minute", alert, after)
}

// Requests above the rate limit are turned away on purpose: they are neither good nor bad, however many they are.
func TestTheRateLimitIsNoFailure(t *testing.T) {
	t.Parallel()
	b := newBed(t, "month", month)
	b.addPods("a", "b")
	b.run(20*time.Minute, func(time.Time) load { return load{good: 40, limited: 4000, failed: 0.02} })
	if fired := b.fired(); len(fired) > 0 {
		t.Errorf("%v fired", fired)
	}
	if got := b.value(`goservice:slo_bad:ratio{slo="availability",window="5m"}`); !near(got, 0.02/40.02, 0.02) {
		t.Errorf("share of failed requests %v, want %v: limited ones count as neither", got, 0.02/40.02)
	}
	if got := b.value(`goservice:requests_rejected:rate{reason="rate_limit"}`); !near(got, 4000, 0.02) {
		t.Errorf("%v requests per second above the limit are recorded, want 4000", got)
	}
}

// A state is an alert only once it has lasted, and only above its threshold.
func TestWhatMustLast(t *testing.T) {
	for name, test := range map[string]struct {
		bad, beside load
		key         string
	}{
		"p99 above the threshold": {load{good: 98.5, slow: 1.5}, load{good: 99.1, slow: 0.9}, "ticket GoServiceLatencyAboveThreshold"},
		"shedding":                {load{good: 98.5, shed: 1.5}, load{good: 99.1, shed: 0.9}, "ticket GoServiceShedding"},
		"saturation":              {load{good: 100, busy: 0.95}, load{good: 100, busy: 0.88}, "ticket GoServiceSaturated"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t, "month", month)
			b.addPods("a", "b")
			b.run(10*time.Minute, steady(100))
			b.run(4*time.Minute, func(time.Time) load { return test.bad })
			b.run(10*time.Minute, func(time.Time) load { return test.beside })
			if _, fired := b.firstFired[test.key]; fired {
				t.Errorf("%s fired after four minutes, or just beside its threshold", test.key)
			}
			b.run(12*time.Minute, func(time.Time) load { return test.bad })
			if !b.firing[test.key] {
				t.Errorf("%s does not fire after twelve minutes; firing are %v", test.key, b.fired())
			}
			b.run(12*time.Minute, func(time.Time) load { return test.beside })
			if b.firing[test.key] {
				t.Errorf("%s still fires twelve minutes after it was over", test.key)
			}
		})
	}
}

// A pod without links is a fault where there are others, and the only pod of a service has none.
func TestPodsWithoutLinks(t *testing.T) {
	t.Parallel()
	const key = "ticket GoServicePeersUnreachable"
	b := newBed(t, "month", month)
	b.addPods("a")
	b.run(12*time.Minute, steady(10))
	if fired := b.fired(); len(fired) > 0 {
		t.Fatalf("%v fired for a single pod", fired)
	}
	b.addPods("b", "c")
	b.pods["b"].unlinked = true
	b.run(4*time.Minute, steady(10))
	if fired := b.fired(); len(fired) > 0 {
		t.Fatalf("%v fired after four minutes", fired)
	}
	b.run(4*time.Minute, steady(10))
	if got := strings.Join(b.fired(), ", "); got != key {
		t.Errorf("%q fired, want %q", got, key)
	}
	b.pods["b"].unlinked = false
	b.run(2*time.Minute, steady(10))
	if b.firing[key] {
		t.Error("it fires although all pods are linked")
	}
}

func TestRetuneUnconfirmed(t *testing.T) {
	for name, label := range map[string]string{"with honorLabels": "namespace", "without honorLabels": "exported_namespace"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const key = "ticket GoServiceRetuneUnconfirmed"
			b := newBed(t, "month", month)
			b.addPods("a")
			report := func(namespace, service string, pods float64) {
				b.gauges[namespace+service] = gauge{labels.FromStrings(model.MetricNameLabel, "goservice_operator_unconfirmed_pods",
					"job", "operator", label, namespace, "name", service), pods}
			}
			report("shop", "checkout", 2)
			b.run(4*time.Minute, steady(10))
			report("shop", "checkout", 0)
			report("shop", "other", 3)
			report("elsewhere", "checkout", 3)
			b.run(10*time.Minute, steady(10))
			if fired := b.fired(); len(fired) > 0 {
				t.Errorf("%v fired after four minutes, or for another service", fired)
			}
			report("shop", "checkout", 1)
			b.run(7*time.Minute, steady(10))
			if got := strings.Join(b.fired(), ", "); got != key {
				t.Errorf("%q fired, want %q", got, key)
			}
		})
	}
}

// An image that is not built on the toolkit takes no live settings, and so no ticket is due for not having them.
func TestAnImageWithoutTheToolkitConfirmsNothing(t *testing.T) {
	t.Parallel()
	b := newBed(t, "month", month)
	b.addPods("a")
	b.pods["a"].foreign = true
	b.gauges["checkout"] = gauge{labels.FromStrings(model.MetricNameLabel, "goservice_operator_unconfirmed_pods",
		"job", "operator", "namespace", "shop", "name", "checkout"), 1}
	b.run(30*time.Minute, steady(10))
	if fired := b.fired(); len(fired) > 0 {
		t.Errorf("%v fired", fired)
	}
}

// While a changed threshold is rolled out, pods that still run with the earlier one have no bucket for the new one. Their
// requests are left out; all would look slow.
func TestAChangedThresholdIsNoSlowness(t *testing.T) {
	t.Parallel()
	b := newBed(t, "month", month)
	b.addPods("a", "b")
	b.pods["a"].earlier = true
	b.run(30*time.Minute, func(time.Time) load { return load{good: 99.5, slow: 0.5} })
	if fired := b.fired(); len(fired) > 0 {
		t.Errorf("%v fired", fired)
	}
	if got := b.value(`goservice:slo_requests:rate{slo="latency"}`); !near(got, 50, 0.02) {
		t.Errorf("%v requests per second are judged, want those 50 of the pod with the bucket", got)
	}
}

// What is recorded is what happened.
func TestRecordedFigures(t *testing.T) {
	t.Parallel()
	b := newBed(t, "month", month)
	b.addPods("a", "b", "c")
	b.run(125*time.Minute, func(time.Time) load { return load{good: 94, slow: 4, failed: 0.05, shed: 1, busy: 0.5} })
	for query, want := range map[string]float64{
		`goservice:slo_requests:rate{slo="availability"}`:                               99.05,
		`goservice:slo_bad_requests:rate{slo="availability"}`:                           1.05,
		`goservice:slo_requests:rate{slo="latency"}`:                                    98,
		`goservice:slo_bad_requests:rate{slo="latency"}`:                                4,
		`goservice:slo_bad:ratio{slo="availability",window="1h"}`:                       1.05 / 99.05,
		`goservice:slo_bad:ratio{slo="availability",window="2h"}`:                       1.05 / 99.05,
		`goservice:slo_bad:ratio{slo="latency",window="30d"}`:                           4.0 / 98,
		`goservice:slo_bad_requests:increase{slo="availability",window="1h"}`:           1.05 * 3600,
		`goservice:slo_bad_requests:increase{slo="availability",window="2h"}`:           1.05 * 7200,
		`goservice:slo_error_budget:remaining{slo="latency"}`:                           1 - 4.0/98/0.01,
		`goservice:slo_objective:ratio{slo="availability"}`:                             0.999,
		`goservice:slo_latency_threshold:seconds{slo="latency"}`:                        0.05,
		`goservice:slo_window:seconds`:                                                  30 * 24 * 3600,
		`goservice:pool_saturation:ratio`:                                               0.5,
		`goservice:requests_rejected:rate{reason="queue_full"}`:                         1,
		`goservice:latency_seconds:quantile{quantile="0.99"} > bool 0.05`:               1,
		`count({__name__=~"goservice:.*",namespace!="shop"}) or vector(0)`:              0,
		`count({__name__=~"goservice:.*",service!="checkout"}) or vector(0)`:            0,
		`count by (slo) (goservice:slo_error_budget:remaining{slo="availability"} < 0)`: 1,
	} {
		if got := b.value(query); !near(got, want, 0.02) {
			t.Errorf("%s is %v, want %v", query, got, want)
		}
	}
}
