// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"goservice.dev/operator/workload/fanout"
	"goservice.dev/operator/workload/pool"
)

func ExamplePool_Do() {
	p := pool.New(pool.Config{Workers: 1, QueueDepth: 0})
	ctx := context.Background()
	err := p.Do(ctx, func(ctx context.Context) error {
		fmt.Println("at work")
		// The only worker is busy with this, and nobody may wait.
		return p.Do(ctx, func(context.Context) error { return nil })
	})
	fmt.Println(errors.Is(err, pool.ErrQueueFull))
	// Output:
	// at work
	// true
}

// The budget changes while work runs and waits.
func ExamplePool_Set() {
	p := pool.New(pool.Config{Workers: 2, QueueDepth: 10, QueueTimeout: 25 * time.Millisecond})
	p.Set(pool.Config{Workers: 16, QueueDepth: 32, QueueTimeout: 25 * time.Millisecond})
	stats := p.Stats()
	fmt.Println(stats.Workers, stats.Busy, stats.QueueDepth, stats.Queued)
	// Output: 16 0 32 0
}

// A job runs on a goroutine of the pool; a panic in it is its caller's error.
func ExamplePool_Submit() {
	p := pool.New(pool.Config{Workers: 4, QueueDepth: 100})
	ctx := context.Background()
	job, err := p.Submit(ctx, func(context.Context) error { panic("out of ideas") })
	if err != nil {
		fmt.Println("turned away:", err)
		return
	}
	fmt.Println(job.Wait(ctx))
	fmt.Println(p.Close(ctx))
	// Output:
	// panic: out of ideas
	// <nil>
}

// A batch of any size goes through a pool at the pool's own pace.
func ExamplePool_batch() {
	p := pool.New(pool.Config{Workers: 4, QueueDepth: 4})
	squares, err := fanout.All(context.Background(), 5, 4, func(ctx context.Context, i int) (square int, err error) {
		err = p.Do(ctx, func(context.Context) error {
			square = i * i
			return nil
		})
		return square, err
	})
	fmt.Println(squares, err)
	// Output: [0 1 4 9 16] <nil>
}

func ExampleMiddleware() {
	p := pool.New(pool.Config{Workers: 16, QueueDepth: 32, QueueTimeout: 25 * time.Millisecond})
	handler := pool.Middleware(p,
		pool.WithOnReject(func(_ *http.Request, reason string) { fmt.Println("rejected:", reason) }),
	)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))

	_ = p.Close(context.Background()) // the service is going away
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	fmt.Println(w.Code, w.Header().Get("Retry-After"))
	// Output:
	// rejected: draining
	// 503 1
}
