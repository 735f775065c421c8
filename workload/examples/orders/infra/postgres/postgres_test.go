// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package postgres

import (
	"context"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/trace/noop"

	"goservice.dev/operator/workload/examples/orders/app"
	"goservice.dev/operator/workload/examples/orders/internal/servers"
	"goservice.dev/operator/workload/examples/orders/porttest"
)

func open(t *testing.T, url string) *Store {
	t.Helper()
	store, err := Open(t.Context(), url, noop.NewTracerProvider())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	return store
}

func migrated(t *testing.T, server string) *Store {
	t.Helper()
	store := open(t, servers.Database(t, server))
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return store
}

// One server for all, which takes most of the time.
func TestPostgreSQL(t *testing.T) {
	server := servers.Postgres(t)
	t.Run("orders keep the contract", func(t *testing.T) {
		porttest.Orders(t, func(t *testing.T) porttest.Store { return migrated(t, server) })
	})
	t.Run("keys keep the contract", func(t *testing.T) {
		porttest.Keys(t, func(t *testing.T) app.IdempotencyKeys { return migrated(t, server) })
	})
	t.Run("instances that start together migrate once", func(t *testing.T) { migrateTogether(t, server) })
	t.Run("migrations can be taken back", func(t *testing.T) { takeBack(t, server) })
	t.Run("a key whose time is over is free", func(t *testing.T) { expiredKey(t, migrated(t, server)) })
	t.Run("an event goes with the order or not at all", func(t *testing.T) { bothOrNeither(t, migrated(t, server)) })
	t.Run("what a lost relay held is taken again", func(t *testing.T) { deadRelay(t, server) })
}

func migrateTogether(t *testing.T, server string) {
	url := servers.Database(t, server)
	var instances sync.WaitGroup
	for range 8 {
		store := open(t, url)
		instances.Go(func() {
			if err := store.Migrate(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	instances.Wait()
	var applied int
	if err := open(t, url).pool.QueryRow(t.Context(), "SELECT count(*) FROM goose_db_version WHERE version_id > 0").Scan(&applied); err != nil {
		t.Fatal(err)
	}
	if applied != 1 {
		t.Errorf("%d migrations were applied, want 1", applied)
	}
}

func takeBack(t *testing.T, server string) {
	store := migrated(t, server)
	if err := store.withMigrator(func(m *migrator) error {
		_, err := m.DownTo(t.Context(), 0)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := store.pool.QueryRow(t.Context(), "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").Scan(&left); err != nil || left != 1 {
		t.Errorf("%d tables are left, %v; want that of the versions only", left, err)
	}
	if err := store.Migrate(t.Context()); err != nil {
		t.Error(err)
	}
}

func expiredKey(t *testing.T, store *Store) {
	const id, other = "01996b9c-0000-7000-8000-000000000001", "01996b9c-0000-7000-8000-000000000002"
	for i, wanted := range []app.Reservation{{OrderID: id, Draft: "one"}, {OrderID: other, Draft: "two"}} {
		if kept, err := store.Reserve(t.Context(), "key", wanted); err != nil || kept != wanted {
			t.Errorf("%d: kept is %+v, %v", i, kept, err)
		}
		if _, err := store.pool.Exec(t.Context(), "UPDATE idempotency_keys SET expires_at = now()"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := store.Reserve(t.Context(), "other", app.Reservation{OrderID: id}); err != nil {
		t.Fatal(err)
	}
	if err := store.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	var left string
	if err := store.pool.QueryRow(t.Context(), "SELECT string_agg(key, ',') FROM idempotency_keys").Scan(&left); err != nil || left != "other" {
		t.Errorf("left are %q, %v", left, err)
	}
}

func bothOrNeither(t *testing.T, store *Store) {
	if _, err := store.pool.Exec(t.Context(), "ALTER TABLE outbox ADD CHECK (event->>'id' <> 'refused')"); err != nil {
		t.Fatal(err)
	}
	order := app.Order{ID: "01996b9c-0000-7000-8000-000000000001", Item: "book", Quantity: 1, Status: app.Placed, Version: 1}
	if _, err := store.Add(t.Context(), order, app.Event{ID: "refused", Order: order}); err == nil || !strings.Contains(err.Error(), "outbox") {
		t.Errorf("Add returned %v", err)
	}
	if _, err := store.Find(t.Context(), order.ID); err == nil {
		t.Error("the order is there without its event")
	}
}

func deadRelay(t *testing.T, server string) {
	url := servers.Database(t, server)
	// Its node is lost while it publishes: the database hears nothing of it any more.
	lost, other := open(t, url+"?idle_in_transaction_session_timeout=50"), open(t, url)
	if got := other.pool.Config().ConnConfig.RuntimeParams[idleSetting]; got != "15000" {
		t.Errorf("the timeout is %q", got)
	}
	if err := other.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	order := app.Order{ID: "01996b9c-0000-7000-8000-000000000001", Item: "book", Quantity: 1, Status: app.Placed, Version: 1}
	if _, err := other.Add(t.Context(), order, app.Event{ID: "one", Order: order}); err != nil {
		t.Fatal(err)
	}
	published := 0
	publish := func(_ context.Context, events []app.Event) ([]app.Event, error) {
		published += len(events)
		return events, nil
	}
	if removed, err := lost.Relay(t.Context(), 10, func(ctx context.Context, events []app.Event) ([]app.Event, error) {
		for taken := 0; taken == 0; {
			var err error
			if taken, err = other.Relay(ctx, 10, publish); err != nil {
				t.Fatal(err)
			}
		}
		return publish(ctx, events)
	}); removed != 0 || err == nil {
		t.Errorf("the relay that was given up removed %d, %v", removed, err)
	}
	if published != 2 {
		t.Errorf("the event was published %d times, want 2", published)
	}
}

func TestTheURLIsNotRepeated(t *testing.T) {
	_, err := Open(t.Context(), "postgres://orders:hunter2@database:port/orders", noop.NewTracerProvider())
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("Open returned %v", err)
	}
}
