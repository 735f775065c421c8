// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package problem_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"goservice.dev/operator/workload/problem"
)

func ExampleInvalid() {
	recorder := httptest.NewRecorder()
	problem.Invalid(recorder, "quantity", "must be 1 to 1000")
	fmt.Println(recorder.Code, recorder.Header().Get("Content-Type"))
	fmt.Print(recorder.Body)
	// Output:
	// 400 application/problem+json
	// {"status":400,"title":"Bad Request","detail":"quantity: must be 1 to 1000","field":"quantity","rule":"must be 1 to 1000"}
}

func TestRetryAfterIsWholeSeconds(t *testing.T) {
	cases := map[time.Duration]string{
		-time.Second: "1", 0: "1", time.Millisecond: "1", time.Second: "1", time.Second + 1: "2", time.Minute: "60",
	}
	for wait, want := range cases {
		header := http.Header{}
		problem.RetryAfter(header, wait)
		if got := header.Get("Retry-After"); got != want {
			t.Errorf("%s: %s, want %s", wait, got, want)
		}
	}
}

func TestABodyThatCannotBeReadIsAnsweredByItsCause(t *testing.T) {
	for want, err := range map[string]error{
		`413 "" {"status":413,"title":"Request Entity Too Large","detail":"body: must have at most 7 bytes","field":"body","rule":"must have at most 7 bytes"}`: fmt.Errorf("decoding: %w", &http.MaxBytesError{Limit: 7}),
		`408 "close" {"status":408,"title":"Request Timeout","detail":"body: came too slowly","field":"body","rule":"must be sent faster"}`:                     &net.OpError{Err: os.ErrDeadlineExceeded},
		`400 "" {"status":400,"title":"Bad Request","detail":"body: could not be read to its end","field":"body","rule":"could not be read to its end"}`:        io.ErrUnexpectedEOF,
		`504 "" {"status":504,"title":"Gateway Timeout","detail":"not done before the deadline"}`:                                                               fmt.Errorf("reading: %w", context.DeadlineExceeded),
		`499 "" `: fmt.Errorf("reading: %w", context.Canceled),
		`503 "" {"status":503,"title":"Service Unavailable","detail":"stopping","reason":"draining"}`: fmt.Errorf("reading: %w", &problem.Error{
			Details: problem.Details{Status: http.StatusServiceUnavailable, Reason: "draining", Detail: "stopping"}, Cause: context.Canceled,
		}),
	} {
		recorder := httptest.NewRecorder()
		problem.Body(recorder, err)
		if got := fmt.Sprintf("%d %q %s", recorder.Code, recorder.Header().Get("Connection"), strings.TrimSpace(recorder.Body.String())); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
}
