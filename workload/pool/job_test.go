// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"goservice.dev/operator/workload/panics"
	"goservice.dev/operator/workload/pool"
)

var errTrouble = errors.New("trouble")

// sleeper is a job of one second.
func sleeper(context.Context) error {
	time.Sleep(time.Second)
	return nil
}

func TestSubmit(t *testing.T) {
	cases := map[string]struct {
		run  func(context.Context) error
		want error
	}{
		"returns":         {run: func(context.Context) error { return nil }},
		"fails":           {run: func(context.Context) error { return errTrouble }, want: errTrouble},
		"panics":          {run: func(context.Context) error { panic(errTrouble) }, want: errTrouble},
		"goes away":       {run: func(context.Context) error { runtime.Goexit(); return nil }, want: panics.ErrGoexit},
		"has the context": {run: context.Cause},
	}
	for name, c := range cases {
		for _, queues := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := pool.New(pool.Config{Workers: 1, QueueDepth: 2})
					if queues {
						if _, err := p.Submit(t.Context(), sleeper); err != nil {
							t.Fatal(err)
						}
					}
					job, err := p.Submit(t.Context(), c.run)
					if err != nil {
						t.Fatal(err)
					}
					if queues && job.Err() != nil {
						t.Errorf("error %v before the end", job.Err())
					}
					after, err := p.Submit(t.Context(), sleeper)
					if err != nil {
						t.Fatal(err)
					}
					if err := job.Wait(t.Context()); !errors.Is(err, c.want) || !errors.Is(job.Err(), c.want) {
						t.Errorf("error %v, want %v", err, c.want)
					}
					if err := after.Wait(t.Context()); err != nil {
						t.Errorf("the next job: %v", err)
					}
					if diff := cmp.Diff([4]int{1, 0, 2, 0}, state(p)); diff != "" {
						t.Error(diff)
					}
				})
			})
		}
	}
}

func TestAPanicShowsItsStackButNotToClients(t *testing.T) {
	p := pool.New(pool.Config{Workers: 1})
	job, err := p.Submit(t.Context(), func(context.Context) error { panic("no such thing") })
	if err != nil {
		t.Fatal(err)
	}
	var contained *panics.Error
	if err := job.Wait(t.Context()); !errors.As(err, &contained) || err.Error() != "panic: no such thing" {
		t.Fatalf("error %v", err)
	}
	if !strings.Contains(string(contained.Stack), "TestAPanicShowsItsStack") {
		t.Errorf("the stack does not show where: %s", contained.Stack)
	}
}

func TestJobsAndHandlersShareTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool.New(pool.Config{Workers: 2, QueueDepth: 3})
		come(t.Context(), p)
		jobs := make([]*pool.Job, 0, 3)
		for range cap(jobs) {
			job, err := p.Submit(t.Context(), sleeper)
			if err != nil {
				t.Fatal(err)
			}
			jobs = append(jobs, job)
		}
		handler := come(t.Context(), p)
		if _, err := p.Submit(t.Context(), sleeper); !errors.Is(err, pool.ErrQueueFull) {
			t.Errorf("error %v, want %v", err, pool.ErrQueueFull)
		}
		if diff := cmp.Diff([4]int{2, 2, 3, 3}, state(p)); diff != "" {
			t.Error(diff)
		}
		start := time.Now()
		for i, job := range jobs { // one after the other, on the worker that the first caller left
			if err := job.Wait(t.Context()); err != nil || time.Since(start) != time.Duration(i+1)*time.Second {
				t.Errorf("job %d: error %v after %v", i, err, time.Since(start))
			}
		}
		synctest.Wait()
		if !handler.done || handler.err != nil || handler.waited != 3*time.Second {
			t.Errorf("the handler: %+v, want a worker after the jobs", *handler)
		}
	})
}

func TestQueuedJobsThatNobodyWaitsForAreNotRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool.New(pool.Config{Workers: 1, QueueDepth: 5, QueueTimeout: 10 * ms})
		come(t.Context(), p)
		never := func(context.Context) error {
			t.Error("the job was run")
			return nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		canceled, err := p.Submit(ctx, never)
		if err != nil {
			t.Fatal(err)
		}
		late, err := p.Submit(t.Context(), never)
		if err != nil {
			t.Fatal(err)
		}
		if err := canceled.Wait(contextThatEnded()); !errors.Is(err, context.Canceled) || p.Stats().Queued != 2 {
			t.Errorf("not waiting any more: error %v, %d in line", err, p.Stats().Queued)
		}
		cancel()
		synctest.Wait()
		if err := canceled.Err(); !errors.Is(err, context.Canceled) || p.Stats().Queued != 1 {
			t.Errorf("canceled: error %v, %d in line", err, p.Stats().Queued)
		}
		<-late.Done()
		if err := late.Err(); !errors.Is(err, pool.ErrQueueTimeout) {
			t.Errorf("late: error %v", err)
		}
		if _, err := p.Submit(ctx, never); !errors.Is(err, context.Canceled) {
			t.Errorf("with an ended context: error %v", err)
		}
		if diff := cmp.Diff(pool.Rejected{Canceled: 1, QueueTimeout: 1}, p.Stats().Rejected); diff != "" {
			t.Error(diff)
		}
	})
}

func contextThatEnded() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool.New(pool.Config{Workers: 1, QueueDepth: 5})
		runs, err := p.Submit(t.Context(), sleeper)
		if err != nil {
			t.Fatal(err)
		}
		waits, err := p.Submit(t.Context(), sleeper)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		closed := make(chan error)
		for range 2 {
			go func() { closed <- p.Close(t.Context()) }()
		}
		synctest.Wait()
		if c := come(t.Context(), p); !errors.Is(c.err, pool.ErrClosed) {
			t.Errorf("a caller after Close: %+v", *c)
		}
		if _, err := p.Submit(t.Context(), sleeper); !errors.Is(err, pool.ErrClosed) {
			t.Errorf("a job after Close: error %v", err)
		}
		for range 2 {
			if err := <-closed; err != nil || time.Since(start) != 2*time.Second {
				t.Errorf("error %v after %v, want none after 2s", err, time.Since(start))
			}
		}
		if runs.Wait(t.Context()) != nil || waits.Wait(t.Context()) != nil {
			t.Errorf("what was accepted failed: %v, %v", runs.Err(), waits.Err())
		}
		if err := p.Close(t.Context()); err != nil {
			t.Errorf("closed again: %v", err)
		}
	})
}

func TestCloseTellsWhatItCuts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool.New(pool.Config{Workers: 2, QueueDepth: 5})
		come(t.Context(), p)
		come(t.Context(), p)
		waits := come(t.Context(), p)
		job, err := p.Submit(t.Context(), sleeper)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err = p.Close(ctx)
		const want = "pool: 2 still running and 2 turned away while waiting: context deadline exceeded"
		if err == nil || err.Error() != want || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want %s", err, want)
		}
		synctest.Wait()
		if !errors.Is(waits.err, pool.ErrClosed) || !errors.Is(job.Err(), pool.ErrClosed) {
			t.Errorf("those who waited: %v, %v", waits.err, job.Err())
		}
		p.Release()
		p.Release()
		if err := p.Close(ctx); err != nil {
			t.Errorf("after all are done: %v", err)
		}
	})
}

func TestCloseOfAnIdlePool(t *testing.T) {
	p := pool.New(pool.Config{Workers: 1})
	if err := p.Close(contextThatEnded()); err != nil {
		t.Error(err)
	}
}
