// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package measure

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"goservice.dev/operator/controllers/tuner"
)

// Sample of a pod's counters as Prometheus has them: At is when it scraped them, by its own clock.
type Sample struct {
	tuner.Counters
	// Age is how long before Prometheus' answer that was, by the same clock.
	Age time.Duration
}

const (
	// queryTimeout of one question, for Prometheus and for the way to it.
	queryTimeout = 5 * time.Second
	// maxQuestions at once, and of those for services of one namespace.
	maxQuestions      = 8
	maxQuestionsOfOne = 4
	// maxAnswerBytes of one answer; a pod takes some 5 KB of it.
	maxAnswerBytes = 32 << 20
	// maxErrorBytes of what is shown of an error.
	maxErrorBytes = 256
)

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
	}
	for i := range plain {
		if strings.TrimSpace(plain[i].name) == part {
			return plain[i].field(c)
		}
	}
	return nil
}

// answer is Prometheus' form of the result of an instant query.
type answer struct {
	Status string `json:"status"`
	Error  string `json:"error"`
	Data   struct {
		ResultType string    `json:"resultType"`
		Result     []element `json:"result"`
	} `json:"data"`
}

type element struct {
	Metric map[string]string `json:"metric"`
	Value  stamped           `json:"value"`
}

// stamped is a value as Prometheus writes it: [seconds, "value"].
type stamped struct {
	at    float64
	value float64
}

// UnmarshalJSON reads both.
func (s *stamped) UnmarshalJSON(text []byte) error {
	var value string
	if err := json.Unmarshal(text, &[]any{&s.at, &value}); err != nil {
		return err
	}
	var err error
	s.value, err = strconv.ParseFloat(value, 64)
	return err
}

// decode reads an answer to Query, by the pods' names.
func decode(body io.Reader) (map[string]Sample, error) {
	var a answer
	if err := json.NewDecoder(body).Decode(&a); err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	if a.Status != "success" || a.Data.ResultType != "vector" {
		return nil, fmt.Errorf("status %q, result type %q", a.Status, a.Data.ResultType)
	}
	samples := map[string]*Sample{}
	for i := range a.Data.Result {
		e := &a.Data.Result[i]
		pod := e.Metric["pod"]
		if pod == "" {
			return nil, errors.New("series have no label pod: are they scraped through the ServiceMonitor?")
		}
		if samples[pod] == nil {
			samples[pod] = &Sample{}
		}
		if err := samples[pod].take(pod, e); err != nil {
			return nil, err
		}
	}
	known := make(map[string]Sample, len(samples))
	for pod, sample := range samples {
		if sample.At.IsZero() {
			continue // its toolkit's own metrics are gone already, or it never had any
		}
		slices.SortFunc(sample.Buckets, func(a, b tuner.Bucket) int { return cmp.Compare(a.UpperBound, b.UpperBound) })
		known[pod] = *sample
	}
	return known, nil
}

// take in one element of an answer.
func (s *Sample) take(pod string, e *element) error {
	switch part := e.Metric[partLabel]; part {
	case partAt:
		if !s.At.IsZero() {
			return fmt.Errorf("pod %s is scraped more than once: let one ServiceMonitor select it, and ask one Prometheus", pod)
		}
		s.At = time.UnixMilli(int64(math.Round(e.Value.value * 1000)))
		s.Age = time.Duration((e.Value.at - e.Value.value) * float64(time.Second))
	case partBuckets:
		bound, err := strconv.ParseFloat(e.Metric["le"], 64)
		if err != nil {
			return fmt.Errorf("a bucket's bound: %w", err)
		}
		s.Buckets = append(s.Buckets, tuner.Bucket{UpperBound: bound, Count: e.Value.value})
	default:
		if field := fieldOf(part, &s.Counters); field != nil && !math.IsNaN(e.Value.value) {
			*field = e.Value.value
		}
	}
	return nil
}

// ParsePrometheusAddress reads where a Prometheus is: a URL whose path, if any, leads to its API.
func ParsePrometheusAddress(text string) (*url.URL, error) {
	address, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	if address.Scheme != "http" && address.Scheme != "https" || address.Hostname() == "" ||
		address.User != nil || address.RawQuery != "" || address.Fragment != "" {
		return nil, fmt.Errorf("%q: must be an http or https URL without user, query or fragment, such as http://prometheus.monitoring:9090", text)
	}
	return address, nil
}

// QueryPrometheus asks the Prometheus at an address for a service's pods; scraped names the Service by which they are scraped.
func QueryPrometheus(address *url.URL, scraped func(service string) string) func(context.Context, types.NamespacedName) (map[string]Sample, error) {
	client := &http.Client{
		Timeout: queryTimeout,
		// Prometheus must not send the operator elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: queryTimeout}).DialContext,
			TLSHandshakeTimeout: queryTimeout,
			MaxIdleConnsPerHost: maxQuestions,
			MaxConnsPerHost:     maxQuestions,
			IdleConnTimeout:     time.Minute,
		},
	}
	endpoint := address.JoinPath("api/v1/query").String()
	return func(ctx context.Context, service types.NamespacedName) (map[string]Sample, error) {
		form := url.Values{"query": {Query(service.Namespace, scraped(service.Name))}, "timeout": {queryTimeout.String()}}
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
		if err != nil {
			return nil, err
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		response, err := client.Do(request)
		if err != nil {
			return nil, err
		}
		defer response.Body.Close()
		body := http.MaxBytesReader(nil, response.Body, maxAnswerBytes)
		if response.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("HTTP status %d%s", response.StatusCode, explanation(response, body))
		}
		return decode(body)
	}
}

// explanation is what Prometheus says of an error; of other pages nothing is shown.
func explanation(response *http.Response, body io.Reader) string {
	var a answer
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if kind != "application/json" || json.NewDecoder(body).Decode(&a) != nil || a.Error == "" {
		return ""
	}
	text := strings.Join(strings.Fields(a.Error), " ")
	if len(text) > maxErrorBytes {
		text = strings.ToValidUTF8(text[:maxErrorBytes], "") + "…"
	}
	return ": " + text
}
