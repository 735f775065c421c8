// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/show"
)

// Prometheus has the past of services. Its rules are those that the operator writes.
type Prometheus struct {
	base   *url.URL
	client *http.Client
}

// NewPrometheus of an address such as http://localhost:9090.
func NewPrometheus(address string) (*Prometheus, error) {
	base, err := url.Parse(address)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("%q is not the address of a Prometheus: it must be like http://localhost:9090", address)
	}
	return &Prometheus{base: base, client: &http.Client{Timeout: 10 * time.Second}}, nil
}

// Measured is what Prometheus says of a service.
type Measured struct {
	Demand, P99, Replicas []Point
	// Failed is why it says nothing.
	Failed string
}

// mostAnswer that is read, in bytes.
const mostAnswer = 4 << 20

// Ask for the last 12 hours of a service.
func (p *Prometheus) Ask(ctx context.Context, service *v1alpha1.GoService, now time.Time) *Measured {
	pods := fmt.Sprintf(`namespace=%q,pod=~%q`, service.Namespace, service.Name+"-[a-z0-9]+-[a-z0-9]+")
	m := &Measured{}
	for _, query := range []struct {
		into *[]Point
		text string
	}{
		{&m.Demand, `sum(rate(http_server_request_duration_seconds_count{` + pods + `}[2m]))`},
		{&m.P99, `histogram_quantile(0.99, sum by (le) (rate(http_server_request_duration_seconds_bucket{` + pods + `}[2m])))`},
		{&m.Replicas, `sum(up{` + pods + `})`},
	} {
		points, err := p.query(ctx, query.text, now.Add(-ranges[0].span), now)
		if err != nil {
			m.Failed = show.Cut(show.Plain(err.Error()), 300)
			return m
		}
		*query.into = points
	}
	if len(m.Demand) == 0 && len(m.Replicas) == 0 {
		m.Failed = "it has no series of these pods"
	}
	return m
}

// every is the distance of two points.
const every = time.Minute

func (p *Prometheus) query(ctx context.Context, text string, from, to time.Time) ([]Point, error) {
	address := p.base.JoinPath("api", "v1", "query_range")
	address.RawQuery = url.Values{
		"query": {text}, "start": {strconv.FormatInt(from.Unix(), 10)}, "end": {strconv.FormatInt(to.Unix(), 10)}, "step": {every.String()},
	}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return nil, err
	}
	response, err := p.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Status, Error string
		Data          struct {
			Result []struct{ Values [][2]any }
		}
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, mostAnswer)).Decode(&answer); err != nil {
		return nil, fmt.Errorf("status %d: %w", response.StatusCode, err)
	}
	if answer.Status != "success" {
		return nil, errors.New(answer.Error)
	}
	if len(answer.Data.Result) == 0 {
		return nil, nil
	}
	return points(answer.Data.Result[0].Values), nil
}

// points of a series. Where Prometheus has none for a while, a value that is not known leaves a gap.
func points(values [][2]any) []Point {
	var list []Point
	for _, pair := range values {
		seconds, isNumber := pair[0].(float64)
		text, isText := pair[1].(string)
		value, err := strconv.ParseFloat(text, 64)
		if !isNumber || !isText || err != nil || math.IsInf(value, 0) || math.IsNaN(value) {
			continue
		}
		at := time.Unix(int64(seconds), 0)
		if n := len(list); n > 0 && at.Sub(list[n-1].At) > 2*every {
			list = append(list, Point{list[n-1].At.Add(every), -1})
		}
		list = append(list, Point{at, value})
	}
	return list
}
