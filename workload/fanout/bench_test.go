// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package fanout_test

import (
	"context"
	"strconv"
	"testing"

	"goservice.dev/operator/workload/fanout"
)

func BenchmarkCollect(b *testing.B) {
	call := func(_ context.Context, i int) (int, error) { return i, nil }
	for _, n := range []int{3, 1000} {
		for _, limit := range []int{1, 16, 0} {
			b.Run(strconv.Itoa(n)+"/limit="+strconv.Itoa(limit), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := fanout.Collect(b.Context(), n, limit, call); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/call")
			})
		}
	}
}
