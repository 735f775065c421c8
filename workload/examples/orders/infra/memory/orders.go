// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package memory keeps orders, their events, and idempotency keys for as long as the process lives. It is for development and tests:
// another instance knows nothing of them.
package memory

import (
	"context"
	"maps"
	"sync"

	"goservice.dev/operator/workload/examples/orders/app"
	"goservice.dev/operator/workload/examples/orders/infra/tracing"
)

// maxOrders bounds the memory: the oldest orders are forgotten.
const maxOrders = 10_000

// Orders is an app.OrderRepository and its app.Outbox.
type Orders struct {
	mu     sync.Mutex
	orders map[string]app.Order
	ids    []string // in the order of Add
	outbox []app.Event
	taken  map[string]bool // orders whose event is being relayed
}

// NewOrders makes an empty store.
func NewOrders() *Orders {
	return &Orders{orders: map[string]app.Order{}, taken: map[string]bool{}}
}

// Add is app.OrderRepository's.
func (o *Orders) Add(ctx context.Context, order app.Order, event app.Event) (app.Order, error) {
	if err := ctx.Err(); err != nil {
		return app.Order{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if stored, ok := o.orders[order.ID]; ok {
		return stored, nil
	}
	if len(o.ids) == maxOrders {
		delete(o.orders, o.ids[0])
		o.ids = o.ids[1:]
	}
	o.orders[order.ID] = order
	o.ids = append(o.ids, order.ID)
	o.put(ctx, event)
	return order, nil
}

// Find is app.OrderRepository's.
func (o *Orders) Find(ctx context.Context, id string) (app.Order, error) {
	if err := ctx.Err(); err != nil {
		return app.Order{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	order, ok := o.orders[id]
	if !ok {
		return app.Order{}, app.ErrNotFound
	}
	return order, nil
}

// Change is app.OrderRepository's.
func (o *Orders) Change(ctx context.Context, id string, change func(*app.Order) (*app.Event, error)) (app.Order, error) {
	if err := ctx.Err(); err != nil {
		return app.Order{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	stored, ok := o.orders[id]
	if !ok {
		return app.Order{}, app.ErrNotFound
	}
	changed := stored
	event, err := change(&changed)
	if err != nil {
		return app.Order{}, err
	}
	if event == nil {
		return stored, nil
	}
	o.orders[id] = changed
	o.put(ctx, *event)
	return changed, nil
}

func (o *Orders) put(ctx context.Context, event app.Event) {
	event.Headers = tracing.Headers(ctx)
	o.outbox = append(o.outbox, event)
}

// Relay is app.Outbox's.
func (o *Orders) Relay(ctx context.Context, limit int, publish func(context.Context, []app.Event) ([]app.Event, error)) (int, error) {
	events := o.take(limit)
	if len(events) == 0 {
		return 0, ctx.Err()
	}
	confirmed, err := publish(ctx, events)
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, event := range events {
		delete(o.taken, event.Order.ID)
	}
	done := map[string]bool{}
	for _, event := range confirmed {
		done[event.ID] = true
	}
	kept := o.outbox[:0:0]
	for _, event := range o.outbox {
		if !done[event.ID] {
			kept = append(kept, event)
		}
	}
	o.outbox = kept
	return len(confirmed), err
}

// take marks the oldest event of each order.
func (o *Orders) take(limit int) []app.Event {
	o.mu.Lock()
	defer o.mu.Unlock()
	var events []app.Event
	held := maps.Clone(o.taken)
	for _, event := range o.outbox {
		if len(events) == limit {
			break
		}
		if !held[event.Order.ID] {
			held[event.Order.ID] = true
			events = append(events, event)
		}
	}
	for _, event := range events {
		o.taken[event.Order.ID] = true
	}
	return events
}

// Waiting is app.Outbox's.
func (o *Orders) Waiting(ctx context.Context) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.outbox), ctx.Err()
}
