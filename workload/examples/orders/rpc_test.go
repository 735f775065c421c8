// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"

	"goservice.dev/operator/workload/examples/orders/ordersv1"
	"goservice.dev/operator/workload/examples/orders/ordersv1/ordersv1connect"
	"goservice.dev/operator/workload/livesettings"
)

var protocols = map[string][]connect.ClientOption{
	"connect": nil, "gRPC": {connect.WithGRPC()}, "gRPC-Web": {connect.WithGRPCWeb()},
}

// overHTTP2 without TLS, as gRPC needs it.
func overHTTP2(t *testing.T) *http.Client {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func TestBothFrontsServeTheSameOrders(t *testing.T) {
	url, _ := newInstance(t, config{}, nil, livesettings.Document{}).serve(t)
	for name, options := range protocols {
		t.Run(name, func(t *testing.T) {
			client := ordersv1connect.NewOrdersClient(overHTTP2(t), url, options...)
			placed, err := client.Place(t.Context(), connect.NewRequest(&ordersv1.PlaceRequest{Item: "book", Quantity: 2, IdempotencyKey: name}))
			if err != nil {
				t.Fatal(err)
			}
			if status, _, body := request(t, http.MethodPost, url+"/orders", `{"item":"book","quantity":2}`, "Idempotency-Key", name); status != http.StatusCreated || !strings.Contains(body, placed.Msg.Id) {
				t.Errorf("the same order over HTTP is %d %s", status, body)
			}
			if found, err := client.Get(t.Context(), connect.NewRequest(&ordersv1.GetRequest{Id: placed.Msg.Id})); err != nil || !proto.Equal(found.Msg, placed.Msg) {
				t.Errorf("found %v, %v; placed was %v", found, err, placed)
			}
			canceled, err := client.Cancel(t.Context(), connect.NewRequest(&ordersv1.CancelRequest{Id: placed.Msg.Id}))
			if err != nil || canceled.Msg.Status != ordersv1.Status_STATUS_CANCELED {
				t.Errorf("canceled is %v, %v", canceled, err)
			}
			_, err = client.Place(t.Context(), connect.NewRequest(&ordersv1.PlaceRequest{Item: "pen", Quantity: 2, IdempotencyKey: name}))
			if connect.CodeOf(err) != connect.CodeAlreadyExists {
				t.Errorf("another order with the key: %v", err)
			}
			if _, err := client.Get(t.Context(), connect.NewRequest(&ordersv1.GetRequest{Id: "none"})); connect.CodeOf(err) != connect.CodeNotFound {
				t.Errorf("an order that there is not: %v", err)
			}
			_, err = client.Place(t.Context(), connect.NewRequest(&ordersv1.PlaceRequest{Item: "book"}))
			if connect.CodeOf(err) != connect.CodeInvalidArgument || violation(t, err) != "quantity: must be 1 to 1000, is 0" {
				t.Errorf("bad input: %v, %s", err, violation(t, err))
			}
		})
	}
}

// violation that the error's detail names.
func violation(t *testing.T, err error) string {
	t.Helper()
	failure := new(connect.Error)
	if !errors.As(err, &failure) || len(failure.Details()) != 1 {
		return ""
	}
	value, err := failure.Details()[0].Value()
	if err != nil {
		t.Fatal(err)
	}
	violations := value.(*errdetails.BadRequest).FieldViolations
	return violations[0].Field + ": " + violations[0].Description
}

func TestACallThatNeedsADatabaseThatIsAwayIsUnavailable(t *testing.T) {
	away := newInstance(t, config{DatabaseURL: "postgres://orders@127.0.0.1:1/orders"}, nil, livesettings.Document{}).Handler()
	got := call(away, http.MethodPost, ordersv1connect.OrdersPlaceProcedure, `{"item":"book","quantity":2}`, "Content-Type", "application/json")
	if got.Code != http.StatusServiceUnavailable || !strings.Contains(got.Body.String(), `"unavailable"`) || strings.Contains(got.Body.String(), "127.0.0.1") {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}
