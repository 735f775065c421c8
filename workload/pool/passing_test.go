// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// ways to a worker, each with the error that the pool gave.
var ways = map[string]func(ctx context.Context, p *Pool, work func()) error{
	"Acquire": func(ctx context.Context, p *Pool, work func()) error {
		if err := p.Acquire(ctx); err != nil {
			return err
		}
		defer p.Release()
		work()
		return nil
	},
	"Do": func(ctx context.Context, p *Pool, work func()) error {
		return p.Do(ctx, func(context.Context) error { work(); return nil })
	},
	"Submit": func(ctx context.Context, p *Pool, work func()) error {
		job, err := p.Submit(ctx, func(context.Context) error { work(); return nil })
		if err != nil {
			return err
		}
		return job.Wait(ctx)
	},
	"Middleware": func(ctx context.Context, p *Pool, work func()) (err error) {
		h := Middleware(p, WithOnReject(func(_ *http.Request, reason string) { err = errors.New(reason) }))
		answer := httptest.NewRecorder()
		h(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { work() })).ServeHTTP(answer, httptest.NewRequestWithContext(ctx, http.MethodGet, "/", http.NoBody))
		return err
	},
}

// Whoever finds a worker free takes it and gives it back without the lock. With the lock, this would hang.
func TestTheQuickWayNeedsNoLock(t *testing.T) {
	p := New(Config{Workers: 1, QueueDepth: 1})
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, way := range ways {
		ran := false
		if err := way(t.Context(), p, func() { ran = !p.Free() && !p.TryAcquire() }); err != nil || !ran {
			t.Errorf("%s: error %v, run with a worker of its own: %t", name, err, ran)
		}
		if !p.Free() {
			t.Errorf("%s: the worker did not come back", name)
		}
	}
}

// Between the moment in which a worker becomes free and that in which it is handed over, nobody takes it from those who wait.
func TestNobodyPassesThoseWhoWait(t *testing.T) {
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := New(Config{Workers: 1, QueueDepth: 2})
				over(arrive(t.Context(), p, 1))
				first := arrive(t.Context(), p, 1)
				p.word.Add(^uint64(0)) // the first half of Release
				if p.Free() || p.TryAcquire() {
					t.Error("the worker is free although somebody waits for it")
				}
				passed := make(chan error, 1)
				ran := false
				go func() { passed <- way(t.Context(), p, func() { ran = true }) }()
				synctest.Wait()
				if len(first) != 1 || ran {
					t.Errorf("the first in line was served: %t, the one that came later: %t", len(first) == 1, ran)
				}
				p.freed(false) // the second half
				p.Release()
				if err := <-passed; err != nil {
					t.Error(err)
				}
				consistent(t, p)
			})
		})
	}
}

func TestAClosedPoolAdmitsNobodyToItsFreeWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{Workers: 3, QueueDepth: 2})
		if err := p.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		for name, way := range ways {
			err := way(t.Context(), p, func() { t.Errorf("%s: run", name) })
			if !errors.Is(err, ErrClosed) && (err == nil || err.Error() != ReasonDraining) {
				t.Errorf("%s: error %v", name, err)
			}
		}
		if s := p.Stats(); s.Busy != 0 || s.Rejected != (Rejected{Closed: 4}) {
			t.Errorf("%+v", s)
		}
	})
}

// While a worker that became free is not handed over yet, nobody is at work, but the pool is not done.
func TestCloseWaitsForThoseInLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{Workers: 1, QueueDepth: 2})
		over(arrive(t.Context(), p, 1))
		last := arrive(t.Context(), p, 1)
		p.word.Add(^uint64(0)) // the first half of Release
		closed := make(chan error, 1)
		go func() { closed <- p.Close(t.Context()) }()
		synctest.Wait()
		if len(closed) != 0 {
			t.Error("the pool closed while somebody was in line")
		}
		p.freed(false) // the second half
		if err := <-last; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if len(closed) != 0 {
			t.Error("the pool closed while somebody was at work")
		}
		p.Release()
		if err := <-closed; err != nil {
			t.Error(err)
		}
	})
}

