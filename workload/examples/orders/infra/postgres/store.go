// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package postgres keeps orders, their events, and idempotency keys in PostgreSQL 13 or later.
package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"time"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"go.opentelemetry.io/otel/trace"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	// idleTimeout frees what an instance holds that no longer answers, such as one whose node is lost. It is longer than the relay
	// takes for one batch.
	idleTimeout = 15 * time.Second
	// Seconds between the tries to get the lock of the migrations, and how many.
	lockInterval = 1
	lockTries    = 120
)

// idleSetting of PostgreSQL. PgBouncer must be told to ignore it: ignore_startup_parameters.
const idleSetting = "idle_in_transaction_session_timeout"

// Store of all that is kept in one database.
type Store struct{ pool *pgxpool.Pool }

// Open does not connect yet; each call does, when it has to. The URL is one of libpq's, with pgxpool's settings such as
// pool_max_conns (default: the larger of 4 and the number of processors). Calls become spans where their request is recorded.
func Open(ctx context.Context, url string, traces trace.TracerProvider) (*Store, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("must be a PostgreSQL URL such as postgres://user:password@host:5432/database") // it and the cause may hold a password
	}
	if _, set := config.ConnConfig.RuntimeParams[idleSetting]; !set {
		config.ConnConfig.RuntimeParams[idleSetting] = strconv.FormatInt(idleTimeout.Milliseconds(), 10)
	}
	config.ConnConfig.Tracer = otelpgx.NewTracer(otelpgx.WithTracerProvider(traces))
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("making a pool of connections: %w", err)
	}
	return &Store{pool: pool}, nil
}

// Close waits for calls that run.
func (s *Store) Close() { s.pool.Close() }

// Pool of connections, for metrics.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// Migrate brings the tables to what this program needs. Any number of processes may call it at the same time: an advisory lock of
// the database lets one after another look. Programs of the version before go on working with the new tables.
func (s *Store) Migrate(ctx context.Context) error {
	return s.withMigrator(func(m *migrator) error {
		if _, err := m.Up(ctx); err != nil {
			return fmt.Errorf("migrating the database: %w", err)
		}
		return nil
	})
}

type migrator = goose.Provider

func (s *Store) withMigrator(work func(*migrator) error) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(lockInterval, lockTries))
	if err != nil {
		return err
	}
	db := stdlib.OpenDBFromPool(s.pool)
	defer func() { _ = db.Close() }() // the pool stays
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(locker))
	if err != nil {
		return fmt.Errorf("reading the migrations: %w", err)
	}
	return work(provider)
}

// inTransaction commits if work returns no error.
func (s *Store) inTransaction(ctx context.Context, work func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, s.pool, work)
}
