// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package porttest

import (
	"sync"
	"testing"

	"goservice.dev/operator/workload/examples/orders/app"
)

// Keys tests idempotency keys; open returns empty ones.
func Keys(t *testing.T, open func(t *testing.T) app.IdempotencyKeys) {
	t.Run("the first reservation is kept", func(t *testing.T) {
		keys := open(t)
		first := app.Reservation{OrderID: newID(t), Draft: "one"}
		for _, wanted := range []app.Reservation{first, {OrderID: newID(t), Draft: "one"}, {OrderID: newID(t), Draft: "two"}} {
			if kept, err := keys.Reserve(t.Context(), "key", wanted); err != nil || kept != first {
				t.Errorf("kept is %+v, %v; want %+v", kept, err, first)
			}
		}
		other := app.Reservation{OrderID: newID(t), Draft: "two"}
		if kept, err := keys.Reserve(t.Context(), "Key ", other); err != nil || kept != other {
			t.Errorf("another key keeps %+v, %v", kept, err)
		}
	})
	t.Run("callers at the same time get one reservation", func(t *testing.T) {
		keys := open(t)
		var mu sync.Mutex
		kept := map[app.Reservation]int{}
		var callers sync.WaitGroup
		for range 20 {
			wanted := app.Reservation{OrderID: newID(t), Draft: "one"}
			callers.Go(func() {
				got, err := keys.Reserve(t.Context(), "key", wanted)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				kept[got]++
				mu.Unlock()
			})
		}
		callers.Wait()
		if len(kept) != 1 {
			t.Errorf("kept are %v", kept)
		}
	})
}
