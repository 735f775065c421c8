// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package kafka

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.opentelemetry.io/otel/trace/noop"

	"goservice.dev/operator/workload/examples/orders/app"
	"goservice.dev/operator/workload/examples/orders/internal/servers"
	"goservice.dev/operator/workload/examples/orders/porttest"
)

func publisher(t *testing.T, brokers []string, topic string, more ...kgo.Opt) *Publisher {
	t.Helper()
	publisher, err := NewPublisher(brokers, topic, "orders", noop.NewTracerProvider(), more...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(publisher.Close)
	return publisher
}

func TestThePublisherKeepsTheContract(t *testing.T) {
	porttest.Publisher(t, func(t *testing.T) (app.EventPublisher, func(*testing.T, int) []porttest.Seen) {
		brokers, topic, _ := servers.Kafka(t)
		return publisher(t, brokers, topic), func(t *testing.T, count int) []porttest.Seen { return consume(t, brokers, topic, count) }
	})
}

func consume(t *testing.T, brokers []string, topic string, count int) (seen []porttest.Seen) {
	t.Helper()
	consumer, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer consumer.Close()
	for len(seen) < count {
		fetches := consumer.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(record *kgo.Record) {
			var message Message
			if err := json.Unmarshal(record.Value, &message); err != nil {
				t.Fatal(err)
			}
			if string(record.Key) != message.OrderID {
				t.Errorf("the key is %q, the order %q", record.Key, message.OrderID)
			}
			seen = append(seen, porttest.Seen{
				ID: header(record, "ce_id"), Type: header(record, "ce_type"), OrderID: message.OrderID, Item: message.Item,
				Quantity: message.Quantity, Version: message.Version,
			})
			if header(record, "ce_specversion") != "1.0" || header(record, "ce_source") != "orders" {
				t.Errorf("headers: %v", record.Headers)
			}
		})
	}
	return seen
}

func header(record *kgo.Record, key string) string {
	for _, header := range record.Headers {
		if header.Key == key {
			return string(header.Value)
		}
	}
	return ""
}

func TestAnEventThatWaitedForLongIsPublished(t *testing.T) {
	brokers, topic, _ := servers.Kafka(t)
	old := app.Event{ID: "old", At: time.Now().Add(-time.Hour), Order: app.Order{ID: "a"}}
	if confirmed, err := publisher(t, brokers, topic).Publish(t.Context(), []app.Event{old}); len(confirmed) != 1 || err != nil {
		t.Errorf("%d are confirmed, %v", len(confirmed), err)
	}
}

// The broker takes what is for one partition and refuses what is for another.
func TestWhatTheBrokerRefusesIsNotConfirmed(t *testing.T) {
	brokers, topic, cluster := servers.Kafka(t)
	if cluster == nil {
		t.Log("a real broker refuses nothing on demand")
		return
	}
	events := []app.Event{{ID: "taken", Order: app.Order{ID: "a"}}, {ID: "refused", Order: app.Order{ID: "b"}}}
	partitions := map[string]int32{"a": 0, "b": 1}
	p := publisher(t, brokers, topic, kgo.RecordPartitioner(kgo.BasicConsistentPartitioner(func(string) func(*kgo.Record, int) int {
		return func(record *kgo.Record, _ int) int { return int(partitions[string(record.Key)]) }
	})))
	cluster.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		produce := request.(*kmsg.ProduceRequest)
		for i := range produce.Topics {
			for _, partition := range produce.Topics[i].Partitions {
				if partition.Partition == 1 {
					return servers.Refusal(request), nil, true
				}
			}
		}
		return nil, nil, false
	})
	var confirmed []app.Event
	var problems []string
	for _, event := range events { // one by one: a request holds both otherwise, and the control answers requests as a whole
		taken, err := p.Publish(t.Context(), []app.Event{event})
		confirmed = append(confirmed, taken...)
		if err != nil {
			problems = append(problems, err.Error())
		}
	}
	if len(confirmed) != 1 || confirmed[0].ID != "taken" || len(problems) != 1 || !strings.Contains(problems[0], "1 of 1 events") {
		t.Errorf("confirmed are %+v, problems %q", confirmed, problems)
	}
}

// A broker that is away fails the batch within the time that the relay gives it.
func TestABrokerThatIsAwayIsReportedInTime(t *testing.T) {
	p := publisher(t, []string{"127.0.0.1:1"}, "orders")
	began := time.Now()
	confirmed, err := p.Publish(t.Context(), []app.Event{{ID: "1", Order: app.Order{ID: "a"}}})
	if len(confirmed) != 0 || err == nil {
		t.Errorf("%d are confirmed, %v", len(confirmed), err)
	}
	t.Logf("reported after %s", time.Since(began))
}
