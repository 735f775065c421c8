// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package eventlog

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"

	"goservice.dev/operator/workload/examples/orders/app"
	"goservice.dev/operator/workload/examples/orders/porttest"
)

func TestThePublisherKeepsTheContract(t *testing.T) {
	porttest.Publisher(t, func(*testing.T) (app.EventPublisher, func(*testing.T, int) []porttest.Seen) {
		var log bytes.Buffer
		return New(slog.New(slog.NewJSONHandler(&log, nil))), func(t *testing.T, count int) (seen []porttest.Seen) {
			lines := json.NewDecoder(&log)
			for range count {
				var line struct {
					Msg, Event, Order, Item string
					Quantity, Version       int
				}
				if err := lines.Decode(&line); err != nil {
					t.Fatal(err)
				}
				seen = append(seen, porttest.Seen{
					ID: line.Event, Type: line.Msg, OrderID: line.Order, Item: line.Item, Quantity: line.Quantity, Version: line.Version,
				})
			}
			return seen
		}
	})
}
