// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package eventlog publishes events as lines of the log, where there is no broker.
package eventlog

import (
	"context"
	"log/slog"

	"goservice.dev/operator/workload/examples/orders/app"
)

// Publisher is an app.EventPublisher.
type Publisher struct{ logger *slog.Logger }

// New publishes to the logger at the level of info.
func New(logger *slog.Logger) *Publisher { return &Publisher{logger: logger} }

// Publish is app.EventPublisher's.
func (p *Publisher) Publish(ctx context.Context, events []app.Event) ([]app.Event, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, event := range events {
		p.logger.LogAttrs(ctx, slog.LevelInfo, event.Type, slog.String("event", event.ID), slog.String("order", event.Order.ID),
			slog.String("item", event.Order.Item), slog.Int("quantity", event.Order.Quantity), slog.Int("version", event.Order.Version))
	}
	return events, nil
}
