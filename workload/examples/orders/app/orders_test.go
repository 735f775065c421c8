// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package app_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"goservice.dev/operator/workload/examples/orders/app"
	"goservice.dev/operator/workload/examples/orders/infra/memory"
)

// shop is the use cases on stores that a test can look into.
type shop struct {
	*app.Orders
	store   *memory.Orders
	changes atomic.Int32
}

func newShop(repository func(*memory.Orders) app.OrderRepository) *shop {
	s := &shop{store: memory.NewOrders()}
	s.Orders = app.NewOrders(repository(s.store), memory.NewKeys(), func() { s.changes.Add(1) })
	return s
}

func plain(store *memory.Orders) app.OrderRepository { return store }

func (s *shop) events(t *testing.T) []app.Event {
	t.Helper()
	var events []app.Event
	for {
		taken, err := s.store.Relay(t.Context(), 10, func(_ context.Context, more []app.Event) ([]app.Event, error) {
			events = append(events, more...)
			return more, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if taken == 0 {
			return events
		}
	}
}

func TestAnOrderIsPlacedAndCanceledOnce(t *testing.T) {
	s := newShop(plain)
	placed, err := s.Place(t.Context(), app.Draft{Item: "book", Quantity: 2}, "")
	if err != nil || placed.Status != app.Placed || placed.Version != 1 || placed.PlacedAt.IsZero() {
		t.Fatalf("placed is %+v, %v", placed, err)
	}
	for range 2 {
		canceled, err := s.Cancel(t.Context(), placed.ID)
		if err != nil || canceled.Status != app.Canceled || canceled.Version != 2 {
			t.Errorf("canceled is %+v, %v", canceled, err)
		}
	}
	events := s.events(t)
	if len(events) != 2 || events[0].Type != app.OrderPlaced || events[1].Type != app.OrderCanceled || events[1].Order.Status != app.Canceled {
		t.Errorf("events: %+v", events)
	}
	if s.changes.Load() == 0 {
		t.Error("nobody was told of the changes")
	}
	if _, err := s.Cancel(t.Context(), "nonsense"); !errors.Is(err, app.ErrNotFound) {
		t.Errorf("Cancel returned %v", err)
	}
}

func TestOrdersWithoutAKeyAreDifferentOrders(t *testing.T) {
	s := newShop(plain)
	first, err1 := s.Place(t.Context(), app.Draft{Item: "book", Quantity: 2}, "")
	second, err2 := s.Place(t.Context(), app.Draft{Item: "book", Quantity: 2}, "")
	if errors.Join(err1, err2) != nil || first.ID == second.ID || first.ID > second.ID {
		t.Errorf("ids are %q and %q, %v, %v", first.ID, second.ID, err1, err2)
	}
}

func TestRepetitionsWithAKeyAreOneOrder(t *testing.T) {
	s := newShop(plain)
	var clients sync.WaitGroup
	ids := make([]string, 20)
	for i := range ids {
		clients.Go(func() {
			order, err := s.Place(t.Context(), app.Draft{Item: "book", Quantity: 2}, "key")
			if err != nil {
				t.Error(err)
			}
			ids[i] = order.ID
		})
	}
	clients.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("ids are %q", ids)
		}
	}
	if events := s.events(t); len(events) != 1 {
		t.Errorf("events: %+v", events)
	}
	if _, err := s.Place(t.Context(), app.Draft{Item: "book", Quantity: 3}, "key"); !errors.Is(err, app.ErrKeyReused) {
		t.Errorf("another draft with the key: %v", err)
	}
}

// unsure loses its answers, before or after the order is stored.
type unsure struct {
	app.OrderRepository
	before, after int
}

var errLost = errors.New("the connection is lost")

func (u *unsure) Add(ctx context.Context, order app.Order, event app.Event) (app.Order, error) {
	if u.before > 0 {
		u.before--
		return app.Order{}, errLost
	}
	stored, err := u.OrderRepository.Add(ctx, order, event)
	if u.after > 0 {
		u.after--
		return app.Order{}, errLost
	}
	return stored, err
}

func TestARepetitionAfterALostAnswerIsTheSameOrder(t *testing.T) {
	s := newShop(func(store *memory.Orders) app.OrderRepository { return &unsure{store, 1, 1} })
	for range 2 {
		if _, err := s.Place(t.Context(), app.Draft{Item: "book", Quantity: 2}, "key"); !errors.Is(err, errLost) {
			t.Fatalf("Place returned %v", err)
		}
	}
	order, err := s.Place(t.Context(), app.Draft{Item: "book", Quantity: 2}, "key")
	events := s.events(t)
	if err != nil || len(events) != 1 || events[0].Order.ID != order.ID {
		t.Errorf("order %+v, %v; events %+v", order, err, events)
	}
}

func TestBadInputIsRefusedByFieldAndRule(t *testing.T) {
	for name, c := range map[string]struct {
		draft       app.Draft
		key         string
		field, rule string
	}{
		"no item":          {app.Draft{Quantity: 1}, "", "item", "must not be empty"},
		"blank item":       {app.Draft{Item: " \t", Quantity: 1}, "", "item", "must not be empty"},
		"long item":        {app.Draft{Item: strings.Repeat("ö", app.MaxItemLength+1), Quantity: 1}, "", "item", "at most 200 characters, has 201"},
		"item of no text":  {app.Draft{Item: "a\xffb", Quantity: 1}, "", "item", "UTF-8"},
		"item with NUL":    {app.Draft{Item: "a\x00b", Quantity: 1}, "", "item", "NUL"}, // PostgreSQL stores none
		"no quantity":      {app.Draft{Item: "book"}, "", "quantity", "must be 1 to 1000, is 0"},
		"too many":         {app.Draft{Item: "book", Quantity: app.MaxQuantity + 1}, "", "quantity", "is 1001"},
		"long key":         {app.Draft{Item: "book", Quantity: 1}, strings.Repeat("k", app.MaxKeyLength+1), app.KeyField, "at most 255 bytes"},
		"unprintable key":  {app.Draft{Item: "book", Quantity: 1}, "ключ", app.KeyField, "printable ASCII"},
		"control sequence": {app.Draft{Item: "book", Quantity: 1}, "a\nb", app.KeyField, "printable ASCII"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(plain)
			_, err := s.Place(t.Context(), c.draft, c.key)
			var invalid *app.InvalidError
			if !errors.As(err, &invalid) || invalid.Field != c.field || !strings.Contains(invalid.Rule, c.rule) {
				t.Errorf("Place returned %v", err)
			}
			if events := s.events(t); len(events) != 0 {
				t.Errorf("events: %+v", events)
			}
		})
	}
	longest := app.Draft{Item: strings.Repeat("ö", app.MaxItemLength), Quantity: app.MaxQuantity}
	if _, err := newShop(plain).Place(t.Context(), longest, strings.Repeat("k", app.MaxKeyLength)); err != nil {
		t.Errorf("the longest input: %v", err)
	}
}
