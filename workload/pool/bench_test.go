// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool_test

import (
	"context"
	"testing"

	"goservice.dev/operator/workload/pool"
)

func BenchmarkAcquireRelease(b *testing.B) {
	p := pool.New(pool.Config{Workers: 16, QueueDepth: 32})
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Acquire(ctx); err != nil {
			b.Fatal(err)
		}
		p.Release()
	}
}

func BenchmarkAcquireReleaseParallel(b *testing.B) {
	p := pool.New(pool.Config{Workers: 16, QueueDepth: 32})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if p.Acquire(context.Background()) == nil {
				p.Release()
			}
		}
	})
}

// One worker and always somebody in line: the price of a hand-over.
func BenchmarkHandOver(b *testing.B) {
	p := pool.New(pool.Config{Workers: 1, QueueDepth: 1 << 20})
	b.SetParallelism(8)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := p.Acquire(context.Background()); err != nil {
				b.Error(err)
				return
			}
			p.Release()
		}
	})
}

func BenchmarkSubmit(b *testing.B) {
	p := pool.New(pool.Config{Workers: 16, QueueDepth: 1 << 20})
	ctx := context.Background()
	job := func(context.Context) error { return nil }
	b.ReportAllocs()
	for b.Loop() {
		j, err := p.Submit(ctx, job)
		if err != nil {
			b.Fatal(err)
		}
		if err := j.Wait(ctx); err != nil {
			b.Fatal(err)
		}
	}
}
