// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package exchange

import (
	"net/http"

	"goservice.dev/operator/workload/problem"
)

// Call is a request in a protocol on top of HTTP, such as gRPC: its result is not the response's status.
type Call struct {
	// Protocol writes an error of the chain as its client reads it.
	Protocol interface {
		Answer(http.ResponseWriter, *http.Request, problem.Details)
	}
	// Request that it gets.
	Request *http.Request
	// Name of the span; empty keeps the one that follows from method and route.
	Name string
	// Code is the result in the protocol's own word; empty as long as there is none.
	Code string
	// Status of HTTP that is closest to the code; 0 as long as there is none.
	Status int
	// Err is the handler's error.
	Err error
}

// AnswerProblem implements problem.Answerer.
func (e *Exchange) AnswerProblem(details problem.Details) bool {
	if e.Call == nil || e.Call.Protocol == nil || e.Started() {
		return false
	}
	e.Call.Protocol.Answer(e, e.Call.Request, details)
	return true
}
