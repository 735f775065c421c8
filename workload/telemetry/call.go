// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package telemetry

import (
	"context"
	"time"

	"goservice.dev/operator/workload/internal/exchange"
)

// Call is what a protocol on top of HTTP, such as gRPC, says of a request.
type Call struct {
	// Name of the request's span, such as acme.v1.Orders/Place; empty keeps the HTTP method and the route.
	Name string
	// Code is the result in the protocol's own word, for log lines; empty means that there is none yet.
	Code string
	// Status of HTTP that says the same as Code: metrics, logs and the state of the span follow it, whatever status is sent.
	Status int
	// Err is the handler's error, for log lines; nil if it succeeded.
	Err error
}

// Called notes how the request of the context ended. It does nothing for requests of routes without a protocol of their own
// (service.WithProtocol).
func Called(ctx context.Context, call Call) {
	if e := exchange.From(ctx); e != nil && e.Call != nil {
		e.Call.Name, e.Call.Code, e.Call.Status, e.Call.Err = call.Name, call.Code, call.Status, call.Err
	}
}

// CallOf returns what Called has noted, the status of HTTP that was sent (0 if nothing was), and the time since the request came.
func CallOf(ctx context.Context) (call Call, sent int, age time.Duration) {
	e := exchange.From(ctx)
	if e == nil {
		return Call{}, 0, 0
	}
	if c := e.Call; c != nil {
		call = Call{Name: c.Name, Code: c.Code, Status: c.Status, Err: c.Err}
	}
	if e.Started() {
		sent = e.Sent()
	}
	return call, sent, e.Age()
}
