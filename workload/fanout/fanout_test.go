// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package fanout_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"goservice.dev/operator/workload/fanout"
)

var errOdd = errors.New("odd")

// squareOfEven fails for odd indices.
func squareOfEven(_ context.Context, i int) (int, error) {
	if i%2 == 1 {
		return 0, errOdd
	}
	return i * i, nil
}

func TestCollectGathersInOrder(t *testing.T) {
	for _, n := range []int{-1, 0, 1, 2, 7, 500} {
		for _, limit := range []int{-1, 0, 1, 2, 16, 1000} {
			results, err := fanout.Collect(t.Context(), n, limit, squareOfEven)
			if err != nil || len(results) != max(n, 0) {
				t.Fatalf("n %d, limit %d: %d results, error %v", n, limit, len(results), err)
			}
			for i, got := range results {
				value, err := squareOfEven(t.Context(), i)
				if got.Value != value || got.Err != err { //nolint:errorlint // the very error is expected
					t.Errorf("n %d, limit %d: result %d is %+v", n, limit, i, got)
				}
			}
		}
	}
}

func TestAllGathersInOrder(t *testing.T) {
	for _, n := range []int{0, 1, 2, 7, 500} {
		values, err := fanout.All(t.Context(), n, 16, func(_ context.Context, i int) (string, error) { return fmt.Sprint(i), nil })
		if err != nil || len(values) != n {
			t.Fatalf("n %d: %d values, error %v", n, len(values), err)
		}
		for i, got := range values {
			if got != fmt.Sprint(i) {
				t.Errorf("n %d: value %d is %q", n, i, got)
			}
		}
	}
}

// Calls of one second each show by the time that they take how many ran at once.
func TestLimit(t *testing.T) {
	cases := map[string]struct {
		n, limit int
		want     time.Duration
	}{
		"one after the other":     {n: 5, limit: 1, want: 5 * time.Second},
		"three at once":           {n: 10, limit: 3, want: 4 * time.Second},
		"all at once":             {n: 1000, limit: 0, want: time.Second},
		"no more than there are":  {n: 3, limit: 100, want: time.Second},
		"a single call":           {n: 1, limit: 8, want: time.Second},
		"as many as are possible": {n: 8, limit: 8, want: time.Second},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				_, err := fanout.Collect(t.Context(), c.n, c.limit, func(context.Context, int) (int, error) {
					time.Sleep(time.Second)
					return 0, nil
				})
				if got := time.Since(start); err != nil || got != c.want {
					t.Errorf("took %v, want %v; error %v", got, c.want, err)
				}
			})
		})
	}
}

func TestCollectWhenTheContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := errors.New("the client went away")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(2500*time.Millisecond, func() { cancel(gone) })
		var calls atomic.Int64
		start := time.Now()
		results, err := fanout.Collect(ctx, 10, 2, func(ctx context.Context, i int) (int, error) {
			calls.Add(1)
			time.Sleep(time.Second) // does not look at the context: Collect must wait for it none the less
			return i, nil
		})
		if !errors.Is(err, gone) || calls.Load() != 6 || time.Since(start) != 3*time.Second {
			t.Errorf("error %v after %d calls and %v; want %v, 6, 3s", err, calls.Load(), time.Since(start), gone)
		}
		for i, r := range results {
			if begun := i < 6; begun != (r.Err == nil) || !begun && !errors.Is(r.Err, gone) {
				t.Errorf("result %d: %+v", i, r)
			}
		}
	})
}

func TestNothingBeginsAfterTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	call := func(context.Context, int) (int, error) {
		t.Error("called")
		return 0, nil
	}
	if results, err := fanout.Collect(ctx, 3, 2, call); !errors.Is(err, context.Canceled) || len(results) != 3 {
		t.Errorf("Collect: %v, %v", results, err)
	}
	if values, err := fanout.All(ctx, 3, 2, call); !errors.Is(err, context.Canceled) || values != nil {
		t.Errorf("All: %v, %v", values, err)
	}
}

func TestAllStopsAtTheFirstError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		var canceled, finished atomic.Int64
		start := time.Now()
		values, err := fanout.All(t.Context(), 100, 4, func(ctx context.Context, i int) (int, error) {
			if i == 2 {
				time.Sleep(time.Second)
				return 0, broken
			}
			select {
			case <-ctx.Done():
				canceled.Add(1)
				return 0, ctx.Err()
			case <-time.After(time.Hour):
				finished.Add(1)
				return i, nil
			}
		})
		var failed *fanout.CallError
		if !errors.Is(err, broken) || !errors.As(err, &failed) || failed.Index != 2 || values != nil {
			t.Errorf("values %v, error %v; want call 2 to be broken", values, err)
		}
		if err != nil && err.Error() != "call 2: broken" {
			t.Errorf("message %q", err)
		}
		if canceled.Load() != 3 || finished.Load() != 0 || time.Since(start) != time.Second {
			t.Errorf("%d canceled, %d finished, after %v; want 3, 0, 1s", canceled.Load(), finished.Load(), time.Since(start))
		}
	})
}

func TestAllWhenTheContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sleep := func(context.Context, int) (int, error) {
			time.Sleep(time.Second)
			return 1, nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		if values, err := fanout.All(ctx, 10, 2, sleep); !errors.Is(err, context.DeadlineExceeded) || values != nil {
			t.Errorf("before all began: %v, %v", values, err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		values, err := fanout.All(ctx, 2, 2, sleep)
		if diff := cmp.Diff([]int{1, 1}, values); diff != "" || err != nil {
			t.Errorf("all were done in spite of it, error %v: %s", err, diff)
		}
	})
}

func TestNothingToCall(t *testing.T) {
	call := func(context.Context, int) (int, error) {
		t.Error("called")
		return 0, nil
	}
	for _, n := range []int{0, -1} {
		if results, err := fanout.Collect(t.Context(), n, 1, call); results != nil || err != nil {
			t.Errorf("n %d: results %v, error %v", n, results, err)
		}
		if values, err := fanout.All(t.Context(), n, 1, call); values != nil || err != nil {
			t.Errorf("n %d: values %v, error %v", n, values, err)
		}
	}
}

// Once every call has begun, the end of the context is the calls' own matter.
func TestAContextThatEndsDuringTheLastCall(t *testing.T) {
	for _, limit := range []int{1, 3} {
		// ending calls f with a context and with calls of which the last ends it.
		ending := func(f func(ctx context.Context, call func(context.Context, int) (int, error))) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var begun atomic.Int32
			f(ctx, func(context.Context, int) (int, error) {
				if begun.Add(1) == 3 {
					cancel()
				} else if limit == 3 {
					<-ctx.Done()
				}
				return 7, nil
			})
		}
		ending(func(ctx context.Context, call func(context.Context, int) (int, error)) {
			results, err := fanout.Collect(ctx, 3, limit, call)
			if diff := cmp.Diff([]fanout.Result[int]{{Value: 7}, {Value: 7}, {Value: 7}}, results); diff != "" || err != nil {
				t.Errorf("limit %d: error %v, results (-want +got):\n%s", limit, err, diff)
			}
		})
		ending(func(ctx context.Context, call func(context.Context, int) (int, error)) {
			values, err := fanout.All(ctx, 3, limit, call)
			if diff := cmp.Diff([]int{7, 7, 7}, values); diff != "" || err != nil {
				t.Errorf("limit %d: error %v, values (-want +got):\n%s", limit, err, diff)
			}
		})
	}
}

// slowToTell is a context that has ended from its third look on. Its second one takes a while.
type slowToTell struct {
	context.Context
	looks atomic.Int32
}

func (c *slowToTell) Err() error {
	switch c.looks.Add(1) {
	case 1:
		return nil
	case 2:
		<-time.After(time.Second)
		return nil
	}
	return context.Canceled
}

// A worker that saw the context before it ended begins its call after another one has found that it has ended: that call counts.
func TestACallThatBeginsWhileTheContextEndsHasItsResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := &slowToTell{Context: t.Context()}
		results, _ := fanout.Collect(ctx, 3, 2, func(_ context.Context, i int) (int, error) {
			if i == 0 {
				synctest.Wait() // until the other worker looks
			}
			return 7, nil
		})
		if len(results) != 3 || results[0] != (fanout.Result[int]{Value: 7}) || results[1] != (fanout.Result[int]{Value: 7}) {
			t.Errorf("%+v, want two results of calls that began", results)
		}
	})
}

// What the calls started with their context ends with All.
func TestTheContextOfCallsEndsWithAll(t *testing.T) {
	var inner context.Context
	if _, err := fanout.All(t.Context(), 1, 1, func(ctx context.Context, _ int) (int, error) {
		inner = ctx
		return 0, ctx.Err()
	}); err != nil {
		t.Fatal(err)
	}
	if inner.Err() == nil {
		t.Error("the context of a call lives on")
	}
}

// FuzzAgainstErrgroup has errgroup as the oracle of which values come out, and whether an error does.
func FuzzAgainstErrgroup(f *testing.F) {
	f.Add(uint64(1), uint8(20), int8(3), uint8(0))
	f.Add(uint64(2), uint8(200), int8(0), uint8(10))
	f.Fuzz(func(t *testing.T, seed uint64, n uint8, limit int8, failPercent uint8) {
		random := rand.New(rand.NewPCG(seed, 0))
		fails := make([]error, n)
		for i := range fails {
			if random.IntN(100) < int(failPercent%101) {
				fails[i] = fmt.Errorf("call %d failed", i)
			}
		}
		call := func(_ context.Context, i int) (int, error) { return i, fails[i] }

		want := make([]int, n)
		group, ctx := errgroup.WithContext(t.Context())
		group.SetLimit(max(int(limit), 1))
		for i := range want {
			group.Go(func() (err error) {
				want[i], err = call(ctx, i)
				return err
			})
		}
		failed := group.Wait()

		values, err := fanout.All(t.Context(), int(n), int(limit), call)
		if (err == nil) != (failed == nil) {
			t.Fatalf("error %v, errgroup has %v", err, failed)
		}
		if err == nil && n > 0 {
			if diff := cmp.Diff(want, values); diff != "" {
				t.Error(diff)
			}
		}
		results, err := fanout.Collect(t.Context(), int(n), int(limit), call)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range results {
			if r.Value != i || !errors.Is(r.Err, fails[i]) {
				t.Errorf("result %d: %+v, want error %v", i, r, fails[i])
			}
		}
	})
}
