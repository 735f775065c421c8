// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package plan

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"goservice.dev/operator/api/v1alpha1"
)

func alertsFor(slo *v1alpha1.SLOSpec, change ...func(*v1alpha1.GoServiceSpec)) *Alerts {
	spec := &v1alpha1.GoServiceSpec{SLO: slo}
	for _, f := range change {
		f(spec)
	}
	return Compute(spec, Observed{}).Alerts
}

func scrapedEvery(interval time.Duration) func(*v1alpha1.GoServiceSpec) {
	return func(spec *v1alpha1.GoServiceSpec) {
		spec.Observability = &v1alpha1.ObservabilitySpec{Metrics: &v1alpha1.MetricsSpec{Interval: &metav1.Duration{Duration: interval}}}
	}
}

// lines are burns as one reads them: factor, windows, threshold, severity.
func lines(objective Objective) []string {
	var result []string
	for _, b := range objective.Burns {
		result = append(result, strings.Join([]string{
			shortest(b.Factor) + "x", b.Long.String(), b.Short.String(), percentage(b.Threshold.Value), b.Severity}, " "))
	}
	return result
}

func TestBurnRates(t *testing.T) {
	for name, test := range map[string]struct {
		availability, window string
		interval             time.Duration
		want                 []string
		leftOut              int
	}{
		"30 days": {availability: "99.9", window: "30d", want: []string{
			"14.4x 1h0m0s 5m0s 1.44% page", "6x 6h0m0s 30m0s 0.6% page", "3x 24h0m0s 2h0m0s 0.3% ticket", "1x 72h0m0s 6h0m0s 0.1% ticket"}},
		"7 days": {availability: "99.5", window: "7d", want: []string{
			"14.4x 14m0s 1m10s 7.2% page", "6x 1h24m0s 7m0s 3% page", "3x 5h36m0s 28m0s 1.5% ticket", "1x 16h48m0s 1h24m0s 0.5% ticket"}},
		"no window given": {availability: "99.99", want: []string{
			"14.4x 1h0m0s 5m0s 0.144% page", "6x 6h0m0s 30m0s 0.06% page", "3x 24h0m0s 2h0m0s 0.03% ticket", "1x 72h0m0s 6h0m0s 0.01% ticket"}},
		"a factor that cannot be exceeded": {availability: "90", window: "30d", leftOut: 1, want: []string{
			"6x 6h0m0s 30m0s 60% page", "3x 24h0m0s 2h0m0s 30% ticket", "1x 72h0m0s 6h0m0s 10% ticket"}},
		"only the last factor": {availability: "50", window: "30d", leftOut: 3, want: []string{"1x 72h0m0s 6h0m0s 50% ticket"}},
		"windows that cannot be measured": {availability: "99.9", window: "1d", leftOut: 1, want: []string{
			"6x 12m0s 1m0s 0.6% page", "3x 48m0s 4m0s 0.3% ticket", "1x 2h24m0s 12m0s 0.1% ticket"}},
		"rare scrapes": {availability: "99.9", window: "30d", interval: 5 * time.Minute, want: []string{
			"14.4x 4h0m0s 20m0s 1.44% page", "6x 6h0m0s 30m0s 0.6% page", "3x 24h0m0s 2h0m0s 0.3% ticket", "1x 72h0m0s 6h0m0s 0.1% ticket"}},
	} {
		t.Run(name, func(t *testing.T) {
			slo := &v1alpha1.SLOSpec{Availability: test.availability, Window: test.window}
			var change []func(*v1alpha1.GoServiceSpec)
			if test.interval > 0 {
				change = append(change, scrapedEvery(test.interval))
			}
			a := alertsFor(slo, change...)
			if len(a.Objectives) != 1 {
				t.Fatalf("%d objectives, want 1", len(a.Objectives))
			}
			if diff := cmp.Diff(test.want, lines(a.Objectives[0])); diff != "" {
				t.Errorf("burn rates (-want +got):\n%s", diff)
			}
			if len(a.LeftOut) != test.leftOut {
				t.Errorf("left out %v, want %d", a.LeftOut, test.leftOut)
			}
		})
	}
}

