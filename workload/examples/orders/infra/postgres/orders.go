// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"goservice.dev/operator/workload/examples/orders/app"
)

const columns = "id, item, quantity, status, version, placed_at"

// Add is app.OrderRepository's.
func (s *Store) Add(ctx context.Context, order app.Order, event app.Event) (app.Order, error) {
	stored := order
	err := s.inTransaction(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, "INSERT INTO orders ("+columns+") VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING",
			order.ID, order.Item, order.Quantity, order.Status, order.Version, order.PlacedAt)
		if err != nil {
			return fmt.Errorf("inserting into orders: %w", err)
		}
		if tag.RowsAffected() == 1 {
			return put(ctx, tx, event)
		}
		stored, err = one(ctx, tx, "SELECT "+columns+" FROM orders WHERE id = $1", order.ID)
		return err
	})
	if err != nil {
		return app.Order{}, err
	}
	return stored, nil
}

// Find is app.OrderRepository's.
func (s *Store) Find(ctx context.Context, id string) (app.Order, error) {
	if !given(id) {
		return app.Order{}, app.ErrNotFound
	}
	return one(ctx, s.pool, "SELECT "+columns+" FROM orders WHERE id = $1", id)
}

// Change is app.OrderRepository's.
func (s *Store) Change(ctx context.Context, id string, change func(*app.Order) (*app.Event, error)) (order app.Order, err error) {
	if !given(id) {
		return app.Order{}, app.ErrNotFound
	}
	err = s.inTransaction(ctx, func(tx pgx.Tx) error {
		order, err = one(ctx, tx, "SELECT "+columns+" FROM orders WHERE id = $1 FOR UPDATE", id)
		if err != nil {
			return err
		}
		changed := order
		event, err := change(&changed)
		if err != nil || event == nil {
			return err
		}
		order = changed
		if _, err := tx.Exec(ctx, "UPDATE orders SET item = $2, quantity = $3, status = $4, version = $5 WHERE id = $1",
			id, order.Item, order.Quantity, order.Status, order.Version); err != nil {
			return fmt.Errorf("updating orders: %w", err)
		}
		// The order's row is locked, so the positions of an order's events are in the order of its changes.
		return put(ctx, tx, *event)
	})
	if err != nil {
		return app.Order{}, err
	}
	return order, nil
}

// given says whether the service gives ids of this form. Of others the database takes some for the same id, and calls the rest bad
// input.
func given(id string) bool {
	parsed, err := uuid.Parse(id)
	return err == nil && parsed.String() == id
}

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func one(ctx context.Context, from querier, sql, id string) (app.Order, error) {
	rows, err := from.Query(ctx, sql, id)
	if err != nil {
		return app.Order{}, fmt.Errorf("selecting from orders: %w", err)
	}
	order, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[app.Order])
	if errors.Is(err, pgx.ErrNoRows) {
		return app.Order{}, app.ErrNotFound
	}
	if err != nil {
		return app.Order{}, fmt.Errorf("selecting from orders: %w", err)
	}
	order.PlacedAt = order.PlacedAt.UTC()
	return order, nil
}
