// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package telemetry_test

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"goservice.dev/operator/workload/telemetry"
)

type sqlDB struct{}

func (sqlDB) Stats() sql.DBStats {
	return sql.DBStats{
		MaxOpenConnections: 10, InUse: 3, Idle: 2, WaitCount: 7, WaitDuration: 1500 * time.Millisecond,
		MaxIdleClosed: 4, MaxIdleTimeClosed: 5, MaxLifetimeClosed: 6,
	}
}

// pgxStat has the methods of *pgxpool.Stat.
type pgxStat struct{}

func (*pgxStat) AcquiredConns() int32                { return 1 }
func (*pgxStat) IdleConns() int32                    { return 2 }
func (*pgxStat) MaxConns() int32                     { return 4 }
func (*pgxStat) EmptyAcquireCount() int64            { return 8 }
func (*pgxStat) EmptyAcquireWaitTime() time.Duration { return 250 * time.Millisecond }
func (*pgxStat) CanceledAcquireCount() int64         { return 9 }
func (*pgxStat) MaxIdleDestroyCount() int64          { return 11 }
func (*pgxStat) MaxLifetimeDestroyCount() int64      { return 12 }

type pgxPool struct{}

func (pgxPool) Stat() *pgxStat { return &pgxStat{} }

func TestConnectionPoolsAreMeasuredUnderTheSameNames(t *testing.T) {
	tel := newTelemetry(t, telemetry.Config{})
	tel.Registry().MustRegister(telemetry.SQLPool("main", sqlDB{}), telemetry.SQLPool("replica", sqlDB{}), telemetry.PGXPool("pgx", pgxPool{}))
	err := testutil.GatherAndCompare(tel.Registry(), strings.NewReader(`
# HELP db_client_connection_closed_total Connections that the pool closed, by reason: max_idle, max_idle_time or max_lifetime.
# TYPE db_client_connection_closed_total counter
db_client_connection_closed_total{db_client_connection_pool_name="main",reason="max_idle"} 4
db_client_connection_closed_total{db_client_connection_pool_name="main",reason="max_idle_time"} 5
db_client_connection_closed_total{db_client_connection_pool_name="main",reason="max_lifetime"} 6
db_client_connection_closed_total{db_client_connection_pool_name="pgx",reason="max_idle_time"} 11
db_client_connection_closed_total{db_client_connection_pool_name="pgx",reason="max_lifetime"} 12
db_client_connection_closed_total{db_client_connection_pool_name="replica",reason="max_idle"} 4
db_client_connection_closed_total{db_client_connection_pool_name="replica",reason="max_idle_time"} 5
db_client_connection_closed_total{db_client_connection_pool_name="replica",reason="max_lifetime"} 6
# HELP db_client_connection_count Connections of the pool, by state: used or idle.
# TYPE db_client_connection_count gauge
db_client_connection_count{db_client_connection_pool_name="main",db_client_connection_state="idle"} 2
db_client_connection_count{db_client_connection_pool_name="main",db_client_connection_state="used"} 3
db_client_connection_count{db_client_connection_pool_name="pgx",db_client_connection_state="idle"} 2
db_client_connection_count{db_client_connection_pool_name="pgx",db_client_connection_state="used"} 1
db_client_connection_count{db_client_connection_pool_name="replica",db_client_connection_state="idle"} 2
db_client_connection_count{db_client_connection_pool_name="replica",db_client_connection_state="used"} 3
# HELP db_client_connection_max Connections that the pool may open; 0 means any number.
# TYPE db_client_connection_max gauge
db_client_connection_max{db_client_connection_pool_name="main"} 10
db_client_connection_max{db_client_connection_pool_name="pgx"} 4
db_client_connection_max{db_client_connection_pool_name="replica"} 10
# HELP db_client_connection_timeouts_total Requests for a connection that were given up; database/sql does not count them.
# TYPE db_client_connection_timeouts_total counter
db_client_connection_timeouts_total{db_client_connection_pool_name="pgx"} 9
# HELP db_client_connection_wait_seconds_total Time that requests waited for a connection.
# TYPE db_client_connection_wait_seconds_total counter
db_client_connection_wait_seconds_total{db_client_connection_pool_name="main"} 1.5
db_client_connection_wait_seconds_total{db_client_connection_pool_name="pgx"} 0.25
db_client_connection_wait_seconds_total{db_client_connection_pool_name="replica"} 1.5
# HELP db_client_connection_waits_total Requests for a connection that had to wait for one.
# TYPE db_client_connection_waits_total counter
db_client_connection_waits_total{db_client_connection_pool_name="main"} 7
db_client_connection_waits_total{db_client_connection_pool_name="pgx"} 8
db_client_connection_waits_total{db_client_connection_pool_name="replica"} 7
`), "db_client_connection_closed_total", "db_client_connection_count", "db_client_connection_max", "db_client_connection_timeouts_total",
		"db_client_connection_wait_seconds_total", "db_client_connection_waits_total")
	if err != nil {
		t.Error(err)
	}
}