func TestEveryAlertIsExplained(t *testing.T) {
	status := Compute(&v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{
		Availability: "90", Latency: &v1alpha1.LatencyObjective{Threshold: metav1.Duration{Duration: time.Second}, Percentile: "50"},
	}}, Observed{}).Status()
	names := map[string]bool{}
	var left []string
	for _, line := range status.Alerts {
		if line.Name == "" || line.Value == "" || line.Reason == "" {
			t.Errorf("alert %+v is not explained", line)
		}
		if names[line.Name] {
			t.Errorf("two alerts are named %q; the list is keyed by name", line.Name)
		}
		names[line.Name] = true
		if line.Value == leftOut {
			left = append(left, line.Name)
		}
	}
	want := []string{"availability × 14.4 over 1h", "latency × 14.4 over 1h", "latency × 6 over 6h", "latency × 3 over 24h"}
	if diff := cmp.Diff(want, left); diff != "" {
		t.Errorf("left out (-want +got):\n%s", diff)
	}
}

func TestNoAlertsWithoutAnObjective(t *testing.T) {
	if a := alertsFor(nil); a != nil {
		t.Errorf("alerts %+v without slo", a)
	}
}

func TestAbsence(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*v1alpha1.GoServiceSpec)
		want   string
	}{
		"pages": {func(*v1alpha1.GoServiceSpec) {}, SeverityPage},
		"no pods wanted": {func(spec *v1alpha1.GoServiceSpec) {
			spec.Replicas = new(int32)
		}, ""},
		"perhaps no metrics": {func(spec *v1alpha1.GoServiceSpec) {
			spec.Probes = &v1alpha1.ProbesSpec{Liveness: &v1alpha1.Probe{HTTPGet: &v1alpha1.HTTPGetProbe{Path: "/"}}}
		}, ""},
		"a probe of the toolkit's port": {func(spec *v1alpha1.GoServiceSpec) {
			spec.Probes = &v1alpha1.ProbesSpec{Liveness: &v1alpha1.Probe{HTTPGet: &v1alpha1.HTTPGetProbe{Path: "/livez", Port: new(intstr.FromInt32(9100))}}}
		}, SeverityPage},
		"a probe of the toolkit's port, by name": {func(spec *v1alpha1.GoServiceSpec) {
			spec.Probes = &v1alpha1.ProbesSpec{Liveness: &v1alpha1.Probe{HTTPGet: &v1alpha1.HTTPGetProbe{Path: "/livez", Port: new(intstr.FromString("admin"))}}}
		}, SeverityPage},
		"a probe of another port": {func(spec *v1alpha1.GoServiceSpec) {
			spec.Probes = &v1alpha1.ProbesSpec{Liveness: &v1alpha1.Probe{HTTPGet: &v1alpha1.HTTPGetProbe{Path: "/", Port: new(intstr.FromInt32(8080))}}}
		}, ""},
		"metrics of the toolkit": {func(spec *v1alpha1.GoServiceSpec) {
			spec.Probes = &v1alpha1.ProbesSpec{Liveness: &v1alpha1.Probe{HTTPGet: &v1alpha1.HTTPGetProbe{Path: "/"}}}
			spec.Observability = &v1alpha1.ObservabilitySpec{Metrics: &v1alpha1.MetricsSpec{Indicators: v1alpha1.IndicatorsToolkit}}
		}, SeverityPage},
		"metrics of another library": {func(spec *v1alpha1.GoServiceSpec) {
			spec.Observability = &v1alpha1.ObservabilitySpec{Metrics: &v1alpha1.MetricsSpec{Indicators: v1alpha1.IndicatorsGRPC}}
		}, SeverityPage},
	} {
		t.Run(name, func(t *testing.T) {
			if got := alertsFor(&v1alpha1.SLOSpec{Availability: "99.9"}, test.change).AbsenceSeverity; got.Value != test.want || got.Reason == "" {
				t.Errorf("severity %q because %q, want %q", got.Value, got.Reason, test.want)
			}
		})
	}
}

// Whatever is declared: thresholds can be exceeded, windows can be measured, a quicker alert stands for a higher factor,
// and where the windows could be scaled each stands for the same share of the budget as over 30 days.
func TestBurnRatesOfAnyObjective(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 30))
	intervals := []time.Duration{time.Second, 7300 * time.Millisecond, 15 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute}
	for range 2000 {
		availability := strconv.FormatFloat(50+random.Float64()*49.9999, 'f', random.IntN(5), 64)
		if availability == "100" || availability == "100.0" {
			continue
		}
		slo := &v1alpha1.SLOSpec{
			Availability: availability, Window: strconv.Itoa(1+random.IntN(90)) + "d",
			Latency: &v1alpha1.LatencyObjective{
				Threshold: metav1.Duration{Duration: time.Duration(1 + random.Int64N(int64(10*time.Minute)))}, Percentile: "99",
			},
		}
		a := alertsFor(slo, scrapedEvery(intervals[random.IntN(len(intervals))]))
		if share := a.OutageShare.Value; share <= 0.5 || share >= 1 {
			t.Fatalf("%s: an outage is %v of requests", availability, share)
		}
		if a.RateWindow.Value%time.Second != 0 || a.EvaluationInterval.Value%time.Second != 0 {
			t.Fatalf("windows %s and %s are no whole seconds", a.RateWindow.Value, a.EvaluationInterval.Value)
		}
		for _, objective := range a.Objectives {
			checkBurns(t, a, objective)
		}
	}
}

