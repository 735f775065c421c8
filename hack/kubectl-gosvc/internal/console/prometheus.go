// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package console

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/replay"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/prometheus"
)

// Prometheus has the past of services.
type Prometheus struct{ client *prometheus.Client }

// patience with each of its answers.
const patience = 10 * time.Second

// NewPrometheus of options without a patience.
func NewPrometheus(options prometheus.Options) (*Prometheus, error) {
	options.Patience = patience
	client, err := prometheus.New(options)
	return &Prometheus{client}, err
}

// Measured is what Prometheus says of a service.
type Measured struct {
	Demand, P99, Pods []Point
	// Failed is why it says nothing.
	Failed string
}

// Ask for the last 12 hours of a service: of the histogram in which it counts its requests, the first one that has any.
func (p *Prometheus) Ask(ctx context.Context, service *v1alpha1.GoService, now time.Time) *Measured {
	var absent []string
	for _, q := range replay.Ask(service, every) {
		m, err := p.measured(ctx, q, now)
		if err != nil {
			return &Measured{Failed: err.Error()}
		}
		if m != nil {
			return m
		}
		absent = append(absent, fmt.Sprintf("%s{%s}", q.Histogram, q.Selector))
	}
	if absent == nil {
		return &Measured{Failed: "spec.observability.metrics does not say in which histogram requests are counted"}
	}
	return &Measured{Failed: "it has no " + strings.Join(absent, ", and no ")}
}

// measured is nil where the histogram has no requests.
func (p *Prometheus) measured(ctx context.Context, q replay.Questions, now time.Time) (*Measured, error) {
	from := now.Add(-ranges[0].span)
	if counted, err := p.query(ctx, q.Counted, from, now); err != nil || len(counted) == 0 {
		return nil, err
	}
	m := &Measured{}
	for _, query := range []struct {
		into *[]Point
		text string
	}{{&m.Demand, q.Demand}, {&m.P99, q.P99}, {&m.Pods, q.Pods}} {
		points, err := p.query(ctx, query.text, from, now)
		if err != nil {
			return nil, err
		}
		*query.into = points
	}
	return m, nil
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
