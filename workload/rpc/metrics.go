// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package rpc

import (
	"sync/atomic"
	"time"

	"connectrpc.com/connect"
	"github.com/prometheus/client_golang/prometheus"

	"goservice.dev/operator/workload/telemetry"
)

type metrics struct{ durations *prometheus.HistogramVec }

// series of one procedure, system and code, found once.
type series = atomic.Pointer[prometheus.Observer]

func newMetrics(registry prometheus.Registerer) *metrics {
	m := &metrics{durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "rpc_server_call_duration_seconds",
		Help:    "Duration of gRPC, gRPC-Web and Connect calls as their clients see it; streams last as long as they are open.",
		Buckets: telemetry.Buckets(0),
	}, []string{"rpc_system_name", "rpc_method", "rpc_response_status_code"})}
	registry.MustRegister(m.durations)
	return m
}

func (m *metrics) observe(p *procedure, system string, code connect.Code, took time.Duration) {
	index := 0
	if system == systemConnect {
		index = 1
	}
	known := &p.series[index][code]
	observer := known.Load()
	if observer == nil {
		found := m.durations.WithLabelValues(system, p.name, codes[code].name)
		observer = &found
		known.Store(observer)
	}
	(*observer).Observe(took.Seconds())
}
