// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package replay

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/internal/indicators"
	"goservice.dev/operator/controllers/plan"
)

// Questions to a Prometheus about the past of a service. They read the metrics that the operator reads, by the labels that its
// ServiceMonitor leads to.
type Questions struct {
	// Selector of the pods' series, without braces.
	Selector string
	// Histogram whose requests are counted.
	Histogram string
	// Demand is all requests per second, those included that a rate limit turned away, and 0 while pods are scraped that have had none.
	Demand string
	// Counted are those that count for the objectives, Failed those of them that failed.
	Counted, Failed string
	// Pods that exist.
	Pods string
	// CPU is how many cores they use, ServiceTime how long a request takes without waiting for a worker; empty where nobody tells.
	CPU, ServiceTime string
	// P99 is the time in seconds within which 99% of the good requests are answered.
	P99 string
	// Durations of the good requests per second, by the upper bound of their bucket. Bucket asks for one of those.
	Durations string
	Bucket    func(bound string) string

	unit time.Duration
}

// scrapesPerRate are in each stretch over which a rate is taken, as in the operator's own rules.
const scrapesPerRate = 4

// Window over which rates are taken: a step, or as long as it takes to scrape often enough.
func Window(spec *v1alpha1.GoServiceSpec, step time.Duration) time.Duration {
	return max(step, scrapesPerRate*plan.ScrapeInterval(spec))
}

// Ask returns the questions for each histogram that a service may have; the first one that has answers counts.
func Ask(service *v1alpha1.GoService, step time.Duration) []Questions {
	scraped := fmt.Sprintf("namespace=%q,service=%q", service.Namespace, build.MetricsServiceName(service.Name))
	window := seconds(Window(&service.Spec, step))
	var all []Questions
	for _, h := range indicators.Of(&service.Spec) {
		sum := func(metric, matchers string) string {
			return fmt.Sprintf(`sum(rate(%s{%s%s}[%s]))`, metric, scraped, matchers, window)
		}
		results := func(pattern string) []string {
			var found []string
			for _, label := range h.Labels {
				if pattern != "" {
					found = append(found, sum(h.Counter(), fmt.Sprintf(",%s=~%q%s", label, pattern, h.Clients())))
				}
			}
			return append(found, "vector(0)")
		}
		either := func(alternatives []string) string { return strings.Join(alternatives, " or ") }
		requests := sum(h.Counter(), h.Clients())
		q := Questions{
			Selector: scraped, Histogram: h.Name, unit: h.Unit,
			Demand:  fmt.Sprintf("%s or 0 * sum(up{%s})", requests, scraped),
			Counted: fmt.Sprintf("%s - on () (%s)", requests, either(results(h.Ignored))),
			Failed:  either(results(h.Failed)),
			Pods:    fmt.Sprintf("count(up{%s})", scraped),
			CPU:     sum("process_cpu_seconds_total", ""),
			Durations: fmt.Sprintf(`sum by (le) (rate(%s_bucket{%s%s}[%s]))`,
				h.Name, scraped, h.Good(), window),
			Bucket: func(bound string) string { return sum(h.Name+"_bucket", fmt.Sprintf(",le=%q%s", bound, h.Good())) },
		}
		q.P99 = fmt.Sprintf("%g * histogram_quantile(0.99, %s)", h.Unit.Seconds(), q.Durations)
		if plan.OnToolkit(&service.Spec) {
			q.ServiceTime = fmt.Sprintf("%s / %s", sum("goservice_service_seconds_sum", ""), sum("goservice_service_seconds_count", ""))
		}
		all = append(all, q)
	}
	return all
}

// seconds of a duration as Prometheus reads it.
func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) + "s" }
