// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"goservice.dev/operator/controllers/internal/indicators"
	"goservice.dev/operator/controllers/plan"
)

// Names of recorded series. A bad request is one that missed the objective of the label slo.
const (
	recordRequests    = "goservice:slo_requests:rate"
	recordBad         = "goservice:slo_bad_requests:rate"
	recordRejected    = "goservice:requests_rejected:rate"
	recordQuantile    = "goservice:latency_seconds:quantile"
	recordSaturation  = "goservice:pool_saturation:ratio"
	recordBadRatio    = "goservice:slo_bad:ratio"
	recordBadIncrease = "goservice:slo_bad_requests:increase"
	recordObjective   = "goservice:slo_objective:ratio"
	recordWindow      = "goservice:slo_window:seconds"
	recordThreshold   = "goservice:slo_latency_threshold:seconds"
	recordBudgetLeft  = "goservice:slo_error_budget:remaining"

	// saturationWindow smooths gauges, which miss what happens between two scrapes.
	saturationWindow = 5 * time.Minute
	// longestFineWindow is summed up from rates; longer ones from sums over slowInterval, which are fewer samples.
	longestFineWindow = time.Hour
)

// Sums over slowInterval; their own name says so, because a window of an objective may have the same length.
var (
	recordRequestsSlow = "goservice:slo_requests:increase" + span(slowInterval)
	recordBadSlow      = "goservice:slo_bad_requests:increase" + span(slowInterval)
)

// indicators measure what happens now, and what happened within windows of up to an hour.
func (r rules) indicators() []any {
	window := span(r.alerts.RateWindow.Value)
	result := []any{
		r.record(recordRequests, r.requests(window), "slo", plan.SLOAvailability),
		r.record(recordBad, r.failures(window), "slo", plan.SLOAvailability),
	}
	for _, objective := range r.alerts.Objectives {
		if objective.SLO == plan.SLOLatency {
			result = append(result, r.latencyIndicators(objective, window)...)
		}
	}
	if r.alerts.OnToolkit {
		smooth := span(saturationWindow)
		result = append(result,
			r.record(recordRejected, fmt.Sprintf(`sum by (reason) (rate(goservice_requests_rejected_total{%s}[%s]))`, r.scraped, window)),
			r.record(recordSaturation, fmt.Sprintf(
				`sum(avg_over_time(goservice_pool_busy{%[1]s}[%[2]s])) / (sum(avg_over_time(goservice_pool_workers{%[1]s}[%[2]s])) > 0)`, r.scraped, smooth)))
	}
	for _, length := range r.windows() {
		if length > longestFineWindow {
			continue
		}
		result = append(result,
			r.record(recordBadIncrease, fmt.Sprintf(`sum_over_time(%s{%s}[%s]) * %s`,
				recordBad, r.recorded, span(length), figure(r.alerts.EvaluationInterval.Value.Seconds())), "window", span(length)),
			r.ratio(recordBad, recordRequests, length))
	}
	return result
}

// requests that count as good or bad. A request that a rate limit turned away was not the service's to answer: it is neither.
func (r rules) requests(window string) string {
	return r.first(func(h indicators.Histogram) string {
		var counted string
		for _, label := range h.Labels {
			counted += but(label, h.Ignored)
		}
		return fmt.Sprintf(`sum(rate(%s{%s%s%s}[%s]))`, h.Counter(), r.scraped, counted, h.Clients(), window)
	})
}

// failures among them.
func (r rules) failures(window string) string {
	var all []string
	for _, h := range r.histograms {
		var results []string
		for _, label := range h.Labels {
			if h.Failed != "" {
				results = append(results, fmt.Sprintf(`rate(%s{%s,%s=~%q%s}[%s])`, h.Counter(), r.scraped, label, h.Failed, h.Clients(), window))
			}
		}
		if len(results) > 0 {
			all = append(all, "sum("+strings.Join(results, " or ")+")")
		}
	}
	return strings.Join(append(all, "vector(0)"), " or ")
}

// first of the histograms that the service may serve which it does.
func (r rules) first(of func(indicators.Histogram) string) string {
	all := make([]string, len(r.histograms))
	for i, h := range r.histograms {
		all[i] = of(h)
	}
	return strings.Join(all, " or ")
}

// but is a matcher, after a comma, for series whose label is not what a pattern matches.
func but(label, pattern string) string {
	switch {
	case pattern == "":
		return ""
	case regexp.QuoteMeta(pattern) == pattern:
		return fmt.Sprintf(`,%s!=%q`, label, pattern)
	}
	return fmt.Sprintf(`,%s!~%q`, label, pattern)
}