func checkBurns(t *testing.T, a *Alerts, objective Objective) {
	t.Helper()
	if len(objective.Burns) == 0 || objective.Burns[len(objective.Burns)-1].Factor != 1 {
		t.Fatalf("%s with target %v has no alert of factor 1", objective.SLO, objective.Target)
	}
	if math.Abs(objective.Target+objective.Budget-1) > 1e-9 {
		t.Fatalf("target %v and budget %v do not add up", objective.Target, objective.Budget)
	}
	for i, burn := range objective.Burns {
		if burn.Threshold.Value <= 0 || burn.Threshold.Value >= 1 {
			t.Errorf("threshold %v of %s %s can never or always be exceeded", burn.Threshold.Value, objective.SLO, shortest(burn.Factor))
		}
		if burn.Short < a.RateWindow.Value || burn.Long != shortWindowPart*burn.Short || burn.Short%time.Second != 0 {
			t.Errorf("windows %s and %s with rates over %s", burn.Long, burn.Short, a.RateWindow.Value)
		}
		if i > 0 && (objective.Burns[i-1].Factor <= burn.Factor || objective.Burns[i-1].Long > burn.Long) {
			t.Errorf("%v is not quicker than %v", objective.Burns[i-1], burn)
		}
		if burn.Short == a.RateWindow.Value {
			continue
		}
		reference := burnsOver30Days[slices.IndexFunc(burnsOver30Days, func(b Burn) bool { return b.Factor == burn.Factor })]
		if want := reference.Factor * reference.Long.Hours() / defaultSLOWindow.Hours(); math.Abs(burn.BudgetShare-want) > 1e-6 {
			t.Errorf("%s × spends %v of the budget over %s, want %v", shortest(burn.Factor), burn.BudgetShare, a.Window, want)
		}
	}
}

