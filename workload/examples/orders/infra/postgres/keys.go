// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package postgres

import (
	"context"
	"fmt"

	"goservice.dev/operator/workload/examples/orders/app"
)

// reserve always returns a row: that of whoever came first, or the caller's own if there was none or its time was over.
const reserve = `
INSERT INTO idempotency_keys AS kept (key, order_id, draft, expires_at) VALUES ($1, $2, $3, now() + make_interval(secs => $4))
ON CONFLICT (key) DO UPDATE SET
    order_id   = CASE WHEN kept.expires_at <= now() THEN excluded.order_id ELSE kept.order_id END,
    draft      = CASE WHEN kept.expires_at <= now() THEN excluded.draft ELSE kept.draft END,
    expires_at = CASE WHEN kept.expires_at <= now() THEN excluded.expires_at ELSE kept.expires_at END
RETURNING order_id::text, draft`

// Reserve is app.IdempotencyKeys'.
func (s *Store) Reserve(ctx context.Context, key string, wanted app.Reservation) (kept app.Reservation, err error) {
	row := s.pool.QueryRow(ctx, reserve, key, wanted.OrderID, wanted.Draft, app.KeyLifetime.Seconds())
	if err := row.Scan(&kept.OrderID, &kept.Draft); err != nil {
		return app.Reservation{}, fmt.Errorf("inserting into idempotency_keys: %w", err)
	}
	return kept, nil
}

// Sweep removes keys whose time is over.
func (s *Store) Sweep(ctx context.Context) error {
	if _, err := s.pool.Exec(ctx, "DELETE FROM idempotency_keys WHERE expires_at <= now()"); err != nil {
		return fmt.Errorf("deleting from idempotency_keys: %w", err)
	}
	return nil
}
