// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package porttest

import (
	"context"
	"errors"
	"sync"
	"testing"

	"goservice.dev/operator/workload/examples/orders/app"
)

const limit = 10

func confirmAll(_ context.Context, events []app.Event) ([]app.Event, error) { return events, nil }

// relayAll returns what is published until the outbox is empty.
func relayAll(t *testing.T, store Store) (published []app.Event) {
	t.Helper()
	for {
		removed, err := store.Relay(t.Context(), limit, func(_ context.Context, events []app.Event) ([]app.Event, error) {
			published = append(published, events...)
			return events, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if removed == 0 {
			return published
		}
	}
}

func untilConfirmed(t *testing.T, store Store) {
	_, event := add(t, store)
	away := errors.New("the broker is away")
	for range 2 {
		removed, err := store.Relay(t.Context(), limit, func(_ context.Context, events []app.Event) ([]app.Event, error) {
			if len(events) != 1 || events[0].ID != event.ID {
				t.Errorf("to publish: %+v", events)
			}
			return nil, away
		})
		if removed != 0 || !errors.Is(err, away) {
			t.Errorf("Relay returned %d, %v", removed, err)
		}
		waits(t, store, 1)
	}
	removed, err := store.Relay(t.Context(), limit, confirmAll)
	if removed != 1 || err != nil {
		t.Errorf("Relay returned %d, %v", removed, err)
	}
	waits(t, store, 0)
	removed, err = store.Relay(t.Context(), limit, func(context.Context, []app.Event) ([]app.Event, error) {
		t.Error("there is nothing to publish")
		return nil, nil
	})
	if removed != 0 || err != nil {
		t.Errorf("Relay returned %d, %v", removed, err)
	}
}

func onlyConfirmed(t *testing.T, store Store) {
	_, first := add(t, store)
	_, second := add(t, store)
	_, third := add(t, store)
	full := errors.New("the disk is full")
	removed, err := store.Relay(t.Context(), limit, func(_ context.Context, events []app.Event) ([]app.Event, error) {
		if len(events) != 3 || events[1].ID != second.ID {
			t.Fatalf("to publish: %+v", events)
		}
		return []app.Event{events[0], events[2]}, full
	})
	if removed != 2 || !errors.Is(err, full) {
		t.Errorf("Relay returned %d, %v", removed, err)
	}
	if left := relayAll(t, store); len(left) != 1 || left[0].ID != second.ID {
		t.Errorf("left are %+v; not %s and %s", left, first.ID, third.ID)
	}
}

func oldestOnly(t *testing.T, store Store) {
	order, first := add(t, store)
	second := bump(t, store, order.ID)
	var passes [][]app.Event
	for range 2 {
		removed, err := store.Relay(t.Context(), limit, func(_ context.Context, events []app.Event) ([]app.Event, error) {
			passes = append(passes, events)
			return events, nil
		})
		if removed != 1 || err != nil {
			t.Fatalf("Relay returned %d, %v", removed, err)
		}
	}
	if passes[0][0].ID != first.ID || passes[1][0].ID != second.ID {
		t.Errorf("published %+v", passes)
	}
}

func noOvertaking(t *testing.T, store Store) {
	held, first := add(t, store)
	later := bump(t, store, held.ID)
	_, other := add(t, store)
	removed, err := store.Relay(t.Context(), 1, func(_ context.Context, events []app.Event) ([]app.Event, error) {
		if events[0].ID != first.ID {
			t.Fatalf("the oldest event is %+v", events[0])
		}
		// Another process relays meanwhile.
		if others := relayAll(t, store); len(others) != 1 || others[0].ID != other.ID {
			t.Errorf("published meanwhile: %+v", others)
		}
		return events, nil
	})
	if removed != 1 || err != nil {
		t.Errorf("Relay returned %d, %v", removed, err)
	}
	if left := relayAll(t, store); len(left) != 1 || left[0].ID != later.ID {
		t.Errorf("left are %+v", left)
	}
}

func sharedAmongRelays(t *testing.T, store Store) {
	const orders, changes = 12, 5
	for range orders {
		order, _ := add(t, store)
		for range changes - 1 {
			bump(t, store, order.ID)
		}
	}
	var mu sync.Mutex
	versions := map[string]int{}
	published := 0
	var relays sync.WaitGroup
	for range 4 {
		relays.Go(func() {
			for {
				_, err := store.Relay(t.Context(), 3, func(_ context.Context, events []app.Event) ([]app.Event, error) {
					mu.Lock()
					defer mu.Unlock()
					for _, event := range events {
						if event.Order.Version != versions[event.Order.ID]+1 {
							t.Errorf("version %d of an order came after %d", event.Order.Version, versions[event.Order.ID])
						}
						versions[event.Order.ID] = event.Order.Version
						published++
					}
					return events, nil
				})
				waiting, err2 := store.Waiting(t.Context())
				if err := errors.Join(err, err2); err != nil {
					t.Error(err)
					return
				}
				if waiting == 0 {
					return
				}
			}
		})
	}
	relays.Wait()
	if published != orders*changes {
		t.Errorf("%d events were published, want %d", published, orders*changes)
	}
}
