// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package kafka publishes events to a topic of Kafka, and reads them from there.
package kafka

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kotel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"goservice.dev/operator/workload/examples/orders/app"
	"goservice.dev/operator/workload/examples/orders/infra/tracing"
)

// deliveryTimeout is shorter than the relay's time for a batch, so that the relay learns what became of each event.
const deliveryTimeout = 5 * time.Second

// Message is the value of a record. Its headers are those of a CloudEvent in Kafka's binary mode, its key is the order's ID.
type Message struct {
	OrderID  string     `json:"orderId"`
	Item     string     `json:"item"`
	Quantity int        `json:"quantity"`
	Status   app.Status `json:"status"`
	// Version lets a consumer drop an event that comes again after a later one.
	Version  int       `json:"version"`
	PlacedAt time.Time `json:"placedAt"`
}

// Publisher is an app.EventPublisher. A record counts as published when all in-sync replicas have it.
type Publisher struct {
	client *kgo.Client
	source string
}

// NewPublisher does not connect yet. The topic must exist. Source names the service in each event.
func NewPublisher(brokers []string, topic, source string, traces trace.TracerProvider, more ...kgo.Opt) (*Publisher, error) {
	options := append([]kgo.Opt{
		kgo.SeedBrokers(brokers...), kgo.DefaultProduceTopic(topic), kgo.ClientID(source),
		kgo.RecordDeliveryTimeout(deliveryTimeout), kgo.WithHooks(hooks(traces)...),
	}, more...)
	client, err := kgo.NewClient(options...)
	if err != nil {
		return nil, fmt.Errorf("making a Kafka client: %w", err)
	}
	return &Publisher{client: client, source: source}, nil
}

// hooks make spans of what is produced and consumed, and carry them in the records' headers.
func hooks(traces trace.TracerProvider) []kgo.Hook {
	tracer := kotel.NewTracer(kotel.TracerProvider(traces), kotel.TracerPropagator(propagation.TraceContext{}))
	return kotel.NewKotel(kotel.WithTracer(tracer)).Hooks()
}

// Close the connections. Publish has returned before, so nothing waits to be sent.
func (p *Publisher) Close() { p.client.Close() }

// Publish is app.EventPublisher's.
func (p *Publisher) Publish(ctx context.Context, events []app.Event) (confirmed []app.Event, err error) {
	records := make([]*kgo.Record, 0, len(events))
	byRecord := map[*kgo.Record]app.Event{}
	for _, event := range events {
		record, err := p.record(ctx, event)
		if err != nil {
			return nil, err
		}
		records = append(records, record)
		byRecord[record] = event
	}
	var failed []error
	for _, result := range p.client.ProduceSync(ctx, records...) {
		if result.Err != nil {
			failed = append(failed, result.Err)
			continue
		}
		confirmed = append(confirmed, byRecord[result.Record])
	}
	if len(failed) > 0 {
		return confirmed, fmt.Errorf("%d of %d events are not published: %w", len(failed), len(events), errors.Join(unique(failed)...))
	}
	return confirmed, nil
}

func (p *Publisher) record(ctx context.Context, event app.Event) (*kgo.Record, error) {
	value, err := json.Marshal(Message{
		OrderID: event.Order.ID, Item: event.Order.Item, Quantity: event.Order.Quantity, Status: event.Order.Status,
		Version: event.Order.Version, PlacedAt: event.Order.PlacedAt,
	})
	if err != nil {
		return nil, fmt.Errorf("encoding an event: %w", err)
	}
	return &kgo.Record{
		// No timestamp of the event: the client counts the time for the delivery from it, and an event that waited in the outbox
		// would never be sent.
		Key: []byte(event.Order.ID), Value: value,
		Headers: []kgo.RecordHeader{
			{Key: "ce_specversion", Value: []byte("1.0")},
			{Key: "ce_id", Value: []byte(event.ID)},
			{Key: "ce_type", Value: []byte(event.Type)},
			{Key: "ce_source", Value: []byte(p.source)},
			{Key: "ce_time", Value: []byte(event.At.Format(time.RFC3339Nano))},
			{Key: "content-type", Value: []byte("application/json")},
		},
		// The producer's span belongs to the request that changed the order, not to the relay.
		Context: tracing.Continue(ctx, event.Headers),
	}, nil
}

// unique errors by their text: a broker that is away fails every record alike.
func unique(all []error) []error {
	seen := map[string]bool{}
	var kept []error
	for _, err := range all {
		if !seen[err.Error()] {
			seen[err.Error()] = true
			kept = append(kept, err)
		}
	}
	return kept
}
