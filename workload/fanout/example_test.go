// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package fanout_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"goservice.dev/operator/workload/fanout"
)

// Partial results: what failed is marked, the rest is used.
func ExampleCollect() {
	upstreams := []string{"prices", "stock", "reviews"}
	results, err := fanout.Collect(context.Background(), len(upstreams), 2, func(_ context.Context, i int) (string, error) {
		if upstreams[i] == "stock" {
			return "", errors.New("no answer")
		}
		return "ok", nil
	})
	for i, r := range results {
		fmt.Println(upstreams[i], r.Value, r.Err)
	}
	fmt.Println(err)
	// Output:
	// prices ok <nil>
	// stock  no answer
	// reviews ok <nil>
	// <nil>
}

// All or nothing: the first error ends the others.
func ExampleAll() {
	_, err := fanout.All(context.Background(), 3, 0, func(ctx context.Context, i int) (int, error) {
		if i == 1 {
			return 0, errors.New("no such customer")
		}
		select {
		case <-ctx.Done(): // as soon as call 1 has failed
			return 0, ctx.Err()
		case <-time.After(time.Minute):
			return i, nil
		}
	})
	fmt.Println(err)
	// Output: call 1: no such customer
}
