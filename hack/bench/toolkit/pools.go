// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"sync"
	"testing"

	"github.com/alitto/pond/v2"
	"github.com/panjf2000/ants/v2"
	concpool "github.com/sourcegraph/conc/pool"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"goservice.dev/operator/workload/fanout"
	"goservice.dev/operator/workload/pool"
)

const (
	antsName      = "panjf2000/ants"
	pondName      = "alitto/pond"
	semaphoreName = "golang.org/x/sync/semaphore"
)

func newPool() *pool.Pool { return pool.New(pool.Config{Workers: atOnce, QueueDepth: manyCalls}) }

func admissionGroup() group {
	return group{"pool: admission of a handler and its end", []contender{
		{name: goservice, ours: true, run: func(b *testing.B) {
			p := newPool()
			ctx := b.Context() // can end, as that of a request
			b.ReportAllocs()
			for b.Loop() {
				check(b, p.Acquire(ctx))
				p.Release()
			}
		}},
		{name: "goservice Do", ours: true, run: func(b *testing.B) {
			p := newPool()
			f := func(context.Context) error { return nil }
			ctx := b.Context() // can end, as that of a request
			b.ReportAllocs()
			for b.Loop() {
				check(b, p.Do(ctx, f))
			}
		}},
		{name: semaphoreName, run: func(b *testing.B) {
			s := semaphore.NewWeighted(atOnce)
			ctx := b.Context() // can end, as that of a request
			b.ReportAllocs()
			for b.Loop() {
				check(b, s.Acquire(ctx, 1))
				s.Release(1)
			}
		}},
		{name: "a channel of 16 places", run: func(b *testing.B) {
			places := make(chan struct{}, atOnce)
			ctx := b.Context() // can end, as that of a request
			b.ReportAllocs()
			for b.Loop() {
				select {
				case places <- struct{}{}:
				case <-ctx.Done():
				}
				<-places
			}
		}},
	}}
}

func admissionParallelGroup() group {
	ctx := context.Background()
	return group{"pool: admission of a handler and its end, all processors at once", []contender{
		{name: goservice, ours: true, run: func(b *testing.B) {
			p := newPool()
			parallel(b, func() {
				if p.Acquire(ctx) == nil {
					p.Release()
				}
			})
		}},
		{name: semaphoreName, run: func(b *testing.B) {
			s := semaphore.NewWeighted(atOnce)
			parallel(b, func() {
				if s.Acquire(ctx, 1) == nil {
					s.Release(1)
				}
			})
		}},
		{name: "a channel of 16 places", run: func(b *testing.B) {
			places := make(chan struct{}, atOnce)
			parallel(b, func() {
				places <- struct{}{}
				<-places
			})
		}},
	}}
}

func jobGroup() group {
	ctx := context.Background()
	return group{"pool: a job handed over and waited for", []contender{
		{name: goservice, ours: true, run: func(b *testing.B) {
			p := newPool()
			f := func(context.Context) error { return nil }
			b.ReportAllocs()
			for b.Loop() {
				j, err := p.Submit(ctx, f)
				check(b, err)
				check(b, j.Wait(ctx))
			}
		}},
		{name: antsName, run: func(b *testing.B) {
			p, err := ants.NewPool(atOnce)
			check(b, err)
			defer p.Release()
			done := make(chan struct{})
			f := func() { done <- struct{}{} }
			b.ReportAllocs()
			for b.Loop() {
				check(b, p.Submit(f))
				<-done
			}
		}},
		{name: pondName, run: func(b *testing.B) {
			p := pond.NewPool(atOnce)
			defer p.StopAndWait()
			f := func() error { return nil }
			b.ReportAllocs()
			for b.Loop() {
				check(b, p.SubmitErr(f).Wait())
			}
		}},
		{name: errgroupName, run: func(b *testing.B) {
			f := func() error { return nil }
			b.ReportAllocs()
			for b.Loop() {
				var g errgroup.Group
				g.SetLimit(atOnce)
				g.Go(f)
				check(b, g.Wait())
			}
		}},
		{name: "a goroutine and a channel, for comparison", run: func(b *testing.B) {
			done := make(chan struct{})
			f := func() { done <- struct{}{} }
			b.ReportAllocs()
			for b.Loop() {
				go f()
				<-done
			}
		}},
	}}
}

func batchGroup() group {
	return group{"pool: one job of a batch of 1,000, 16 at once", append(ownBatches(), otherBatches()...)}
}

func ownBatches() []contender {
	ctx := context.Background()
	return []contender{
		{name: "goservice, fan-out with Do", ours: true, per: manyCalls, run: func(b *testing.B) {
			p := newPool()
			f := func(context.Context) error { return nil }
			b.ReportAllocs()
			for b.Loop() {
				check(b, second(fanout.All(ctx, manyCalls, atOnce, func(ctx context.Context, _ int) (struct{}, error) {
					return struct{}{}, p.Do(ctx, f)
				})))
			}
		}},
		{name: "goservice, Submit", ours: true, per: manyCalls, run: func(b *testing.B) {
			p := newPool()
			f := func(context.Context) error { return nil }
			jobs := make([]*pool.Job, manyCalls)
			b.ReportAllocs()
			for b.Loop() {
				for i := range jobs {
					var err error
					jobs[i], err = p.Submit(ctx, f)
					check(b, err)
				}
				for _, j := range jobs {
					check(b, j.Wait(ctx))
				}
			}
		}},
	}
}

func otherBatches() []contender {
	return []contender{
		{name: antsName, per: manyCalls, run: func(b *testing.B) {
			p, err := ants.NewPool(atOnce)
			check(b, err)
			defer p.Release()
			var all sync.WaitGroup
			f := func() { all.Done() }
			b.ReportAllocs()
			for b.Loop() {
				all.Add(manyCalls)
				for range manyCalls {
					check(b, p.Submit(f))
				}
				all.Wait()
			}
		}},
		{name: pondName, per: manyCalls, run: func(b *testing.B) {
			p := pond.NewPool(atOnce)
			defer p.StopAndWait()
			f := func() error { return nil }
			b.ReportAllocs()
			for b.Loop() {
				g := p.NewGroup()
				for range manyCalls {
					g.SubmitErr(f)
				}
				check(b, g.Wait())
			}
		}},
		{name: errgroupName, per: manyCalls, run: func(b *testing.B) {
			f := func() error { return nil }
			b.ReportAllocs()
			for b.Loop() {
				var g errgroup.Group
				g.SetLimit(atOnce)
				for range manyCalls {
					g.Go(f)
				}
				check(b, g.Wait())
			}
		}},
		{name: "sourcegraph/conc/pool", per: manyCalls, run: func(b *testing.B) {
			f := func() error { return nil }
			b.ReportAllocs()
			for b.Loop() {
				p := concpool.New().WithErrors().WithMaxGoroutines(atOnce)
				for range manyCalls {
					p.Go(f)
				}
				check(b, p.Wait())
			}
		}},
	}
}
