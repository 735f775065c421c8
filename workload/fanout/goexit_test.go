// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package fanout_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goservice.dev/operator/workload/fanout"
	"goservice.dev/operator/workload/panics"
)

func TestPanicsBecomeErrors(t *testing.T) {
	trouble := errors.New("trouble")
	explode := func(_ context.Context, i int) (int, error) {
		if i == 3 {
			panic(trouble)
		}
		return i, nil
	}
	for _, limit := range []int{1, 4} {
		results, err := fanout.Collect(t.Context(), 6, limit, explode)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range results {
			var contained *panics.Error
			switch {
			case i != 3 && (r.Err != nil || r.Value != i):
				t.Errorf("call %d suffered from the panic: %+v", i, r)
			case i == 3 && (!errors.As(r.Err, &contained) || !errors.Is(r.Err, trouble) || r.Err.Error() != "panic: trouble"):
				t.Errorf("error %v, want the panic", r.Err)
			case i == 3 && !strings.Contains(string(contained.Stack), "TestPanicsBecomeErrors"):
				t.Errorf("the stack does not show where: %s", contained.Stack)
			}
		}
		if _, err := fanout.All(t.Context(), 6, limit, explode); !errors.Is(err, trouble) {
			t.Errorf("All: %v", err)
		}
	}
}

// runtime.Goexit (which testing's FailNow calls) takes a goroutine along; the calls that it would have made must be made.
func TestGoexitIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own := make(chan struct{})
		call := func(_ context.Context, i int) (int, error) {
			if i == 0 {
				<-own // keeps the caller's goroutine, which draws first, out of it
				return 0, nil
			}
			if i == 9 {
				close(own)
			}
			if i%3 == 1 {
				runtime.Goexit()
			}
			return i, nil
		}
		results, err := fanout.Collect(t.Context(), 10, 2, call)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range results {
			if gone := errors.Is(r.Err, panics.ErrGoexit); gone != (i%3 == 1) {
				t.Errorf("result %d: %+v", i, r)
			}
		}
		own = make(chan struct{})
		_, err = fanout.All(t.Context(), 2, 2, func(ctx context.Context, i int) (int, error) {
			if i == 0 {
				<-ctx.Done()
				return 0, nil
			}
			runtime.Goexit()
			return 0, nil
		})
		if !errors.Is(err, panics.ErrGoexit) {
			t.Errorf("All: %v", err)
		}
	})
}

func TestGoexitInTheCallersGoroutineWaitsForTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var done atomic.Int64
		ended := make(chan time.Duration)
		go func() {
			start := time.Now()
			defer func() { ended <- time.Since(start) }()
			_, _ = fanout.Collect(t.Context(), 4, 2, func(_ context.Context, i int) (int, error) {
				if i == 0 {
					runtime.Goexit()
				}
				time.Sleep(time.Second)
				done.Add(1)
				return 0, nil
			})
			t.Error("Collect returned")
		}()
		if took := <-ended; done.Load() != 3 || took != 2*time.Second {
			t.Errorf("%d other calls in %v, want 3 in 2s", done.Load(), took)
		}
	})
}
