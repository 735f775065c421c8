// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// Orders are the use cases.
type Orders struct {
	repository OrderRepository
	keys       IdempotencyKeys
	changed    func()
}

// NewOrders calls changed after each change, which has put an event into the outbox.
func NewOrders(repository OrderRepository, keys IdempotencyKeys, changed func()) *Orders {
	return &Orders{repository: repository, keys: keys, changed: changed}
}

// Place stores a new order. With a key, a client may repeat the call as often as it wants, at any process and at the same time:
// there will be one order, which all calls return. The errors of the input are *InvalidError and ErrKeyReused; after any other
// error the order may have been placed, and only a repetition with the same key tells.
func (o *Orders) Place(ctx context.Context, draft Draft, key string) (Order, error) {
	if err := draft.check(); err != nil {
		return Order{}, err
	}
	if err := checkKey(key); err != nil {
		return Order{}, err
	}
	id, err := newID()
	if err != nil {
		return Order{}, err
	}
	if key != "" {
		// The id is fixed before anything is stored. Whoever repeats the request, after a crash at any point, stores an order
		// of the same id, and the repository has one of each.
		wanted := Reservation{OrderID: id, Draft: draft.digest()}
		kept, err := o.keys.Reserve(ctx, key, wanted)
		if err != nil {
			return Order{}, fmt.Errorf("reserving the idempotency key: %w", err)
		}
		if kept.Draft != wanted.Draft {
			return Order{}, ErrKeyReused
		}
		id = kept.OrderID
	}
	order := Order{ID: id, Item: draft.Item, Quantity: draft.Quantity, Status: Placed, Version: 1, PlacedAt: now()}
	event, err := newEvent(OrderPlaced, order)
	if err != nil {
		return Order{}, err
	}
	stored, err := o.repository.Add(ctx, order, event)
	if err != nil {
		return Order{}, fmt.Errorf("storing the order: %w", err)
	}
	o.changed()
	return stored, nil
}

// Find returns ErrNotFound if no order has the id.
func (o *Orders) Find(ctx context.Context, id string) (Order, error) {
	return o.repository.Find(ctx, id)
}

// Cancel does nothing if the order is canceled already, and returns ErrNotFound if no order has the id.
func (o *Orders) Cancel(ctx context.Context, id string) (Order, error) {
	order, err := o.repository.Change(ctx, id, func(order *Order) (*Event, error) {
		if order.Status == Canceled {
			return nil, nil
		}
		order.Status = Canceled
		order.Version++
		event, err := newEvent(OrderCanceled, *order)
		return &event, err
	})
	if err != nil {
		return Order{}, fmt.Errorf("canceling the order: %w", err)
	}
	o.changed()
	return order, nil
}

func (d Draft) digest() string {
	sum := sha256.Sum256([]byte(strconv.Itoa(d.Quantity) + " " + d.Item))
	return hex.EncodeToString(sum[:])
}

func newEvent(kind string, order Order) (Event, error) {
	id, err := newID()
	return Event{ID: id, Type: kind, Order: order, At: now()}, err
}

// now has no more precision than every adapter keeps.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// newID sorts by time, so that new rows are neighbors in the database's index.
func newID() (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("making an id: %w", err)
	}
	return id.String(), nil
}
