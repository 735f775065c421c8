// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"log/slog"
	"math"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"goservice.dev/operator/workload/examples/orders/app"
	"goservice.dev/operator/workload/examples/orders/infra/eventlog"
	"goservice.dev/operator/workload/examples/orders/infra/httpapi"
	"goservice.dev/operator/workload/examples/orders/infra/kafka"
	"goservice.dev/operator/workload/examples/orders/infra/memory"
	"goservice.dev/operator/workload/examples/orders/infra/postgres"
	"goservice.dev/operator/workload/examples/orders/infra/redis"
	"goservice.dev/operator/workload/examples/orders/infra/rpcapi"
	"goservice.dev/operator/workload/service"
	"goservice.dev/operator/workload/telemetry"
)

const (
	// flushTimeout is how long the last events may take after the last request. What is left then stays in the database for
	// another instance.
	flushTimeout  = 3 * time.Second
	sweepInterval = 10 * time.Minute
	migrateRetry  = time.Second
	countTimeout  = time.Second
)

// adapters for the ports. Nothing connects before the service starts.
type adapters struct {
	repository app.OrderRepository
	outbox     app.Outbox
	keys       app.IdempotencyKeys
	publisher  app.EventPublisher
}

// wire passes the adapters that the configuration names to the use cases, and those to the service's routes.
func wire(svc *service.Service, c config) (*app.Relay, error) {
	a, err := adapt(svc, c)
	if err != nil {
		return nil, err
	}
	logger := svc.Logger()
	relay := app.NewRelay(a.outbox, a.publisher, func(err error) { logger.Error("events wait in the outbox", "error", err) })
	orders := app.NewOrders(a.repository, a.keys, relay.Wake)
	httpapi.Register(svc, orders, func(r *http.Request, err error) {
		logger.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	})
	rpcapi.Register(svc, orders, func(ctx context.Context, procedure string, err error) {
		logger.ErrorContext(ctx, "call failed", "procedure", procedure, "error", err)
	})
	svc.Go("relay", func(ctx context.Context) error {
		relay.Run(ctx)
		// What the last requests left in the outbox is published first.
		ctx, cancel := context.WithTimeout(service.WhileDraining(ctx), flushTimeout)
		defer cancel()
		return relay.Flush(ctx)
	}, service.StopLast())
	svc.Metrics().MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "orders_events_published_total", Help: "Events that were published.",
	}, func() float64 { return float64(relay.Published()) }), prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "orders_events_waiting", Help: "Events in the outbox, which all instances share; NaN if the database does not answer.",
	}, func() float64 { return waiting(a.outbox) }))
	return relay, nil
}

func adapt(svc *service.Service, c config) (a adapters, err error) {
	traces := svc.TracerProvider()
	if c.DatabaseURL == "" {
		orders := memory.NewOrders()
		a = adapters{orders, orders, memory.NewKeys(), nil}
	} else {
		store, err := postgres.Open(context.Background(), c.DatabaseURL, traces)
		if err != nil {
			return a, unusable("ORDERS_DATABASE_URL", err)
		}
		a = adapters{store, store, store, nil}
		svc.Metrics().MustRegister(telemetry.PGXPool("orders", store.Pool()))
		svc.OnStop("database", func(context.Context) error { store.Close(); return nil })
		// Only at the start: if an instance left the Service whenever the database is away, all would leave at once.
		svc.OnStart("migrations", func(ctx context.Context) error { return untilDone(ctx, svc.Logger(), store.Migrate) })
		svc.Go("sweep", func(ctx context.Context) error { return sweep(ctx, svc.Logger(), store.Sweep) })
	}
	if c.RedisURL != "" {
		keys, err := redis.Open(c.RedisURL, traces)
		if err != nil {
			return a, unusable("ORDERS_REDIS_URL", err)
		}
		a.keys = keys
		svc.OnStop("redis", func(context.Context) error { return keys.Close() })
	}
	if len(c.KafkaBrokers) == 0 {
		a.publisher = eventlog.New(svc.Logger())
		return a, nil
	}
	publisher, err := kafka.NewPublisher(c.KafkaBrokers, c.KafkaTopic, svc.Config().Name, traces)
	if err != nil {
		return a, unusable("ORDERS_KAFKA_BROKERS", err)
	}
	a.publisher = publisher
	svc.OnStop("kafka", func(context.Context) error { publisher.Close(); return nil })
	return a, nil
}

// untilDone lets an instance wait for its database instead of crashing.
func untilDone(ctx context.Context, logger *slog.Logger, migrate func(context.Context) error) error {
	for {
		err := migrate(ctx)
		if err == nil {
			return nil
		}
		logger.Warn("the database is not ready", "error", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(migrateRetry):
		}
	}
}

func sweep(ctx context.Context, logger *slog.Logger, expired func(context.Context) error) error {
	ticker := time.NewTicker(sweepInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
			if err := expired(ctx); err != nil {
				logger.Warn("expired idempotency keys are kept", "error", err)
			}
		}
	}
}

// waiting is asked by each scrape.
func waiting(outbox app.Outbox) float64 {
	ctx, cancel := context.WithTimeout(context.Background(), countTimeout)
	defer cancel()
	count, err := outbox.Waiting(ctx)
	if err != nil {
		return math.NaN()
	}
	return float64(count)
}
