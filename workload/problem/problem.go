// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package problem writes errors to HTTP clients in the form of RFC 9457 (application/problem+json), with the input's field
// and the rule that it broke where the client can mend it.
package problem

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"
)

// StatusClientLeft is what metrics and logs show of a request whose client left before it was answered, as nginx has it; nobody reads
// the response.
const StatusClientLeft = 499

// Details of one error, as the client reads them.
type Details struct {
	// Status of the response.
	Status int `json:"status"`
	// Title names the kind of error; empty means the status's own text.
	Title string `json:"title"`
	// Detail says what happened this time.
	Detail string `json:"detail,omitempty"`
	// Reason is a fixed word for programs, such as rate_limit.
	Reason string `json:"reason,omitempty"`
	// Field of the input that was refused.
	Field string `json:"field,omitempty"`
	// Rule that the field broke.
	Rule string `json:"rule,omitempty"`
}

// Error is an error that says itself how it is answered. Reading the body of a request returns one where the service is to blame that the
// rest cannot be read: 503 with a Retry-After when it stops, 504 when no worker became free before the deadline.
type Error struct {
	Details Details
	// RetryAfter is when the client may come back; 0: the answer does not say.
	RetryAfter time.Duration
	// Cause in the service's own words, which the client does not read.
	Cause error
}

func (e *Error) Error() string {
	if e.Cause == nil {
		return e.Details.Detail
	}
	return e.Details.Detail + ": " + e.Cause.Error()
}

func (e *Error) Unwrap() error { return e.Cause }

// Answerer is a response writer that knows how its client wants to read errors, where that is not as application/problem+json.
type Answerer interface {
	// AnswerProblem writes the error and reports whether it did.
	AnswerProblem(Details) bool
}

// Answered lets the writer, or one that it wraps, answer in the client's own protocol, and reports whether it did. A Retry-After
// belongs into the header before.
func Answered(w http.ResponseWriter, details Details) bool {
	for {
		if own, ok := w.(Answerer); ok {
			return own.AnswerProblem(details)
		}
		wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return false
		}
		w = wrapper.Unwrap()
	}
}

// Write answers with the error. Nothing must have been written to w before.
func Write(w http.ResponseWriter, details Details) {
	if Answered(w, details) {
		return
	}
	if details.Title == "" {
		details.Title = http.StatusText(details.Status)
	}
	encoded, err := json.Marshal(details)
	if err != nil { // strings and a number always encode
		http.Error(w, details.Title, details.Status)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "application/problem+json")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Del("Content-Length")
	w.WriteHeader(details.Status)
	_, _ = w.Write(append(encoded, '\n'))
}

// Invalid answers 400 with the field and the rule that it broke.
func Invalid(w http.ResponseWriter, field, rule string) {
	Write(w, Details{Status: http.StatusBadRequest, Field: field, Rule: rule, Detail: field + ": " + rule})
}

// Body answers for a request's body that could not be read: 413 if it is too large (*http.MaxBytesError), 408 if it came too
// slowly (os.ErrDeadlineExceeded), as an *Error says, 504 if the request's own deadline passed (context.DeadlineExceeded), 499 if the client
// left (context.Canceled), and 400 otherwise. err is what reading, or decoding from the body, returned.
func Body(w http.ResponseWriter, err error) {
	var tooLarge *http.MaxBytesError
	var own *Error
	switch {
	case errors.As(err, &own):
		if own.RetryAfter > 0 {
			RetryAfter(w.Header(), own.RetryAfter)
		}
		Write(w, own.Details)
	case errors.As(err, &tooLarge):
		rule := fmt.Sprintf("must have at most %d bytes", tooLarge.Limit)
		Write(w, Details{Status: http.StatusRequestEntityTooLarge, Field: "body", Rule: rule, Detail: "body: " + rule})
	case errors.Is(err, os.ErrDeadlineExceeded):
		// Whatever of the body is still to come is not worth the wait for it.
		w.Header().Set("Connection", "close")
		Write(w, Details{Status: http.StatusRequestTimeout, Field: "body", Rule: "must be sent faster", Detail: "body: came too slowly"})
	case errors.Is(err, context.DeadlineExceeded):
		Write(w, Details{Status: http.StatusGatewayTimeout, Detail: "not done before the deadline"})
	case errors.Is(err, context.Canceled):
		w.WriteHeader(StatusClientLeft)
	default:
		Invalid(w, "body", "could not be read to its end")
	}
}

// RetryAfter sets the header to whole seconds, rounded up and at least 1: a client that comes back at once would only be
// refused again.
func RetryAfter(header http.Header, wait time.Duration) {
	seconds := max(1, int64((wait+time.Second-1)/time.Second))
	header.Set("Retry-After", strconv.FormatInt(seconds, 10))
}
