// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package measure

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"goservice.dev/operator/controllers/internal/indicators"
)

// Names of the parts of a Query, each with the field that takes its value; those of plain are named as the metrics are.
const (
	partLabel   = "part"
	partAt      = "at"
	partBuckets = "buckets"
)

// partMilliseconds are buckets whose bounds are milliseconds.
const partMilliseconds = "milliseconds"

// Query for all counters of all pods behind a Service in a namespace at once, as their ServiceMonitor has them scraped. Instant queries
// answer with the time of the question, not that of the scrape; therefore the last part asks for that. It is not summed up, so that a
// pod that is scraped twice is noticed.
func (e Endpoint) Query(namespace, service string) string {
	e = e.filled()
	pods := "namespace=" + strconv.Quote(namespace) + ",service=" + strconv.Quote(service)
	q := question{pods: pods}
	histograms := e.format.indicators
	for i, h := range histograms {
		// Of several histograms, the first one that a pod has counts.
		var unless string
		for _, earlier := range histograms[:i] {
			unless += fmt.Sprintf(" unless on (pod) %s_count{%s}", earlier.Name, pods)
		}
		buckets, rest := partBuckets, ""
		if h.Unit == time.Millisecond {
			buckets, rest = partMilliseconds, " / 1000"
		}
		q.sum("pod, le", h.Name+"_bucket", h.Good(), unless, buckets, "")
		q.sum("pod", h.Counter(), h.Clients(), unless, "requests", "")
		q.sum("pod", h.Name+"_sum", h.Clients(), unless, "durations", rest)
		for _, label := range h.Labels {
			q.results(h, label, h.Failed, unless, "failed")
			q.results(h, label, h.Ignored, unless, "limited")
		}
	}
	at := fmt.Sprintf("timestamp(up{%[1]s}) and up{%[1]s} == 1", pods)
	if e.format.onToolkit {
		q.sum("pod", histograms[0].Name+"_count", `,http_route="",http_response_status_code=~"404|405"`, "", "unmatched", "")
		q.sum("pod", rejectedName, "", "", "rejected", "")
		q.sum("pod", rejectedName, ","+reasonRateLimit, "", "refused", "")
		q.sum("pod", movesName, `,result="moved"`, "", "moved", "")
		q.sum("pod", movesName, `,result=~"returned|broken"`, "", "unmoved", "")
		at = fmt.Sprintf("timestamp(goservice_service_seconds_count{%s})", pods)
	}
	var names []string
	for i := range plain {
		names = append(names, strings.TrimSpace(plain[i].name))
	}
	q.part(fmt.Sprintf(`label_replace(sum by (pod, __name__) ({__name__=~"%s",%s}), "part", "$1", "__name__", "(.+)")`, strings.Join(names, "|"), pods))
	q.part(fmt.Sprintf(`label_replace(%s, "part", "at", "", "")`, at))
	return strings.Join(q.parts, "\nor ") + "\n"
}

// question is a Query in parts.
type question struct {
	pods  string
	parts []string
}

func (q *question) part(expression string) { q.parts = append(q.parts, expression) }

// sum of a metric's series with more labels, by some labels, as a part.
func (q *question) sum(by, metric, labels, unless, part, rest string) {
	q.part(fmt.Sprintf(`label_replace(sum by (%s) (%s{%s%s}%s)%s, "part", "%s", "", "")`, by, metric, q.pods, labels, unless, rest, part))
}

// results of counted requests that match, by a label.
func (q *question) results(h indicators.Histogram, label, pattern, unless, part string) {
	if pattern == "" {
		return
	}
	operator := "=~"
	if regexp.QuoteMeta(pattern) == pattern {
		operator = "="
	}
	q.sum("pod", h.Counter(), fmt.Sprintf(",%s%s%s%s", label, operator, strconv.Quote(pattern), h.Clients()), unless, part, "")
}

// fieldOf a part of the Query, nil for those that no single field takes.
func fieldOf(part string, s *Sample) *float64 {
	switch part {
	case "requests":
		return &s.Requests
	case "durations":
		return &s.DurationSeconds
	case "failed":
		return &s.Failed
	case "limited":
		return &s.RateLimited
	case "rejected":
		return &s.Rejected
	case "refused":
		return &s.Refused
	case "unmatched":
		return &s.Unmatched
	case "moved":
		return &s.HandOff.Moved
	case "unmoved":
		return &s.HandOff.Failed
	}
	for i := range plain {
		if strings.TrimSpace(plain[i].name) == part {
			return plain[i].field(s)
		}
	}
	return nil
}
