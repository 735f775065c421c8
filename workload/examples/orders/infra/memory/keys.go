// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package memory

import (
	"context"
	"sync"
	"time"

	"goservice.dev/operator/workload/examples/orders/app"
)

// maxKeys bounds the memory: the oldest keys are forgotten.
const maxKeys = 100_000

// Keys are app.IdempotencyKeys.
type Keys struct {
	mu    sync.Mutex
	kept  map[string]app.Reservation
	queue []expiry // in the order of Reserve, and so of their ends
}

type expiry struct {
	key string
	at  time.Time
}

// NewKeys makes an empty store.
func NewKeys() *Keys { return &Keys{kept: map[string]app.Reservation{}} }

// Reserve is app.IdempotencyKeys'.
func (k *Keys) Reserve(ctx context.Context, key string, wanted app.Reservation) (app.Reservation, error) {
	if err := ctx.Err(); err != nil {
		return app.Reservation{}, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	for len(k.queue) > 0 && (len(k.queue) >= maxKeys || !k.queue[0].at.After(now)) {
		delete(k.kept, k.queue[0].key)
		k.queue = k.queue[1:]
	}
	if kept, ok := k.kept[key]; ok {
		return kept, nil
	}
	k.kept[key] = wanted
	k.queue = append(k.queue, expiry{key, now.Add(app.KeyLifetime)})
	return wanted, nil
}
