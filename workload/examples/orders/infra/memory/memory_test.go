// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package memory

import (
	"testing"
	"testing/synctest"
	"time"

	"goservice.dev/operator/workload/examples/orders/app"
	"goservice.dev/operator/workload/examples/orders/porttest"
)

func TestOrdersKeepTheContract(t *testing.T) {
	porttest.Orders(t, func(*testing.T) porttest.Store { return NewOrders() })
}

func TestKeysKeepTheContract(t *testing.T) {
	porttest.Keys(t, func(*testing.T) app.IdempotencyKeys { return NewKeys() })
}

func TestAKeyIsForgottenAfterItsLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := NewKeys()
		first, second := app.Reservation{OrderID: "1"}, app.Reservation{OrderID: "2"}
		for _, c := range []struct {
			wait         time.Duration
			wanted, kept app.Reservation
		}{
			{0, first, first},
			{app.KeyLifetime - time.Second, second, first},
			{time.Second, second, second},
		} {
			time.Sleep(c.wait)
			if kept, err := keys.Reserve(t.Context(), "key", c.wanted); err != nil || kept != c.kept {
				t.Errorf("after %s: kept is %+v, %v", c.wait, kept, err)
			}
		}
	})
}

func TestTheOldestOrdersAndKeysAreForgotten(t *testing.T) {
	orders, keys := NewOrders(), NewKeys()
	id := func(i int) string { return time.Duration(i).String() }
	for i := range maxOrders + 1 {
		order := app.Order{ID: id(i)}
		if _, err := orders.Add(t.Context(), order, app.Event{Order: order}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := orders.Find(t.Context(), id(0)); err == nil || len(orders.orders) != maxOrders {
		t.Errorf("%d orders are kept", len(orders.orders))
	}
	for i := range maxKeys + 1 {
		if _, err := keys.Reserve(t.Context(), id(i), app.Reservation{OrderID: id(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if len(keys.kept) != maxKeys || len(keys.queue) != maxKeys {
		t.Errorf("%d keys are kept", len(keys.kept))
	}
}
