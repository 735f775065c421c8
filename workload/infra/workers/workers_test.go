// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package workers_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"goservice.dev/operator/workload/infra/workers"
	"goservice.dev/operator/workload/pool"
)

func nothing(context.Context) error { return nil }

func TestAJobWaitsForAWorkerWhateverTheQueue(t *testing.T) {
	for name, config := range map[string]pool.Config{
		"a queue that is full":         {Workers: 1},
		"a queue of a short wait":      {Workers: 1, QueueDepth: 1, QueueTimeout: time.Millisecond},
		"a queue that foresees a wait": {Workers: 1, QueueDepth: 9, QueueTimeout: time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := pool.New(config)
				if err := p.Acquire(t.Context()); err != nil {
					t.Fatal(err)
				}
				begin := time.Now()
				time.AfterFunc(time.Minute, p.Release)
				if err := (workers.Patient{Pool: p}).Do(t.Context(), nothing); err != nil {
					t.Fatal(err)
				}
				if waited := time.Since(begin); waited < time.Minute || waited > time.Minute+100*time.Millisecond {
					t.Errorf("ran after %s, want soon after the worker was free", waited)
				}
				if busy := p.Stats().Busy; busy != 0 {
					t.Errorf("%d workers are still held", busy)
				}
			})
		})
	}
}

func TestAJobWaitsNoLongerThanItsBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool.New(pool.Config{Workers: 1})
		if err := p.Acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := (workers.Patient{Pool: p}).Do(ctx, nothing); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want the deadline", err)
		}
		p.Release()
		if err := p.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := (workers.Patient{Pool: p}).Do(t.Context(), nothing); !errors.Is(err, pool.ErrClosed) {
			t.Errorf("%v, want that the pool is closed", err)
		}
	})
}
