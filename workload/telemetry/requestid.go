// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package telemetry

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net/http"

	"goservice.dev/operator/workload/internal/exchange"
)

// RequestIDHeader carries a request's id in requests and responses.
const RequestIDHeader = "X-Request-Id"

const (
	maxRequestID  = 128
	requestIDSize = 16
)

// RequestIDs says where the ids of requests come from. The zero value uses none.
type RequestIDs struct {
	// Enabled gives each request an id: it stands in the response, in the log lines of the request, and in calls to upstreams.
	Enabled bool
	// Accept says whether the id that a request carries is taken over: whether it comes from somebody who is trusted, such as the
	// load balancer. nil accepts none. Ids of more than 128 bytes, and with others than letters, digits and -._:+/=@, never are.
	Accept func(*http.Request) bool
}

// RequestID of the request that the context belongs to; empty where the service uses none.
func RequestID(ctx context.Context) string {
	if e := exchange.From(ctx); e != nil {
		return e.RequestID
	}
	return ""
}

// identify finds or makes the request's id.
func (t *Telemetry) identify(e *exchange.Exchange, r *http.Request) {
	if !t.requestIDs.Enabled {
		return
	}
	if given := r.Header[RequestIDHeader]; len(given) == 1 && validRequestID(given[0]) && t.requestIDs.Accept != nil && t.requestIDs.Accept(r) {
		e.RequestID = given[0]
	} else {
		e.RequestID = newRequestID()
	}
	e.Header().Set(RequestIDHeader, e.RequestID)
}

func newRequestID() string {
	var id [requestIDSize]byte
	binary.NativeEndian.PutUint64(id[:], rand.Uint64())
	binary.NativeEndian.PutUint64(id[8:], rand.Uint64())
	return hex.EncodeToString(id[:])
}

func validRequestID(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case c == '-', c == '.', c == '_', c == ':', c == '+', c == '/', c == '=', c == '@':
		default:
			return false
		}
	}
	return true
}