// latencyIndicators count requests in the bucket of the threshold, or the next one. Pods without that bucket, which still run with an
// earlier threshold, are left out: all their requests would look slow.
func (r rules) latencyIndicators(objective plan.Objective, window string) []any {
	// How fast a request failed says nothing about the latency; that it failed is counted under availability.
	buckets := func(h indicators.Histogram, aggregation, le string) string {
		return fmt.Sprintf(`%s(rate(%s_bucket{%s%s%s}[%s]))`, aggregation, h.Name, r.scraped, h.Good(), le, window)
	}
	within := func(h indicators.Histogram) string {
		return fmt.Sprintf(`,le=~"%s"`, strings.ReplaceAll(r.spellings(objective.Bound, h.Unit), ".", `\\.`))
	}
	quantile := figure(objective.Target)
	return []any{
		r.record(recordRequests, r.first(func(h indicators.Histogram) string {
			return fmt.Sprintf(`sum(%s and %s)`, buckets(h, "sum by (instance) ", `,le="+Inf"`), buckets(h, "sum by (instance) ", within(h)))
		}), "slo", plan.SLOLatency),
		r.record(recordBad, fmt.Sprintf(`clamp_min(%s{%s,slo=%q} - on () %s, 0)`,
			recordRequests, r.recorded, plan.SLOLatency, r.alternatives(func(h indicators.Histogram) string { return buckets(h, "sum", within(h)) })),
			"slo", plan.SLOLatency),
		r.record(recordQuantile, r.first(func(h indicators.Histogram) string {
			rest := ""
			if h.Unit == time.Millisecond {
				rest = " / 1000"
			}
			return fmt.Sprintf(`histogram_quantile(%s, sum by (le) (rate(%s_bucket{%s%s}[%s])))%s`, quantile, h.Name, r.scraped, h.Good(), window, rest)
		}), "quantile", quantile),
	}
}

// spellings of a bucket's bound, as alternatives. Prometheus 3 writes whole numbers as 1.0, earlier ones as the pods do. Bounds that
// another program has computed are written with all that a float has, such as 0.30000000000000004; they are taken if they round to
// the bound.
func (r rules) spellings(bound, unit time.Duration) string {
	digits := len(strconv.Itoa(int(unit))) - 1 // of a nanosecond in that unit
	decimal := func(n time.Duration) string { return fmt.Sprintf("%d.%0*d", n/unit, digits, n%unit) }
	exact := strings.TrimRight(decimal(bound), "0")
	if whole, isWhole := strings.CutSuffix(exact, "."); isWhole {
		exact = whole + "|" + whole + ".0"
	}
	if r.alerts.OnToolkit {
		return exact
	}
	return fmt.Sprintf("%s|%s[0-4][0-9]*|%s[5-9][0-9]*", exact, decimal(bound), decimal(bound-1))
}

// alternatives are first, in parentheses where there are several.
func (r rules) alternatives(of func(indicators.Histogram) string) string {
	if len(r.histograms) == 1 {
		return r.first(of)
	}
	return "(" + r.first(of) + ")"
}

// objectives measure long windows and what is left of the budgets.
func (r rules) objectives() []any {
	perSample := figure(r.alerts.EvaluationInterval.Value.Seconds())
	result := []any{r.record(recordWindow, fmt.Sprintf("vector(%s)", figure(r.alerts.Window.Seconds())))}
	// The offset lets the last rate of the stretch be written: the other group runs at its own moments.
	for _, sum := range []struct{ slow, rate string }{{recordRequestsSlow, recordRequests}, {recordBadSlow, recordBad}} {
		result = append(result, r.record(sum.slow, fmt.Sprintf(`sum_over_time(%s{%s}[%s] offset %s) * %s`,
			sum.rate, r.recorded, span(slowInterval), span(r.alerts.EvaluationInterval.Value), perSample)))
	}
	for _, length := range r.windows() {
		if length <= longestFineWindow {
			continue
		}
		result = append(result,
			r.record(recordBadIncrease, fmt.Sprintf(`sum_over_time(%s{%s}[%s])`, recordBadSlow, r.recorded, span(length)), "window", span(length)),
			r.ratio(recordBadSlow, recordRequestsSlow, length))
	}
	result = append(result, r.ratio(recordBadSlow, recordRequestsSlow, r.alerts.Window))
	for _, objective := range r.alerts.Objectives {
		result = append(result,
			r.record(recordObjective, fmt.Sprintf("vector(%s)", figure(objective.Target)), "slo", objective.SLO),
			r.record(recordBudgetLeft, fmt.Sprintf(`1 - sum without (window) (%s) / %s`,
				r.badRatio(objective.SLO, r.alerts.Window), figure(objective.Budget)), "slo", objective.SLO))
		if objective.Threshold > 0 {
			result = append(result, r.record(recordThreshold, fmt.Sprintf("vector(%s)", figure(objective.Threshold.Seconds())), "slo", objective.SLO))
		}
	}
	return result
}

// ratio of bad requests to all within a window. Both sums miss the same samples, so that gaps do not matter.
func (r rules) ratio(bad, requests string, length time.Duration) map[string]any {
	return r.record(recordBadRatio, fmt.Sprintf(`sum_over_time(%[1]s{%[2]s}[%[3]s]) / (sum_over_time(%[4]s{%[2]s}[%[3]s]) > 0)`,
		bad, r.recorded, span(length), requests), "window", span(length))
}

// badRatio selects the ratio of an objective within a window.
func (r rules) badRatio(slo string, length time.Duration) string {
	return fmt.Sprintf(`%s{%s,slo=%q,window=%q}`, recordBadRatio, r.recorded, slo, span(length))
}

// windows of all burn rates, each once, the shortest first.
func (r rules) windows() []time.Duration {
	var lengths []time.Duration
	for _, objective := range r.alerts.Objectives {
		for _, burn := range objective.Burns {
			lengths = append(lengths, burn.Long, burn.Short)
		}
	}
	slices.Sort(lengths)
	return slices.Compact(lengths)
}
