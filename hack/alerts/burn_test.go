// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package alerts

import (
	"math"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// burnCase is one alert: the share of bad requests that it must not exceed, and its windows.
type burnCase struct {
	slo, severity string
	long, short   string
	threshold     float64
}

func (c burnCase) key() string {
	name := "GoServiceAvailabilityBudgetBurn"
	if c.slo == "latency" {
		name = "GoServiceLatencyBudgetBurn"
	}
	return c.severity + " " + name + " " + c.long
}

var burnCases = map[string]struct {
	folder  string
	service service
	alerts  []burnCase
}{
	"99.9% and p99 over 30 days": {"month", month, []burnCase{
		{"availability", "page", "1h", "5m", 0.0144}, {"availability", "page", "6h", "30m", 0.006},
		{"availability", "ticket", "1d", "2h", 0.003}, {"availability", "ticket", "3d", "6h", 0.001},
		{"latency", "page", "1h", "5m", 0.144}, {"latency", "page", "6h", "30m", 0.06},
		{"latency", "ticket", "1d", "2h", 0.03}, {"latency", "ticket", "3d", "6h", 0.01},
	}},
	"99.5% and p95 over 7 days": {"week", week, []burnCase{
		{"availability", "page", "14m", "1m10s", 0.072}, {"availability", "page", "1h24m", "7m", 0.03},
		{"availability", "ticket", "5h36m", "28m", 0.015}, {"availability", "ticket", "16h48m", "1h24m", 0.005},
		{"latency", "page", "14m", "1m10s", 0.72}, {"latency", "page", "1h24m", "7m", 0.3},
		{"latency", "ticket", "5h36m", "28m", 0.15}, {"latency", "ticket", "16h48m", "1h24m", 0.05},
	}},
	"90% and p50 over 90 days": {"lax", lax, []burnCase{
		{"availability", "page", "18h", "1h30m", 0.6}, {"availability", "ticket", "3d", "6h", 0.3},
		{"availability", "ticket", "9d", "18h", 0.1}, {"latency", "ticket", "9d", "18h", 0.5},
	}},
}

const (
	requestsPerSecond = 100
	// liveFor is how long the rules run by themselves at the end; what was before is written as they would have recorded it.
	liveFor = 6 * time.Minute
	// slack is what the rate window and the interval of the long windows blur.
	slack = 4 * time.Minute
)

// Each alert fires when both its windows are above the threshold, and not when either is just below, when the trouble is
// over, or when it has only begun.
func TestBurnRates(t *testing.T) {
	for name, group := range burnCases {
		for _, alert := range group.alerts {
			long, short := promDuration(t, alert.long), promDuration(t, alert.short)
			much := math.Min(2*alert.threshold, 1)
			for scenario, test := range map[string]struct {
				share func(age time.Duration) float64
				want  bool
			}{
				"both windows just above": {func(time.Duration) float64 { return 1.04 * alert.threshold }, true},
				"both windows just below": {func(time.Duration) float64 { return 0.96 * alert.threshold }, false},
				"over": {func(age time.Duration) float64 {
					if age < short+slack {
						return 0
					}
					return much
				}, false},
				"only begun": {func(age time.Duration) float64 {
					if age > short+slack/2 {
						return 0
					}
					return much
				}, false},
			} {
				t.Run(name+"/"+alert.slo+" over "+alert.long+"/"+scenario, func(t *testing.T) {
					t.Parallel()
					if !test.want && much*float64(short+slack) > alert.threshold*float64(long) {
						test.share = quieter(test.share, alert.threshold, long, short)
					}
					b := newBed(t, group.folder, group.service)
					end := epoch.Add(long + time.Hour).Truncate(12 * time.Hour).Add(12 * time.Hour)
					b.history(alert.slo, end, long+slack, test.share)
					b.live(alert.slo, end, test.share)
					if b.firing[alert.key()] != test.want {
						t.Errorf("%s fires: %v, want %v; firing are %v", alert.key(), b.firing[alert.key()], test.want, b.fired())
					}
				})
			}
		}
	}
}

// quieter keeps a beginning within what the long window allows, where the short one is long in proportion to it.
func quieter(share func(time.Duration) float64, threshold float64, long, short time.Duration) func(time.Duration) float64 {
	most := 0.9 * threshold * float64(long) / float64(short+slack)
	return func(age time.Duration) float64 {
		if age > short+slack {
			return share(age)
		}
		return math.Min(share(age), most)
	}
}

// history writes what the rules would have recorded of steady traffic in the time before the live part.
func (b *bed) history(slo string, end time.Time, length time.Duration, share func(age time.Duration) float64) {
	b.t.Helper()
	b.now = end.Add(-liveFor)
	series := func(name string) labels.Labels {
		return labels.FromStrings(model.MetricNameLabel, name, "namespace", b.service.namespace, "service", b.service.name, "slo", slo)
	}
	write := func(name string, length, interval time.Duration, value func(bad float64) float64) {
		appender := b.db.Appender(b.t.Context())
		l := series(name)
		for at := end.Add(-length).Truncate(interval); !at.After(b.now); at = at.Add(interval) {
			b.append(appender, l, at, value(share(end.Sub(at))))
		}
		b.commit(appender)
	}
	// Windows above an hour are sums of the slow series.
	const slow = 2 * time.Minute
	recent := min(length, time.Hour+slack)
	write("goservice:slo_requests:rate", recent, b.interval, func(float64) float64 { return requestsPerSecond })
	write("goservice:slo_bad_requests:rate", recent, b.interval, func(bad float64) float64 { return bad * requestsPerSecond })
	write("goservice:slo_requests:increase2m", length, slow, func(float64) float64 { return requestsPerSecond * slow.Seconds() })
	write("goservice:slo_bad_requests:increase2m", length, slow, func(bad float64) float64 { return bad * requestsPerSecond * slow.Seconds() })
}

// live serves the end of the same traffic.
func (b *bed) live(slo string, end time.Time, share func(age time.Duration) float64) {
	b.t.Helper()
	b.addPods("a")
	b.run(liveFor, func(now time.Time) load {
		bad := share(end.Sub(now)) * requestsPerSecond
		if slo == "latency" {
			return load{good: requestsPerSecond - bad, slow: bad}
		}
		return load{good: requestsPerSecond - bad, failed: bad}
	})
}
