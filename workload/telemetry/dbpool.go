// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package telemetry

import (
	"database/sql"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics of connection pools, by the names of the OpenTelemetry semantic conventions where these have one.
var (
	poolCount = prometheus.NewDesc("db_client_connection_count", "Connections of the pool, by state: used or idle.",
		[]string{"db_client_connection_pool_name", "db_client_connection_state"}, nil)
	poolMax      = poolDesc("db_client_connection_max", "Connections that the pool may open; 0 means any number.")
	poolWaits    = poolDesc("db_client_connection_waits_total", "Requests for a connection that had to wait for one.")
	poolWaited   = poolDesc("db_client_connection_wait_seconds_total", "Time that requests waited for a connection.")
	poolTimeouts = poolDesc("db_client_connection_timeouts_total", "Requests for a connection that were given up; database/sql does not count them.")
	poolClosed   = prometheus.NewDesc("db_client_connection_closed_total",
		"Connections that the pool closed, by reason: max_idle, max_idle_time or max_lifetime.",
		[]string{"db_client_connection_pool_name", "reason"}, nil)
)

func poolDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, []string{"db_client_connection_pool_name"}, nil)
}

// SQLPool measures a pool of database/sql, usually a *sql.DB, when it is scraped. The name tells the pools of one process
// apart.
//
//	svc.Metrics().MustRegister(telemetry.SQLPool("orders", db))
func SQLPool(name string, db interface{ Stats() sql.DBStats }) prometheus.Collector {
	return poolCollector{name: name, read: func() poolStats {
		s := db.Stats()
		return poolStats{
			used: s.InUse, idle: s.Idle, most: s.MaxOpenConnections, waits: s.WaitCount, waited: s.WaitDuration, timeouts: -1,
			closed: map[string]int64{"max_idle": s.MaxIdleClosed, "max_idle_time": s.MaxIdleTimeClosed, "max_lifetime": s.MaxLifetimeClosed},
		}
	}}
}

// PGXStat is what PGXPool reads of a *pgxpool.Stat of github.com/jackc/pgx/v5, from v5.7.2 on.
type PGXStat interface {
	AcquiredConns() int32
	IdleConns() int32
	MaxConns() int32
	EmptyAcquireCount() int64
	EmptyAcquireWaitTime() time.Duration
	CanceledAcquireCount() int64
	MaxIdleDestroyCount() int64
	MaxLifetimeDestroyCount() int64
}

// PGXPool measures a *pgxpool.Pool when it is scraped, under the same names as SQLPool.
//
//	svc.Metrics().MustRegister(telemetry.PGXPool("orders", pool))
func PGXPool[S PGXStat](name string, pool interface{ Stat() S }) prometheus.Collector {
	return poolCollector{name: name, read: func() poolStats {
		s := pool.Stat()
		return poolStats{
			used: int(s.AcquiredConns()), idle: int(s.IdleConns()), most: int(s.MaxConns()),
			waits: s.EmptyAcquireCount(), waited: s.EmptyAcquireWaitTime(), timeouts: s.CanceledAcquireCount(),
			closed: map[string]int64{"max_idle_time": s.MaxIdleDestroyCount(), "max_lifetime": s.MaxLifetimeDestroyCount()},
		}
	}}
}

type poolStats struct {
	used, idle, most int
	waits            int64
	waited           time.Duration
	timeouts         int64 // negative: not counted
	closed           map[string]int64
}

type poolCollector struct {
	name string
	read func() poolStats
}

// Describe tells of no metric, so that several pools can be registered: their series differ by the name.
func (poolCollector) Describe(chan<- *prometheus.Desc) {}

func (c poolCollector) Collect(to chan<- prometheus.Metric) {
	s := c.read()
	send := func(desc *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(desc, kind, value, append([]string{c.name}, labels...)...)
	}
	send(poolCount, prometheus.GaugeValue, float64(s.used), "used")
	send(poolCount, prometheus.GaugeValue, float64(s.idle), "idle")
	send(poolMax, prometheus.GaugeValue, float64(s.most))
	send(poolWaits, prometheus.CounterValue, float64(s.waits))
	send(poolWaited, prometheus.CounterValue, s.waited.Seconds())
	if s.timeouts >= 0 {
		send(poolTimeouts, prometheus.CounterValue, float64(s.timeouts))
	}
	for reason, count := range s.closed {
		send(poolClosed, prometheus.CounterValue, float64(count), reason)
	}
}
