// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"net/http"
	"time"

	"goservice.dev/operator/workload/internal/exchange"
	"goservice.dev/operator/workload/problem"
)

// Protocol is what a route speaks on top of HTTP. Package rpc has the one of gRPC and Connect.
type Protocol interface {
	// Timeout that the client gives its request; false where it gives none. The request's deadline is the earlier one of the
	// client's and the service's, for the wait in the queue as well.
	Timeout(r *http.Request) (time.Duration, bool)
	// Answer writes an error of the chain, such as a reached rate limit or a panic, as the client reads it. Nothing is written
	// before; a Retry-After is in the header where there is one.
	Answer(w http.ResponseWriter, r *http.Request, details problem.Details)
}

// WithProtocol says that the route speaks the protocol instead of plain HTTP. The handler tells by telemetry.Called how each
// request ended.
func WithProtocol(protocol Protocol) RouteOption { return func(rt *route) { rt.protocol = protocol } }

// begin a call before anything of the route can reject it.
func begin(protocol Protocol, e *exchange.Exchange, r *http.Request) {
	e.Call = &exchange.Call{Protocol: protocol, Request: r}
	if timeout, ok := protocol.Timeout(r); ok {
		e.LimitTo(e.Start.Add(timeout))
	}
}
