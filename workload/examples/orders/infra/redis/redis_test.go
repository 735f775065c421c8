// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package redis

import (
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace/noop"

	"goservice.dev/operator/workload/examples/orders/app"
	"goservice.dev/operator/workload/examples/orders/internal/servers"
	"goservice.dev/operator/workload/examples/orders/porttest"
)

func TestKeys(t *testing.T) {
	url := servers.Redis(t)
	open := func(t *testing.T) *Keys {
		t.Helper()
		keys, err := Open(url, noop.NewTracerProvider())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = keys.Close() })
		if err := keys.client.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		return keys
	}
	t.Run("keep the contract", func(t *testing.T) {
		porttest.Keys(t, func(t *testing.T) app.IdempotencyKeys { return open(t) })
	})
	t.Run("live as long as they should, counted from the first request", func(t *testing.T) {
		keys := open(t)
		if _, err := keys.Reserve(t.Context(), "key", app.Reservation{OrderID: "1"}); err != nil {
			t.Fatal(err)
		}
		if left := keys.client.TTL(t.Context(), prefix+"key").Val(); left > app.KeyLifetime || left < app.KeyLifetime-time.Minute {
			t.Errorf("the key lives for %s", left)
		}
		if err := keys.client.Expire(t.Context(), prefix+"key", time.Hour).Err(); err != nil {
			t.Fatal(err)
		}
		if _, err := keys.Reserve(t.Context(), "key", app.Reservation{OrderID: "2"}); err != nil {
			t.Fatal(err)
		}
		if left := keys.client.TTL(t.Context(), prefix+"key").Val(); left > time.Hour {
			t.Errorf("a repetition prolonged the key to %s", left)
		}
	})
	t.Run("a value of somebody else is an error", func(t *testing.T) {
		keys := open(t)
		if err := keys.client.Set(t.Context(), prefix+"key", "nonsense", 0).Err(); err != nil {
			t.Fatal(err)
		}
		if kept, err := keys.Reserve(t.Context(), "key", app.Reservation{OrderID: "1"}); err == nil {
			t.Errorf("kept is %+v", kept)
		}
	})
}

func TestTheURLIsNotRepeated(t *testing.T) {
	_, err := Open("redis://orders:hunter2@cache:port/0", noop.NewTracerProvider())
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("Open returned %v", err)
	}
}
