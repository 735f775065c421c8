// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package top

import (
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"goservice.dev/operator/api/v1alpha1"
)

// mostMetrics that are read of one pod, in bytes: pods are not trusted.
const mostMetrics = 4 << 20

// histograms in which services count their requests, by the preset of spec.observability.metrics.indicators.
var histograms = map[v1alpha1.IndicatorsPreset]string{
	v1alpha1.IndicatorsToolkit: "http_server_request_duration_seconds", v1alpha1.IndicatorsOpenTelemetry: "http_server_request_duration_seconds",
	v1alpha1.IndicatorsPrometheus: "http_request_duration_seconds",
}

// sample is what a pod said of itself at a time.
type sample struct {
	at       time.Time
	started  float64
	requests float64
	rejected float64
	cpu      float64
	buckets  map[float64]float64
	// gauges; NaN where a pod does not have one.
	busy, workers, queued, memory, limit float64
}

// read a page of metrics.
func read(page io.Reader, histogram string, at time.Time) (*sample, error) {
	limited := &io.LimitedReader{R: page, N: mostMetrics + 1}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(limited)
	if limited.N <= 0 {
		return nil, fmt.Errorf("the metrics have more than %d bytes", mostMetrics)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the metrics: %w", err)
	}
	s := &sample{
		at: at, buckets: map[float64]float64{}, started: sum(families["process_start_time_seconds"]), cpu: sum(families["process_cpu_seconds_total"]),
		rejected: sum(families["goservice_requests_rejected_total"]), busy: sum(families["goservice_pool_busy"]),
		workers: sum(families["goservice_pool_workers"]), queued: sum(families["goservice_pool_queued"]),
		memory: sum(families["process_resident_memory_bytes"]), limit: sum(families["goservice_rate_limit_requests_per_second"]),
	}
	s.requests = math.NaN()
	for _, metric := range families[histogram].GetMetric() {
		if h := metric.GetHistogram(); h != nil {
			if math.IsNaN(s.requests) {
				s.requests = 0
			}
			s.requests += float64(h.GetSampleCount())
			for _, bucket := range h.GetBucket() {
				s.buckets[bucket.GetUpperBound()] += float64(bucket.GetCumulativeCount())
			}
		}
	}
	return s, nil
}

// sum of all series of a family; NaN without any.
func sum(family *dto.MetricFamily) float64 {
	total := math.NaN()
	for _, metric := range family.GetMetric() {
		value := metric.GetGauge().GetValue() + metric.GetCounter().GetValue() + metric.GetUntyped().GetValue()
		if math.IsNaN(total) {
			total = 0
		}
		total += value
	}
	return total
}

// since the sample before: rates, and the 99th percentile of the requests between. Nothing if the process is another one.
func (s *sample) since(before *sample) (rates rates, known bool) {
	took := s.at.Sub(before.at).Seconds()
	if took <= 0 || s.started != before.started && !math.IsNaN(s.started) {
		return rates, false
	}
	rates.requests, rates.rejected, rates.cpu = (s.requests-before.requests)/took, (s.rejected-before.rejected)/took, (s.cpu-before.cpu)/took
	rates.p99 = quantile(0.99, s.buckets, before.buckets, s.requests-before.requests)
	return rates, rates.requests >= 0 || math.IsNaN(rates.requests)
}

// rates between two samples; NaN where a pod does not say. p99 is in seconds.
type rates struct{ requests, rejected, cpu, p99 float64 }

// quantile within the bucket that holds it, between its bounds in proportion, as Prometheus does.
func quantile(q float64, now, before map[float64]float64, total float64) float64 {
	if !(total > 0) {
		return math.NaN()
	}
	bounds := make([]float64, 0, len(now))
	for bound := range now {
		bounds = append(bounds, bound)
	}
	slices.Sort(bounds)
	lower, below := 0.0, 0.0
	for _, bound := range bounds {
		count := now[bound] - before[bound]
		if count >= q*total {
			if math.IsInf(bound, 1) || count <= below {
				return lower
			}
			return lower + (bound-lower)*(q*total-below)/(count-below)
		}
		lower, below = bound, count
	}
	return lower
}
