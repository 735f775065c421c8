// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package redis keeps idempotency keys in Redis 7 or later.
package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/extra/redisotel/v9"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/trace"

	"goservice.dev/operator/workload/examples/orders/app"
)

const prefix = "orders:idempotency:"

// Keys are app.IdempotencyKeys. They are as durable as the Redis: one that forgets them, as a replica may that takes over, lets a
// request that is repeated after that place a second order.
type Keys struct{ client *redis.Client }

// Open does not connect yet. The URL is redis://user:password@host:6379/0, or rediss:// for TLS, with go-redis' settings.
func Open(url string, traces trace.TracerProvider) (*Keys, error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, errors.New("must be a Redis URL such as redis://user:password@host:6379/0") // it and the cause may hold a password
	}
	client := redis.NewClient(options)
	if err := redisotel.InstrumentTracing(client, redisotel.WithTracerProvider(traces), redisotel.WithDBStatement(false)); err != nil {
		return nil, fmt.Errorf("tracing Redis: %w", err)
	}
	return &Keys{client: client}, nil
}

// Close the connections.
func (k *Keys) Close() error { return k.client.Close() }

// Reserve is app.IdempotencyKeys'. It is one command, so a repetition by the client library finds what it has set itself.
func (k *Keys) Reserve(ctx context.Context, key string, wanted app.Reservation) (app.Reservation, error) {
	kept, err := k.client.SetArgs(ctx, prefix+key, wanted.OrderID+" "+wanted.Draft,
		redis.SetArgs{Mode: "NX", Get: true, TTL: app.KeyLifetime}).Result()
	if errors.Is(err, redis.Nil) { // there was none
		return wanted, nil
	}
	if err != nil {
		return app.Reservation{}, fmt.Errorf("setting the key: %w", err)
	}
	id, draft, ok := strings.Cut(kept, " ")
	if !ok {
		return app.Reservation{}, fmt.Errorf("the key's value in Redis is no reservation")
	}
	return app.Reservation{OrderID: id, Draft: draft}, nil
}
