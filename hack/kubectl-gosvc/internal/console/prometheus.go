// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package console

import (
	"context"
	"fmt"
	"math"
	"time"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/prometheus"
)

// Prometheus has the past of services.
type Prometheus struct{ client *prometheus.Client }

// patience with each of its answers.
const patience = 10 * time.Second

// NewPrometheus of an address such as http://localhost:9090.
func NewPrometheus(address string) (*Prometheus, error) {
	client, err := prometheus.New(address, patience)
	return &Prometheus{client}, err
}

// Measured is what Prometheus says of a service.
type Measured struct {
	Demand, P99, Replicas []Point
	// Failed is why it says nothing.
	Failed string
}

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
			m.Failed = err.Error()
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
	series, err := p.client.Range(ctx, text, from, every, int(to.Sub(from)/every)+1)
	if err != nil || len(series) == 0 {
		return nil, err
	}
	return points(series[0].Values, from), nil
}

// points of a series. Where Prometheus has none for a while, a value that is not known leaves a gap.
func points(values []float64, from time.Time) []Point {
	var list []Point
	for i, value := range values {
		if math.IsNaN(value) {
			continue
		}
		at := time.Unix(from.Unix(), 0).Add(time.Duration(i) * every)
		if n := len(list); n > 0 && at.Sub(list[n-1].At) > 2*every {
			list = append(list, Point{list[n-1].At.Add(every), -1})
		}
		list = append(list, Point{at, value})
	}
	return list
}
