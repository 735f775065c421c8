// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package telemetry

import (
	"errors"
	"fmt"
	"net/http"
	"os"

	"goservice.dev/operator/workload/internal/exchange"
	"goservice.dev/operator/workload/problem"
)

// How an exchange ended, as error_type in logs and spans, and as the label end of streams.
const (
	resultCompleted  = "completed"   // streams only
	resultCut        = "cut"         // closed by the server at the end of its drain
	resultAborted    = "aborted"     // the handler broke the response off
	resultTruncated  = "truncated"   // the response is shorter than its head declares
	resultClientLeft = "client_left" // the client closed the connection or the stream
	resultClientSlow = "client_slow" // the client sends its body or takes the response too slowly
	resultBadBody    = "bad_body"    // the client's body breaks the protocol
)

// maxPanicText bounds the message of a panic in the log.
const maxPanicText = 4 << 10

// result of an exchange: the status under which it counts, and in a word what was wrong; empty if nothing was, or if the status
// says it.
type result struct {
	status int
	kind   string
}

// resultOf an exchange says whose fault it was. A response that broke off is a failure of the service, whatever its head said,
// unless its client has left. A request that could not be read is its client's failure, even if the handler blames itself.
func resultOf(e *exchange.Exchange, broken bool) result {
	status, body := e.Status(), e.BodyStatus()
	switch err := e.WriteErr(); {
	case err != nil && errors.Is(err, os.ErrDeadlineExceeded):
		return result{problem.StatusClientLeft, resultClientSlow}
	case (broken || err != nil) && e.ClientLeft():
		return result{problem.StatusClientLeft, resultClientLeft}
	case body != 0 && (broken || status >= http.StatusInternalServerError):
		return result{body, bodyResult(body)}
	case broken && e.Truncated():
		return result{http.StatusInternalServerError, resultTruncated}
	case broken:
		return result{http.StatusInternalServerError, resultAborted}
	case body != 0:
		return result{status, bodyResult(body)}
	}
	return result{status: status}
}

func bodyResult(status int) string {
	switch status {
	case http.StatusRequestTimeout:
		return resultClientSlow
	case problem.StatusClientLeft:
		return resultClientLeft
	}
	return resultBadBody
}

func truncated(e *exchange.Exchange) bool { return e.Rejected == "" && e.Truncated() }

// shortened is a panic's text. Printing it runs the value's own methods, and contains their panics; encoding it as JSON would not.
func shortened(cause any) string {
	text := fmt.Sprint(cause)
	if len(text) > maxPanicText {
		text = text[:maxPanicText] + "…"
	}
	return text
}
