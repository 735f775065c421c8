// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package app

import (
	"context"
	"time"
)

// OrderRepository keeps orders. Its methods may be called at the same time, by several processes that share one store.
type OrderRepository interface {
	// Add stores the order and puts the event into the outbox, both or neither. If there is an order with this id already,
	// nothing changes, and Add returns that order.
	Add(ctx context.Context, order Order, event Event) (stored Order, err error)
	// Find returns ErrNotFound if no order has the id.
	Find(ctx context.Context, id string) (Order, error)
	// Change passes the stored order to change while nobody else can change it, stores what change makes of it, and puts the
	// event into the outbox, both or neither. If change returns no event, nothing is stored. It returns the order as it is
	// then, ErrNotFound if no order has the id, or the error of change.
	Change(ctx context.Context, id string, change func(*Order) (*Event, error)) (Order, error)
}

// Outbox holds the events of stored orders until they are published. Several processes may relay from one outbox.
type Outbox interface {
	// Relay passes up to limit events to publish, and removes those that publish confirms. Of each order it takes only the
	// oldest event, and none while another process holds that one, so the events of an order are published in their order.
	// An event whose confirmation is lost is taken again. It returns how many events were removed.
	Relay(ctx context.Context, limit int, publish func(context.Context, []Event) (confirmed []Event, err error)) (int, error)
	// Waiting returns how many events there are, those that are being relayed included.
	Waiting(ctx context.Context) (int, error)
}

// EventPublisher tells others what happened to orders.
type EventPublisher interface {
	// Publish returns the events that are safely published, and an error if these are not all. Consumers may see an event
	// more than once, and recognize it by its ID.
	Publish(ctx context.Context, events []Event) (confirmed []Event, err error)
}

// IdempotencyKeys remember which order a client's key stands for.
type IdempotencyKeys interface {
	// Reserve keeps the reservation under the key for KeyLifetime, unless one is kept already, and returns the one that is.
	// Callers at the same time all get the same one.
	Reserve(ctx context.Context, key string, wanted Reservation) (kept Reservation, err error)
}

// KeyLifetime is how long a client may repeat a request with the same idempotency key.
const KeyLifetime = 24 * time.Hour

// Reservation of an order's id for a draft.
type Reservation struct {
	OrderID string
	// Draft is a digest of the draft.
	Draft string
}

// Types of events.
const (
	OrderPlaced   = "order.placed"
	OrderCanceled = "order.canceled"
)

// Event says what happened to an order.
type Event struct {
	// ID is the same each time the event is published.
	ID   string
	Type string
	// Order as it was after the event.
	Order Order
	At    time.Time
	// Headers travel with the event, such as the trace context of the request that caused it. Repositories set them.
	Headers map[string]string
}
