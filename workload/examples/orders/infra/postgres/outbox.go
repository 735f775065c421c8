// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"goservice.dev/operator/workload/examples/orders/app"
	"goservice.dev/operator/workload/examples/orders/infra/tracing"
)

// storedEvent is the form of events in the table. During a rollout, processes of two versions read and write it: fields may be
// added, and none may get another meaning.
type storedEvent struct {
	ID       string            `json:"id"`
	Type     string            `json:"type"`
	At       time.Time         `json:"at"`
	Headers  map[string]string `json:"headers,omitempty"`
	OrderID  string            `json:"orderId"`
	Item     string            `json:"item"`
	Quantity int               `json:"quantity"`
	Status   app.Status        `json:"status"`
	Version  int               `json:"version"`
	PlacedAt time.Time         `json:"placedAt"`
}

func put(ctx context.Context, tx pgx.Tx, event app.Event) error {
	stored := storedEvent{
		ID: event.ID, Type: event.Type, At: event.At, Headers: tracing.Headers(ctx),
		OrderID: event.Order.ID, Item: event.Order.Item, Quantity: event.Order.Quantity, Status: event.Order.Status,
		Version: event.Order.Version, PlacedAt: event.Order.PlacedAt,
	}
	if _, err := tx.Exec(ctx, "INSERT INTO outbox (order_id, event) VALUES ($1, $2)", event.Order.ID, stored); err != nil {
		return fmt.Errorf("inserting into outbox: %w", err)
	}
	return nil
}

func (e storedEvent) event() app.Event {
	return app.Event{ID: e.ID, Type: e.Type, At: e.At, Headers: e.Headers, Order: app.Order{
		ID: e.OrderID, Item: e.Item, Quantity: e.Quantity, Status: e.Status, Version: e.Version, PlacedAt: e.PlacedAt,
	}}
}

// heads are the oldest events of their orders that nobody else relays. While another process holds the oldest event of an order,
// that row is skipped, and the later ones are not the oldest until it is gone.
const heads = `
SELECT position, event FROM outbox AS head
WHERE NOT EXISTS (SELECT FROM outbox AS earlier WHERE earlier.order_id = head.order_id AND earlier.position < head.position)
ORDER BY position LIMIT $1 FOR UPDATE OF head SKIP LOCKED`

// Relay is app.Outbox's. It holds one connection while it publishes.
func (s *Store) Relay(ctx context.Context, limit int, publish func(context.Context, []app.Event) ([]app.Event, error)) (removed int, err error) {
	var unpublished error
	err = s.inTransaction(ctx, func(tx pgx.Tx) error {
		events, positions, err := take(ctx, tx, limit)
		if err != nil || len(events) == 0 {
			return err
		}
		var confirmed []app.Event
		confirmed, unpublished = publish(ctx, events)
		gone := make([]int64, 0, len(confirmed))
		for _, event := range confirmed {
			gone = append(gone, positions[event.ID])
		}
		removed = len(gone)
		if _, err := tx.Exec(ctx, "DELETE FROM outbox WHERE position = ANY($1)", gone); err != nil {
			return fmt.Errorf("deleting from outbox: %w", err)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return removed, unpublished
}

func take(ctx context.Context, tx pgx.Tx, limit int) ([]app.Event, map[string]int64, error) {
	rows, err := tx.Query(ctx, heads, limit)
	if err != nil {
		return nil, nil, fmt.Errorf("selecting from outbox: %w", err)
	}
	var events []app.Event
	positions := map[string]int64{}
	var position int64
	var stored storedEvent
	_, err = pgx.ForEachRow(rows, []any{&position, &stored}, func() error {
		event := stored.event()
		events = append(events, event)
		positions[event.ID] = position
		stored = storedEvent{}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("selecting from outbox: %w", err)
	}
	return events, positions, nil
}

// Waiting is app.Outbox's.
func (s *Store) Waiting(ctx context.Context) (waiting int, err error) {
	if err := s.pool.QueryRow(ctx, "SELECT count(*) FROM outbox").Scan(&waiting); err != nil {
		return 0, fmt.Errorf("counting in outbox: %w", err)
	}
	return waiting, nil
}
