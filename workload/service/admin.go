// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"io"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// States of a service, in their order.
const (
	stateStarting int32 = iota
	stateReady
	stateDraining
)

// registerAdmin serves the operator and the kubelet: metrics, the live settings report and the probes.
func (s *Service) registerAdmin() {
	s.admin.Handle("GET /metrics", promhttp.InstrumentMetricHandler(s.telemetry.Registry(), s.telemetry.MetricsHandler()))
	s.admin.Handle("GET /live-settings", s.live)
	s.admin.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { answerProbe(w, true, "ok\n") })
	s.admin.HandleFunc("GET /startupz", func(w http.ResponseWriter, _ *http.Request) {
		if s.state.Load() == stateStarting {
			answerProbe(w, false, "starting\n")
			return
		}
		answerProbe(w, true, "ok\n")
	})
	s.admin.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		ready, text := s.readiness()
		answerProbe(w, ready, text)
	})
}

func answerProbe(w http.ResponseWriter, ok bool, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if !ok {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_, _ = io.WriteString(w, text)
}

// registerMetrics adds the figures that the operator and the alerts read of the limiter, the pool and the live settings.
func (s *Service) registerMetrics() {
	gauge := func(name, help string, value func() float64) {
		s.telemetry.Registry().MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	gauge("goservice_pool_workers", "Requests and jobs that may run at once.",
		func() float64 { return float64(s.pool.Stats().Workers) })
	gauge("goservice_pool_max_workers", "Up to how many requests and jobs the pool may let run at once.",
		func() float64 { return float64(s.pool.Stats().MaxWorkers) })
	gauge("goservice_pool_busy", "Requests and jobs that run now.",
		func() float64 { return float64(s.pool.Stats().Busy) })
	gauge("goservice_pool_queue_depth", "Requests and jobs that may wait for a worker.",
		func() float64 { return float64(s.pool.Stats().QueueDepth) })
	gauge("goservice_pool_queued", "Requests and jobs that wait for a worker now.",
		func() float64 { return float64(s.pool.Stats().Queued) })
	gauge("goservice_rate_limit_requests_per_second", "Rate limit in force; +Inf when unlimited.", func() float64 {
		rate, _ := s.limiter.Limit()
		return rate
	})
	s.telemetry.Registry().MustRegister(&liveSettingsCollector{service: s}, upstreamCollector{s}, dependencyCollector{s}, handOffCollector{s}, s.background)
}

var (
	liveSettingsReloads = prometheus.NewDesc("goservice_live_settings_reloads_total",
		"Live settings that were put in force or refused.", []string{"result"}, nil)
	liveSettingsInfo = prometheus.NewDesc("goservice_live_settings_info", "Always 1; the label is the revision in force.", []string{"revision"}, nil)
	buildInfo        = prometheus.NewDesc("goservice_build_info", "Always 1; the label is the version of the service.", []string{"version"}, nil)
)

// liveSettingsCollector reads the registry when it is scraped, so that the series of an old revision is gone with the revision.
type liveSettingsCollector struct{ service *Service }

func (c *liveSettingsCollector) Describe(to chan<- *prometheus.Desc) {
	to <- liveSettingsReloads
	to <- liveSettingsInfo
	to <- buildInfo
}

func (c *liveSettingsCollector) Collect(to chan<- prometheus.Metric) {
	applied, rejected := c.service.live.Counts()
	to <- prometheus.MustNewConstMetric(liveSettingsReloads, prometheus.CounterValue, float64(applied), "applied")
	to <- prometheus.MustNewConstMetric(liveSettingsReloads, prometheus.CounterValue, float64(rejected), "rejected")
	to <- prometheus.MustNewConstMetric(liveSettingsInfo, prometheus.GaugeValue, 1, c.service.live.Report().Revision)
	to <- prometheus.MustNewConstMetric(buildInfo, prometheus.GaugeValue, 1, c.service.version)
}
