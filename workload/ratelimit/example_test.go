// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package ratelimit_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"goservice.dev/operator/workload/ratelimit"
)

func ExampleLimiter() {
	limiter := ratelimit.New(0.1, 3) // one request in ten seconds, three at once
	for range 4 {
		fmt.Println(limiter.Allow())
	}
	fmt.Println("next one in", limiter.RetryAfter().Round(time.Second))
	// Output:
	// true
	// true
	// true
	// false
	// next one in 10s
}

// A new limit counts at once, without free tokens and without a backlog from the old one.
func ExampleLimiter_Set() {
	limiter := ratelimit.New(0.001, 1)
	fmt.Println(limiter.Allow())
	fmt.Println("next one in", limiter.RetryAfter().Round(time.Second))
	limiter.Set(0.1, 5)
	fmt.Println("next one in", limiter.RetryAfter().Round(time.Second))
	// Output:
	// true
	// next one in 16m40s
	// next one in 10s
}

// Nobody waits for a turn that comes too late.
func ExampleLimiter_Wait() {
	limiter := ratelimit.New(0.1, 1)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	fmt.Println(limiter.Wait(ctx))
	fmt.Println(errors.Is(limiter.Wait(ctx), ratelimit.ErrWouldMissDeadline))
	// Output:
	// <nil>
	// true
}

func ExampleKeyed() {
	perCustomer := ratelimit.NewKeyed(0.1, 1, 100_000)
	fmt.Println(perCustomer.Allow("alice"), perCustomer.Allow("alice"), perCustomer.Allow("bob"))
	// Output: true false true
}

func ExampleMiddleware() {
	limiter := ratelimit.New(0.1, 1)
	perClient := ratelimit.NewKeyed(5, 10, 100_000)
	limited := ratelimit.Middleware(limiter,
		ratelimit.WithPerKey(perClient, ratelimit.RemoteIP),
		ratelimit.WithOnReject(func(_ *http.Request, retryAfter time.Duration) { fmt.Println("rejected for", retryAfter) }),
	)
	handler := limited(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))
	for range 2 {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		fmt.Printf("%d %q\n", w.Code, w.Header().Get("Retry-After"))
	}
	// Output:
	// 200 ""
	// rejected for 10s
	// 429 "10"
}

func ExampleTransport() {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	client := http.Client{Transport: ratelimit.Transport(http.DefaultTransport, ratelimit.New(100, 10))}
	response, err := client.Get(server.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = response.Body.Close()
	fmt.Println(response.StatusCode)
	// Output: 404
}