func TestStatusOfAlerts(t *testing.T) {
	cases := map[string]struct {
		slo    v1alpha1.SLOSpec
		change func(*v1alpha1.GoServiceSpec)
		want   []string
	}{
		"availability": {v1alpha1.SLOSpec{Availability: "99.9", Window: "30d"}, func(*v1alpha1.GoServiceSpec) {}, []string{
			"outage: page when more than 50.05% fail over 1m: halfway between the 0.1% that may fail and all requests",
			"rates: over 1m: 4 scrapes 15s apart, at least 1m",
			"evaluation: every 15s: once per scrape, within 15s to 1m",
			"minimum traffic: 5 bad requests: at low traffic, a single error shouldn't page anyone",
			"availability × 14.4 over 1h: page above 1.44% in the last 1h and the last 5m: 14.4 × the 0.1% that may be bad; spends 2% of the budget of 30d within 1h",
			"availability × 6 over 6h: page above 0.6% in the last 6h and the last 30m: 6 × the 0.1% that may be bad; spends 5% of the budget of 30d within 6h",
			"availability × 3 over 24h: ticket above 0.3% in the last 24h and the last 2h: 3 × the 0.1% that may be bad; spends 10% of the budget of 30d within 24h",
			"availability × 1 over 72h: ticket above 0.1% in the last 72h and the last 6h: 1 × the 0.1% that may be bad; spends 10% of the budget of 30d within 72h",
			"shedding: ticket when more than 1% are rejected for 5m: one request in a hundred is rejected because no worker is free",
			"saturation: ticket when more than 90% of the workers are busy for 5m: above this, requests wait for a worker most of the time",
			"retune unconfirmed: ticket when a pod has not confirmed for 5m: a retune takes about a second",
			"metrics absent: page when no pod was measured for 1m: without metrics, nobody knows whether the service still answers",
		}},
		"latency, over a day, and rarely scraped": {v1alpha1.SLOSpec{Latency: latency(250*time.Millisecond, "90"), Window: "1d"}, func(spec *v1alpha1.GoServiceSpec) {
			scrapedEvery(90 * time.Second)(spec)
			spec.Replicas = new(int32(0))
		}, []string{
			"outage: page when more than 50% fail over 6m: half of the requests fail",
			"rates: over 6m: 4 scrapes 1m30s apart, at least 1m",
			"evaluation: every 1m: once per scrape, within 15s to 1m",
			"minimum traffic: 5 bad requests: at low traffic, a single error shouldn't page anyone",
			"latency × 6 over 1h12m: page above 60% in the last 1h12m and the last 6m: 6 × the 10% that may be bad; spends 30% of the budget of 1d within 1h12m",
			"latency × 3 over 1h12m: ticket above 30% in the last 1h12m and the last 6m: 3 × the 10% that may be bad; spends 15% of the budget of 1d within 1h12m",
			"latency × 1 over 2h24m: ticket above 10% in the last 2h24m and the last 12m: 1 × the 10% that may be bad; spends 10% of the budget of 1d within 2h24m",
			"latency above threshold: ticket when more than 10% take longer than 250ms for 5m: the same as p90 above 250ms, counted in an exact bucket",
			"shedding: ticket when more than 1% are rejected for 5m: one request in a hundred is rejected because no worker is free",
			"saturation: ticket when more than 90% of the workers are busy for 5m: above this, requests wait for a worker most of the time",
			"retune unconfirmed: ticket when a pod has not confirmed for 5m: a retune takes about a second",
			"metrics absent: left out: spec.replicas is 0: no pod is supposed to run",
			"latency × 14.4 over 1h12m: left out: 14.4 × the 10% that may be bad is 144% of all requests, which can never be exceeded",
		}},
		"availability that allows much, scraped without pause": {v1alpha1.SLOSpec{Availability: "75", Window: "60d"}, func(spec *v1alpha1.GoServiceSpec) {
			scrapedEvery(time.Second)(spec)
			spec.Probes = &v1alpha1.ProbesSpec{Liveness: &v1alpha1.Probe{HTTPGet: &v1alpha1.HTTPGetProbe{Path: "/"}}}
		}, []string{
			"outage: page when more than 62.5% fail over 1m: halfway between the 25% that may fail and all requests",
			"rates: over 1m: 4 scrapes 1s apart, at least 1m",
			"evaluation: every 15s: once per scrape, within 15s to 1m",
			"minimum traffic: 5 bad requests: at low traffic, a single error shouldn't page anyone",
			"availability × 3 over 48h: ticket above 75% in the last 48h and the last 4h: 3 × the 25% that may be bad; spends 10% of the budget of 60d within 48h",
			"availability × 1 over 144h: ticket above 25% in the last 144h and the last 12h: 1 × the 25% that may be bad; spends 10% of the budget of 60d within 144h",
			"shedding: ticket when more than 25% are rejected for 5m: the objective allows 25% to fail",
			"saturation: ticket when more than 90% of the workers are busy for 5m: above this, requests wait for a worker most of the time",
			"retune unconfirmed: ticket when a pod has not confirmed for 5m: a retune takes about a second",
			"metrics absent: left out: spec.probes asks another port than admin, and observability.metrics.indicators is not set: the image may not serve metrics",
			"availability × 14.4 over 2h: left out: 14.4 × the 25% that may be bad is 360% of all requests, which can never be exceeded",
			"availability × 6 over 12h: left out: 6 × the 25% that may be bad is 150% of all requests, which can never be exceeded",
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, line := range alertsFor(&c.slo, c.change).status() {
				got = append(got, line.Name+": "+line.Value+": "+line.Reason)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("alerts in the status (-want +got):\n%s", diff)
			}
		})
	}
}

// Objectives at the edge of what is one: all or none of the requests are no share that an alert could watch.
func TestObjectivesAtTheirBounds(t *testing.T) {
	for availability, want := range map[string]float64{"": 0, "x": 0, "0": 0, "100": 0, "0.1": 0.999, "99.9": 0.001, "99": 0.01} {
		a := alertsFor(&v1alpha1.SLOSpec{Availability: availability})
		budget := 0.0
		if len(a.Objectives) > 0 {
			budget = a.Objectives[0].Budget
		}
		if budget != want {
			t.Errorf("availability %q has the budget %v, want %v", availability, budget, want)
		}
		// One in a hundred is what is shed anyway; only a larger budget allows more.
		if shed := max(budget, 0.01); a.ShedShare.Value != shed || (a.ShedShare.Reason != "one request in a hundred is rejected because no worker is free") != (budget > 0.01) {
			t.Errorf("availability %q: shedding %+v, want %v", availability, a.ShedShare, shed)
		}
	}
}
