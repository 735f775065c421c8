// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"goservice.dev/operator/workload/pool"
)

const ms = time.Millisecond

// caller is a goroutine that asked for a worker.
type caller struct {
	err    error
	waited time.Duration
	done   bool
}

// come starts a caller of Acquire and lets it get as far as it can without time passing.
func come(ctx context.Context, p *pool.Pool) *caller {
	c, start := &caller{}, time.Now()
	go func() {
		c.err = p.Acquire(ctx)
		c.waited, c.done = time.Since(start), true
	}()
	synctest.Wait()
	return c
}

// state is what most tests compare: the sizes and how many are where.
func state(p *pool.Pool) [4]int {
	s := p.Stats()
	return [4]int{s.Workers, s.Busy, s.QueueDepth, s.Queued}
}

func TestAdmission(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool.New(pool.Config{Workers: 2, QueueDepth: 3})
		callers := make([]*caller, 0, 7)
		for range cap(callers) {
			callers = append(callers, come(t.Context(), p))
		}
		if diff := cmp.Diff([4]int{2, 2, 3, 3}, state(p)); diff != "" {
			t.Error(diff)
		}
		for i, c := range callers {
			var want error
			if i >= 5 {
				want = pool.ErrQueueFull
			}
			if c.done != (i < 2 || i >= 5) || !errors.Is(c.err, want) {
				t.Errorf("caller %d: %+v, want error %v", i, *c, want)
			}
		}
		for i := 2; i < 5; i++ { // first come, first served
			time.Sleep(time.Second)
			p.Release()
			synctest.Wait()
			if c := callers[i]; !c.done || c.err != nil || c.waited != time.Duration(i-1)*time.Second {
				t.Errorf("caller %d: %+v", i, *c)
			}
		}
		p.Release()
		p.Release()
		if diff := cmp.Diff([4]int{2, 0, 3, 0}, state(p)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(pool.Rejected{QueueFull: 2}, p.Stats().Rejected); diff != "" {
			t.Error(diff)
		}
	})
}

func TestConfigIsBroughtIntoRange(t *testing.T) {
	p := pool.New(pool.Config{Workers: -1, QueueDepth: -1, QueueTimeout: -1})
	if diff := cmp.Diff([4]int{1, 0, 0, 0}, state(p)); diff != "" {
		t.Error(diff)
	}
	p.Set(pool.Config{Workers: math.MaxInt, QueueDepth: 5})
	if diff := cmp.Diff([4]int{1<<30 - 1, 0, 5, 0}, state(p)); diff != "" {
		t.Error(diff)
	}
}

func TestQueueTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool.New(pool.Config{Workers: 1, QueueDepth: 10, QueueTimeout: 25 * ms})
		come(t.Context(), p)
		first := come(t.Context(), p)
		time.Sleep(10 * ms)
		second := come(t.Context(), p)
		time.Sleep(time.Second)
		synctest.Wait()
		for i, c := range []*caller{first, second} {
			if !errors.Is(c.err, pool.ErrQueueTimeout) || c.waited != 25*ms {
				t.Errorf("caller %d: %+v, want %v after 25ms", i, *c, pool.ErrQueueTimeout)
			}
		}
		third := come(t.Context(), p)
		p.Release()
		synctest.Wait()
		if !third.done || third.err != nil {
			t.Errorf("a later caller: %+v", *third)
		}
		if diff := cmp.Diff(pool.Rejected{QueueTimeout: 2}, p.Stats().Rejected); diff != "" {
			t.Error(diff)
		}
	})
}

func TestQueueTimeoutIsLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := pool.Config{Workers: 1, QueueDepth: 10}
		p := pool.New(config)
		come(t.Context(), p)
		c := come(t.Context(), p)
		time.Sleep(time.Hour)
		config.QueueTimeout = 2 * time.Hour
		p.Set(config)
		time.Sleep(30 * time.Minute)
		config.QueueTimeout = 100 * time.Minute
		p.Set(config)
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		if !errors.Is(c.err, pool.ErrQueueTimeout) || c.waited != 100*time.Minute {
			t.Errorf("%+v, want %v after 100 minutes", *c, pool.ErrQueueTimeout)
		}
	})
}

func TestThoseWhoLeaveMakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool.New(pool.Config{Workers: 1, QueueDepth: 3})
		come(t.Context(), p)
		ctx, cancel := context.WithCancel(t.Context())
		leaves, stays, leavesToo := come(ctx, p), come(t.Context(), p), come(ctx, p)
		cancel()
		synctest.Wait()
		for _, c := range []*caller{leaves, leavesToo} {
			if !c.done || !errors.Is(c.err, context.Canceled) {
				t.Errorf("%+v, want %v", *c, context.Canceled)
			}
		}
		if diff := cmp.Diff([4]int{1, 1, 3, 1}, state(p)); diff != "" {
			t.Error(diff)
		}
		p.Release()
		synctest.Wait()
		if !stays.done || stays.err != nil {
			t.Errorf("the one that stays: %+v", *stays)
		}
		if late := come(ctx, p); !errors.Is(late.err, context.Canceled) {
			t.Errorf("with an ended context: %+v", *late)
		}
		if diff := cmp.Diff(pool.Rejected{Canceled: 2}, p.Stats().Rejected); diff != "" {
			t.Error(diff)
		}
	})
}

func TestGrowingWakesThoseWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool.New(pool.Config{Workers: 1, QueueDepth: 5})
		for range 6 {
			come(t.Context(), p)
		}
		p.Set(pool.Config{Workers: 4, QueueDepth: 5})
		synctest.Wait()
		if diff := cmp.Diff([4]int{4, 4, 5, 2}, state(p)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestShrinkingLetsWorkFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool.New(pool.Config{Workers: 4, QueueDepth: 5})
		for range 6 {
			come(t.Context(), p)
		}
		p.Set(pool.Config{Workers: 2, QueueDepth: 1})
		want := [][4]int{{2, 4, 1, 2}, {2, 3, 1, 2}, {2, 2, 1, 2}, {2, 2, 1, 1}, {2, 2, 1, 0}, {2, 1, 1, 0}, {2, 0, 1, 0}}
		for i, w := range want {
			synctest.Wait()
			if diff := cmp.Diff(w, state(p)); diff != "" {
				t.Errorf("after %d releases: %s", i, diff)
			}
			if i == len(want)-1 {
				break
			}
			p.Release()
		}
	})
}

func TestReleaseWithoutAcquirePanics(t *testing.T) {
	p := pool.New(pool.Config{Workers: 3})
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
		if diff := cmp.Diff([4]int{3, 0, 0, 0}, state(p)); diff != "" {
			t.Error(diff)
		}
	}()
	p.Release()
}

func TestDo(t *testing.T) {
	trouble := errors.New("trouble")
	cases := map[string]func(context.Context) error{
		"returns":   func(context.Context) error { return nil },
		"fails":     func(context.Context) error { return trouble },
		"panics":    func(context.Context) error { panic(trouble) },
		"goes away": func(context.Context) error { runtime.Goexit(); return nil },
	}
	for name, f := range cases {
		t.Run(name, func(t *testing.T) {
			p := pool.New(pool.Config{Workers: 1})
			var ran sync.WaitGroup
			ran.Go(func() {
				defer func() {
					if value := recover(); (value != nil) != (name == "panics") {
						t.Errorf("recovered %v", value)
					}
				}()
				if err := p.Do(t.Context(), f); (err != nil) != (name == "fails") {
					t.Errorf("error %v", err)
				}
			})
			ran.Wait()
			if diff := cmp.Diff([4]int{1, 0, 0, 0}, state(p)); diff != "" {
				t.Errorf("the worker did not come back: %s", diff)
			}
		})
	}
	p := pool.New(pool.Config{Workers: 1})
	err := p.Do(t.Context(), func(ctx context.Context) error {
		return p.Do(ctx, func(context.Context) error { t.Error("called without a worker"); return nil })
	})
	if !errors.Is(err, pool.ErrQueueFull) {
		t.Errorf("error %v, want %v", err, pool.ErrQueueFull)
	}
}

func TestAcquireDoesNotAllocate(t *testing.T) {
	p := pool.New(pool.Config{Workers: 1})
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() {
		if p.Acquire(ctx) == nil {
			p.Release()
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