// How Close ends where the context has ended before.
func TestCloseThatCannotWait(t *testing.T) {
	for name, c := range map[string]struct {
		running, waiting int
		halfway          bool // the last to run is giving its worker back
		want             string
	}{
		"nothing to wait for":       {},
		"one runs":                  {running: 1, want: "pool: 1 still running and 0 turned away while waiting: context canceled"},
		"two run, one waits":        {running: 2, waiting: 1, want: "pool: 2 still running and 1 turned away while waiting: context canceled"},
		"none runs, one waits":      {running: 2, waiting: 1, halfway: true, want: "pool: 0 still running and 1 turned away while waiting: context canceled"},
		"none runs, and three wait": {running: 2, waiting: 3, halfway: true, want: "pool: 0 still running and 3 turned away while waiting: context canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for range 20 { // what has ended already is found in any order
					p := New(Config{Workers: 2, QueueDepth: 5})
					for range c.running {
						over(arrive(t.Context(), p, 1))
					}
					out := arrive(t.Context(), p, c.waiting)
					if c.halfway {
						p.word.Add(^uint64(1)) // both
					}
					if got := textOf(p.Close(ended())); got != c.want && (c.want != "" || got != "<nil>") {
						t.Fatalf("error %q, want %q", got, c.want)
					}
					for range c.waiting {
						if err := <-out; !errors.Is(err, ErrClosed) {
							t.Errorf("error %v, want %v", err, ErrClosed)
						}
					}
					if p.Queued() {
						t.Error("it is said that somebody waits")
					}
				}
			})
		})
	}
}

// A neighbor is told of a worker that is free, not of one that is one too many.
func TestNeighborsAreNotToldOfAWorkerThatIsTooMany(t *testing.T) {
	told := &neighbors{}
	p := New(Config{Workers: 2, QueueDepth: 10})
	p.Share(told)
	p.Want(true)
	for range 2 {
		if !p.TryAcquire() {
			t.Fatal("busy")
		}
	}
	p.Set(Config{Workers: 1, QueueDepth: 10})
	if p.Release(); told.freed != 0 {
		t.Errorf("told %d times of a worker that is busy", told.freed)
	}
	if p.Release(); told.freed != 1 {
		t.Errorf("told %d times of a worker that is free", told.freed)
	}
}

// goroutine is the name of the one that calls.
func goroutine() string {
	var stack [64]byte
	name, _, _ := strings.Cut(string(stack[:runtime.Stack(stack[:], false)]), " [")
	return name
}

// The goroutine that ran a job runs the next in line, unless it is about to end.
func TestJobsInLineAreRunByTheGoroutineThatRanTheOneBefore(t *testing.T) {
	for name, c := range map[string]struct {
		end  func()
		same bool
	}{
		"returns":   {func() {}, true},
		"panics":    {func() { panic("trouble") }, true},
		"goes away": {runtime.Goexit, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := New(Config{Workers: 1, QueueDepth: 2})
				var names [3]string
				var last *Job
				for i := range names {
					job, err := p.Submit(t.Context(), func(context.Context) error {
						names[i] = goroutine()
						time.Sleep(time.Second)
						c.end()
						return nil
					})
					if err != nil {
						t.Fatal(err)
					}
					last = job
				}
				<-last.Done()
				if (names[0] == names[1]) != c.same || (names[1] == names[2]) != c.same {
					t.Errorf("run by %q", names)
				}
			})
		})
	}
}

// A goroutine keeps one job for itself, however many workers are free when it asks.
func TestAWorkerLeavesTheOtherJobsToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{Workers: 1, QueueDepth: 3})
		var at [4]time.Duration
		var jobs sync.WaitGroup
		start := time.Now()
		for i := range at {
			job, err := p.Submit(t.Context(), func(context.Context) error {
				at[i] = time.Since(start)
				time.Sleep(time.Second)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			jobs.Go(func() { <-job.Done() })
		}
		p.word.Add(2 << busyBits) // two workers more, which are not handed over yet
		jobs.Wait()
		if want := [4]time.Duration{0, time.Second, time.Second, time.Second}; at != want {
			t.Errorf("begun after %v, want %v", at, want)
		}
	})
}

// A job that got a worker while it was about to wait is not watched, and what its context does then is its own affair.
func TestAJobThatGotAWorkerAfterAllIsNotWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{Workers: 1, QueueDepth: 3})
		var watches atomic.Int32
		p.word.Or(queued) // as if somebody waited
		job, err := p.Submit(watched{t.Context(), make(chan struct{}), &watches}, func(context.Context) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		if watches.Load() != 0 || job.stop != nil {
			t.Error("the context of a job that runs is watched")
		}
		if err := job.Wait(t.Context()); err != nil {
			t.Error(err)
		}
		p.abandon(&waiter{ctx: ended(), job: job})
		if s := p.Stats(); s.Busy != 0 || s.Rejected != (Rejected{}) {
			t.Errorf("%+v", s)
		}
	})
}

// Requests that wait for a processor come before the pool first.
func TestWhatIsReadyToRunComesBeforeTheHandler(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var ran atomic.Bool
	before := 0
	h := Middleware(New(Config{Workers: 1}))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if ran.Load() {
			before++
		}
	}))
	for range 20 { // Go may run anything else instead, once in a while
		ran.Store(false)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		go ran.Store(true)
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	if before < 10 {
		t.Errorf("what was ready to run came before the handler %d times of 20", before)
	}
}
