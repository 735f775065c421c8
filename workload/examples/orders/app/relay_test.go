// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package app_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goservice.dev/operator/workload/examples/orders/app"
	"goservice.dev/operator/workload/examples/orders/infra/memory"
)

// broker is one that may be away.
type broker struct {
	mu    sync.Mutex
	away  bool
	tried []time.Duration
	began time.Time
	got   []string
}

func (b *broker) Publish(_ context.Context, events []app.Event) ([]app.Event, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tried = append(b.tried, time.Since(b.began))
	if b.away {
		return nil, errors.New("the broker is away")
	}
	for _, event := range events {
		b.got = append(b.got, event.ID)
	}
	return events, nil
}

// seen returns when it was asked, and what it has got.
func (b *broker) seen() (tried []time.Duration, got []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.tried), slices.Clone(b.got)
}

func (b *broker) goes(away bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away = away
}

func put(t *testing.T, store *memory.Orders, id string) {
	t.Helper()
	order := app.Order{ID: id}
	if _, err := store.Add(t.Context(), order, app.Event{ID: id, Order: order}); err != nil {
		t.Fatal(err)
	}
}

func TestAnEventIsPublishedAtOnceOrSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, b := memory.NewOrders(), &broker{began: time.Now()}
		relay := app.NewRelay(store, b, func(err error) { t.Error(err) })
		ctx, cancel := context.WithCancel(t.Context())
		go relay.Run(ctx)
		synctest.Wait()
		time.Sleep(100 * time.Millisecond)
		put(t, store, "own")
		relay.Wake()
		relay.Wake()
		synctest.Wait()
		put(t, store, "of another process") // which tells nobody here
		time.Sleep(time.Second)
		synctest.Wait()
		tried, got := b.seen()
		if len(got) != 2 || tried[0] != 100*time.Millisecond || tried[1] != 1100*time.Millisecond || relay.Published() != 2 {
			t.Errorf("published %q at %s", got, tried)
		}
		cancel()
	})
}

func TestARelayAsksABrokerThatIsAwayLessAndLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, b := memory.NewOrders(), &broker{began: time.Now(), away: true}
		var failures atomic.Int32
		relay := app.NewRelay(store, b, func(error) { failures.Add(1) })
		ctx, cancel := context.WithCancel(t.Context())
		put(t, store, "1")
		go relay.Run(ctx)
		for range 60 {
			time.Sleep(time.Second)
			relay.Wake() // new orders are no reason to ask more
		}
		synctest.Wait()
		tried, _ := b.seen()
		// 0.1 + 0.2 + … + 6.4 s, then at most 10 s each, and at least half of that.
		if tries := len(tried); tries < 11 || tries > 18 || int(failures.Load()) != tries {
			t.Errorf("%d tries in a minute, %d failures: %s", tries, failures.Load(), tried)
		}
		if last := tried[len(tried)-1] - tried[len(tried)-2]; last < 5*time.Second || last > 10*time.Second {
			t.Errorf("the last wait was %s", last)
		}
		b.goes(false)
		time.Sleep(10 * time.Second)
		put(t, store, "2")
		relay.Wake()
		synctest.Wait()
		if _, got := b.seen(); len(got) != 2 {
			t.Errorf("published %q", got)
		}
		cancel()
	})
}

func TestAFlushPublishesAllOrSaysWhyNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, b := memory.NewOrders(), &broker{began: time.Now()}
		relay := app.NewRelay(store, b, func(err error) { t.Error(err) })
		for i := range 250 { // more than a batch
			put(t, store, time.Duration(i).String())
		}
		if err := relay.Flush(t.Context()); err != nil || len(b.got) != 250 {
			t.Errorf("published %d, %v", len(b.got), err)
		}
		put(t, store, "last")
		b.away = true
		if err := relay.Flush(t.Context()); err == nil {
			t.Error("a flush to a broker that is away reports success")
		}
	})
}

// stuck never answers.
type stuck struct{}

func (stuck) Publish(ctx context.Context, _ []app.Event) ([]app.Event, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestABatchIsBoundedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.NewOrders()
		put(t, store, "1")
		began := time.Now()
		err := app.NewRelay(store, stuck{}, nil).Flush(t.Context())
		if took := time.Since(began); took != 10*time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a batch took %s, %v", took, err)
		}
	})
}
