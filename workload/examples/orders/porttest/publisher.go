// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package porttest

import (
	"context"
	"errors"
	"testing"

	"goservice.dev/operator/workload/examples/orders/app"
)

// Seen is what a consumer learns of an event.
type Seen struct {
	ID, Type, OrderID, Item string
	Quantity, Version       int
}

// Publisher tests a publisher. Open also returns a function that reads as many events as it is asked for, from the first one on.
func Publisher(t *testing.T, open func(t *testing.T) (app.EventPublisher, func(t *testing.T, count int) []Seen)) {
	t.Run("a consumer sees the events of each order in their order", func(t *testing.T) {
		publisher, read := open(t)
		var published []app.Event
		for version := 1; version <= 3; version++ {
			var batch []app.Event
			for _, id := range []string{"01996b9c-0000-7000-8000-000000000001", "01996b9c-0000-7000-8000-000000000002"} {
				order := newOrder(t)
				order.ID, order.Version = id, version
				batch = append(batch, placed(t, order))
			}
			confirmed, err := publisher.Publish(t.Context(), batch)
			if err != nil || len(confirmed) != len(batch) {
				t.Fatalf("%d of %d are confirmed, %v", len(confirmed), len(batch), err)
			}
			published = append(published, batch...)
		}
		byOrder := map[string][]Seen{}
		for _, seen := range read(t, len(published)) {
			byOrder[seen.OrderID] = append(byOrder[seen.OrderID], seen)
		}
		for _, event := range published {
			seen := byOrder[event.Order.ID]
			if len(seen) == 0 {
				t.Fatalf("event %s is missing", event.ID)
			}
			byOrder[event.Order.ID] = seen[1:]
			want := Seen{event.ID, event.Type, event.Order.ID, event.Order.Item, event.Order.Quantity, event.Order.Version}
			if seen[0] != want {
				t.Errorf("a consumer sees %+v, want %+v", seen[0], want)
			}
		}
	})
	t.Run("nothing is confirmed after the context has ended", func(t *testing.T) {
		publisher, _ := open(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		confirmed, err := publisher.Publish(ctx, []app.Event{placed(t, newOrder(t))})
		if len(confirmed) != 0 || !errors.Is(err, context.Canceled) {
			t.Errorf("%d are confirmed, %v", len(confirmed), err)
		}
	})
}
