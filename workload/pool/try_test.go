// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool_test

import (
	"testing"
	"testing/synctest"

	"goservice.dev/operator/workload/pool"
)

func TestTryAcquireTakesAWorkerThatNobodyWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool.New(pool.Config{Workers: 1, MinWorkers: 1, MaxWorkers: 1, QueueDepth: 1})
		if !p.TryAcquire() {
			t.Fatal("a free worker is not to be had")
		}
		if p.TryAcquire() {
			t.Fatal("there is one worker only")
		}
		served := make(chan error)
		go func() { served <- p.Acquire(t.Context()) }()
		synctest.Wait()
		p.Release()
		if p.TryAcquire() {
			t.Fatal("somebody who waits is passed")
		}
		if err := <-served; err != nil {
			t.Fatal(err)
		}
		p.Release()
		_ = p.Close(t.Context())
		if p.TryAcquire() {
			t.Fatal("a closed pool has no workers")
		}
	})
}
