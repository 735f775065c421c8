// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package problem_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
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
