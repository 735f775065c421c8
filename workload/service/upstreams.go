// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import "github.com/prometheus/client_golang/prometheus"

var (
	upstreamInFlight = prometheus.NewDesc("goservice_upstream_in_flight", "Calls that wait for the upstream now.", []string{"upstream"}, nil)
	upstreamMost     = prometheus.NewDesc("goservice_upstream_max_in_flight", "Calls that may wait for the upstream at the same time.", []string{"upstream"}, nil)
	upstreamOpen     = prometheus.NewDesc("goservice_upstream_breaker_open",
		"1 while the upstream is not called, because it did not answer; otherwise 0.", []string{"upstream"}, nil)
	upstreamRejected = prometheus.NewDesc("goservice_upstream_rejected_total",
		"Calls to the upstream that were not sent: busy (as many as may be are in flight), rate_limit (their turn would come too late) or "+
			"unavailable (the breaker is open).",
		[]string{"upstream", "reason"}, nil)
)

// upstreamChanged logs when an upstream is given up and when it is back. The calls that fail in between say nothing new.
func (s *Service) upstreamChanged(name string) func(available bool) {
	return func(available bool) {
		if available {
			s.logger.Info("the upstream answers again", "upstream", name)
			return
		}
		s.logger.Error("the upstream does not answer, calls to it fail at once", "upstream", name)
	}
}

// upstreamRefused logs, once a minute at most, that calls are not sent because of the service's own bounds.
func (s *Service) upstreamRefused(name string) func(error) {
	return func(err error) { s.logger.Error("calls to the upstream are refused", "upstream", name, "error", err) }
}

// upstreamCollector reads the clients when it is scraped.
type upstreamCollector struct{ service *Service }

func (c upstreamCollector) Describe(to chan<- *prometheus.Desc) {
	to <- upstreamInFlight
	to <- upstreamMost
	to <- upstreamOpen
	to <- upstreamRejected
}

func (c upstreamCollector) Collect(to chan<- prometheus.Metric) {
	for name, client := range c.service.upstreams {
		stats, open := client.Stats(), 0.0
		if stats.Open {
			open = 1
		}
		to <- prometheus.MustNewConstMetric(upstreamInFlight, prometheus.GaugeValue, float64(stats.InFlight), name)
		to <- prometheus.MustNewConstMetric(upstreamMost, prometheus.GaugeValue, float64(client.Limits().MaxInFlight), name)
		to <- prometheus.MustNewConstMetric(upstreamOpen, prometheus.GaugeValue, open, name)
		to <- prometheus.MustNewConstMetric(upstreamRejected, prometheus.CounterValue, float64(stats.Busy), name, "busy")
		to <- prometheus.MustNewConstMetric(upstreamRejected, prometheus.CounterValue, float64(stats.RateLimited), name, "rate_limit")
		to <- prometheus.MustNewConstMetric(upstreamRejected, prometheus.CounterValue, float64(stats.Unavailable), name, "unavailable")
	}
}
