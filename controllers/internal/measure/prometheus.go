// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package measure

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"goservice.dev/operator/controllers/tuner"
)

// Sample of a pod's counters as Prometheus has them: At is when it scraped them, by its own clock.
type Sample struct {
	tuner.Counters
	// Age is how long before Prometheus' answer that was, by the same clock.
	Age time.Duration
}

// Names of the parts of a Query, each with the field that takes its value; those of plain are named as the metrics are.
const (
	partLabel   = "part"
	partAt      = "at"
	partBuckets = "buckets"
)

// query asks for all counters of all pods at once. Instant queries answer with the time of the question, not that of the
// scrape; therefore the last part asks for that. It is not summed up, so that a pod that is scraped twice is noticed.
const query = `label_replace(sum by (pod, le) (http_server_request_duration_seconds_bucket{%[1]s,http_response_status_code!~"5..|429"}), "part", "buckets", "", "")
or label_replace(sum by (pod) (http_server_request_duration_seconds_count{%[1]s}), "part", "requests", "", "")
or label_replace(sum by (pod) (http_server_request_duration_seconds_sum{%[1]s}), "part", "durations", "", "")
or label_replace(sum by (pod) (http_server_request_duration_seconds_count{%[1]s,http_response_status_code=~"5.."}), "part", "failed", "", "")
or label_replace(sum by (pod) (http_server_request_duration_seconds_count{%[1]s,http_response_status_code="429"}), "part", "limited", "", "")
or label_replace(sum by (pod) (http_server_request_duration_seconds_count{%[1]s,http_route="",http_response_status_code=~"404|405"}), "part", "unmatched", "", "")
or label_replace(sum by (pod) (goservice_requests_rejected_total{%[1]s}), "part", "rejected", "", "")
or label_replace(sum by (pod, __name__) ({__name__=~"%[2]s",%[1]s}), "part", "$1", "__name__", "(.+)")
or label_replace(timestamp(goservice_service_seconds_count{%[1]s}), "part", "at", "", "")
`

// Query for the counters of the pods behind a Service in a namespace, as their ServiceMonitor has them scraped.
func Query(namespace, service string) string {
	names := make([]string, len(plain))
	for i := range plain {
		names[i] = strings.TrimSpace(plain[i].name)
	}
	return fmt.Sprintf(query, "namespace="+strconv.Quote(namespace)+",service="+strconv.Quote(service), strings.Join(names, "|"))
}

// fieldOf a part of the Query, nil for those that no single field takes.
func fieldOf(part string, c *tuner.Counters) *float64 {
	switch part {
	case "requests":
		return &c.Requests
	case "durations":
		return &c.DurationSeconds
	case "failed":
		return &c.Failed
	case "limited":
		return &c.RateLimited
	case "rejected":
		return &c.Rejected
	case "unmatched":
		return &c.Unmatched
	}
	for i := range plain {
		if strings.TrimSpace(plain[i].name) == part {
			return plain[i].field(c)
		}
	}
	return nil
}
