// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"testing"
	"time"

	"github.com/sourcegraph/conc/iter"
	concpool "github.com/sourcegraph/conc/pool"
	"golang.org/x/sync/errgroup"

	"goservice.dev/operator/workload/fanout"
)

const (
	manyCalls = 1000
	fewCalls  = 3
	atOnce    = 16
)

type call func(ctx context.Context, i int) (int, error)

func quick(_ context.Context, i int) (int, error) { return i, nil }

func waits(_ context.Context, i int) (int, error) {
	<-time.After(time.Millisecond)
	return i, nil
}

func fanoutGroup() group {
	return group{"fan-out: one of 1,000 calls, 16 at once, results gathered", fanouts(manyCalls, atOnce, quick)}
}

func smallFanoutGroup() group {
	return group{"fan-out: one of 3 calls", fanouts(fewCalls, fewCalls, quick)}
}

// waitingFanoutGroup shows whether the workers gather fast enough for calls that wait for somebody else.
func waitingFanoutGroup() group {
	return group{"fan-out: one of 1,000 calls that wait for a millisecond, all at once", fanouts(manyCalls, manyCalls, waits)}
}

func fanouts(n, limit int, f call) []contender {
	return []contender{
		{name: goservice, ours: true, per: n, run: func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				check(b, second(fanout.Collect(context.Background(), n, limit, f)))
			}
		}},
		{name: "goservice, stop at the first error", ours: true, per: n, run: func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				check(b, second(fanout.All(context.Background(), n, limit, f)))
			}
		}},
		{name: errgroupName, per: n, run: func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				values := make([]int, n)
				g, ctx := errgroup.WithContext(context.Background())
				g.SetLimit(limit)
				for i := range n {
					g.Go(func() (err error) {
						values[i], err = f(ctx, i)
						return err
					})
				}
				check(b, g.Wait())
			}
		}},
		{name: "sourcegraph/conc/pool", per: n, run: func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p := concpool.NewWithResults[int]().WithContext(context.Background()).WithMaxGoroutines(limit)
				for i := range n {
					p.Go(func(ctx context.Context) (int, error) { return f(ctx, i) })
				}
				check(b, second(p.Wait()))
			}
		}},
		{name: "sourcegraph/conc/iter (no context)", per: n, run: func(b *testing.B) {
			mapper := iter.Mapper[int, int]{MaxGoroutines: limit}
			inputs := make([]int, n)
			for i := range inputs {
				inputs[i] = i
			}
			b.ReportAllocs()
			for b.Loop() {
				check(b, second(mapper.MapErr(inputs, func(i *int) (int, error) { return f(context.Background(), *i) })))
			}
		}},
	}
}

func second[T any](_ T, err error) error { return err }

func check(b *testing.B, err error) {
	if err != nil {
		b.Fatal(err)
	}
}
