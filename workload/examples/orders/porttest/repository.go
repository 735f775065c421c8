// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package porttest says what the ports demand of each adapter: the same tests run against those that keep everything in memory and
// against those on real servers.
package porttest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"goservice.dev/operator/workload/examples/orders/app"
)

// Store of orders and their events.
type Store interface {
	app.OrderRepository
	app.Outbox
}

// Orders tests a repository and its outbox; open returns an empty one.
func Orders(t *testing.T, open func(t *testing.T) Store) {
	for name, test := range map[string]func(*testing.T, Store){
		"an order is found as it was stored":                       foundAsStored,
		"an order of the same id is not stored twice":              notStoredTwice,
		"callers at the same time store one order":                 oneOrderOfMany,
		"what is not there is not found":                           notFound,
		"a change is stored with its event":                        changeIsStored,
		"a change that fails or changes nothing leaves no trace":   changeThatFails,
		"changes at the same time come one after another":          changesInARow,
		"a call whose context has ended changes nothing":           endedContext,
		"events are published until they are confirmed":            untilConfirmed,
		"only confirmed events are removed":                        onlyConfirmed,
		"of each order only the oldest event is published":         oldestOnly,
		"no other relay overtakes one that holds an order's event": noOvertaking,
		"relays share the events of many orders":                   sharedAmongRelays,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func newOrder(t *testing.T) app.Order {
	t.Helper()
	return app.Order{
		ID: newID(t), Item: "a book — «1 ½ §»", Quantity: 3, Status: app.Placed, Version: 1,
		PlacedAt: time.Date(2026, 3, 29, 1, 59, 59, 123456000, time.UTC),
	}
}

func newID(t *testing.T) string {
	t.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	return id.String()
}

func placed(t *testing.T, order app.Order) app.Event {
	t.Helper()
	return app.Event{ID: newID(t), Type: app.OrderPlaced, Order: order, At: order.PlacedAt}
}

// add stores a new order with its event.
func add(t *testing.T, store Store) (app.Order, app.Event) {
	t.Helper()
	order := newOrder(t)
	event := placed(t, order)
	if _, err := store.Add(t.Context(), order, event); err != nil {
		t.Fatal(err)
	}
	return order, event
}

// bump changes the order's quantity and returns the event of that.
func bump(t *testing.T, store Store, id string) app.Event {
	t.Helper()
	event := app.Event{ID: newID(t), Type: "order.changed", At: time.Now().UTC().Truncate(time.Microsecond)}
	_, err := store.Change(t.Context(), id, func(order *app.Order) (*app.Event, error) {
		order.Quantity++
		order.Version++
		event.Order = *order
		return &event, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return event
}

func foundAsStored(t *testing.T, store Store) {
	order, _ := add(t, store)
	found, err := store.Find(t.Context(), order.ID)
	if err != nil || found != order {
		t.Errorf("found %+v, %v; stored was %+v", found, err, order)
	}
}

func notStoredTwice(t *testing.T, store Store) {
	order, _ := add(t, store)
	other := order
	other.Item = "another"
	stored, err := store.Add(t.Context(), other, placed(t, other))
	if err != nil || stored != order {
		t.Errorf("stored %+v, %v; want the first, %+v", stored, err, order)
	}
	waits(t, store, 1)
}

func oneOrderOfMany(t *testing.T, store Store) {
	order := newOrder(t)
	var callers sync.WaitGroup
	for i := range 20 {
		mine := order
		mine.Quantity = i + 1
		event := placed(t, mine)
		callers.Go(func() {
			stored, err := store.Add(t.Context(), mine, event)
			found, err2 := store.Find(t.Context(), order.ID)
			if err := errors.Join(err, err2); err != nil || stored != found {
				t.Errorf("Add returned %+v, there is %+v, %v", stored, found, err)
			}
		})
	}
	callers.Wait()
	waits(t, store, 1)
}

func notFound(t *testing.T, store Store) {
	order, _ := add(t, store)
	otherForms := []string{strings.ToUpper(order.ID), strings.ReplaceAll(order.ID, "-", ""), "{" + order.ID + "}", "urn:uuid:" + order.ID}
	for _, id := range append(otherForms, newID(t), "", "7", "'; DROP TABLE orders", "\x00") {
		if _, err := store.Find(t.Context(), id); !errors.Is(err, app.ErrNotFound) {
			t.Errorf("Find(%q): %v", id, err)
		}
		_, err := store.Change(t.Context(), id, func(*app.Order) (*app.Event, error) { panic("there is nothing to change") })
		if !errors.Is(err, app.ErrNotFound) {
			t.Errorf("Change(%q): %v", id, err)
		}
	}
}

func changeIsStored(t *testing.T, store Store) {
	order, first := add(t, store)
	second := bump(t, store, order.ID)
	found, err := store.Find(t.Context(), order.ID)
	if err != nil || found != second.Order || found.Quantity != order.Quantity+1 {
		t.Errorf("found %+v, %v", found, err)
	}
	if got := relayAll(t, store); len(got) != 2 || got[0].ID != first.ID || got[1].ID != second.ID || got[1].Order != found {
		t.Errorf("published: %+v", got)
	}
}

func changeThatFails(t *testing.T, store Store) {
	order, _ := add(t, store)
	broken := errors.New("broken")
	for _, failure := range []error{broken, nil} {
		_, err := store.Change(t.Context(), order.ID, func(order *app.Order) (*app.Event, error) {
			order.Quantity = 99
			return nil, failure
		})
		if !errors.Is(err, failure) {
			t.Errorf("Change returned %v, want %v", err, failure)
		}
		if found, err := store.Find(t.Context(), order.ID); err != nil || found != order {
			t.Errorf("found %+v, %v", found, err)
		}
	}
	waits(t, store, 1)
}

func changesInARow(t *testing.T, store Store) {
	order, _ := add(t, store)
	var callers sync.WaitGroup
	const changes = 20
	for range changes {
		callers.Go(func() { bump(t, store, order.ID) })
	}
	callers.Wait()
	found, err := store.Find(t.Context(), order.ID)
	if err != nil || found.Quantity != order.Quantity+changes {
		t.Errorf("found %+v, %v", found, err)
	}
	for i, event := range relayAll(t, store) {
		if event.Order.Version != i+1 {
			t.Errorf("event %d is of version %d", i, event.Order.Version)
		}
	}
}

func endedContext(t *testing.T, store Store) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	order := newOrder(t)
	if _, err := store.Add(ended, order, placed(t, order)); !errors.Is(err, context.Canceled) {
		t.Errorf("Add returned %v", err)
	}
	if _, err := store.Find(t.Context(), order.ID); !errors.Is(err, app.ErrNotFound) {
		t.Errorf("Find returned %v", err)
	}
	waits(t, store, 0)
}

func waits(t *testing.T, store Store, want int) {
	t.Helper()
	if got, err := store.Waiting(t.Context()); err != nil || got != want {
		t.Errorf("%d events wait, %v; want %d", got, err, want)
	}
}
