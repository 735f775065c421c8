// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const ms = time.Millisecond

// arrive starts callers of Acquire, each as far as it gets without time passing; their errors come out of the channel.
func arrive(ctx context.Context, p *Pool, n int) <-chan error {
	out := make(chan error, n)
	for range n {
		go func() { out <- p.Acquire(ctx) }()
		synctest.Wait()
	}
	return out
}

// consistent makes sure that nobody holds the lock and that the flags say what is.
func consistent(t *testing.T, p *Pool) {
	t.Helper()
	synctest.Wait()
	if !p.mu.TryLock() {
		t.Fatal("the pool is locked")
	}
	defer p.mu.Unlock()
	length := p.queue.length
	for class := range p.queue.lines {
		length -= consistentLine(t, &p.queue.lines[class])
	}
	if length != 0 {
		t.Fatalf("the lines have %d less than the queue", length)
	}
	length = p.queue.length
	if flagged := p.word.Load()&queued != 0; flagged != (length > 0) && p.word.Load()&closed == 0 {
		t.Fatalf("%d are in line, and the flag is up: %t", length, flagged)
	}
}

// consistentLine makes sure that every route and client in the circles has a place, and returns how many wait.
func consistentLine(t *testing.T, l *line) (length int) {
	t.Helper()
	patient, flows, round := 0, 0, 0
	for r, i := l.routes.turn, 0; i < l.routes.length; r, i = r.next, i+1 {
		of := 0
		for f, i := r.clients.turn, 0; i < r.clients.length; f, i = f.next, i+1 {
			own := consistentFlow(t, l, f)
			if f.route != r {
				t.Fatalf("%+v is not of the route %+v", f.key, r.key)
			}
			if f.key.patient {
				patient += own
			}
			of += own
			flows++
		}
		if of == 0 || of != r.length || l.flows[r.key] != r || r.next.previous != r || r.left >= clientsPerTurn {
			t.Fatalf("route %q has %d in line, %d are counted", r.key.route, of, r.length)
		}
		length += of
		round += r.quantum()
		flows++
	}
	if flows != len(l.flows) || round != l.round {
		t.Fatalf("%d routes and clients are in line, %d are kept; a round is %d, counted as %d", flows, len(l.flows), round, l.round)
	}
	arrived := 0
	for w := l.oldest; w != nil; w = w.later {
		if w.flow == nil || w.flow.line != l || w.later == nil && l.newest != w || w.later != nil && w.later.earlier != w {
			t.Fatalf("the order of arrival is torn at %d", arrived)
		}
		arrived++
	}
	if length != arrived+patient || (arrived == 0) != (l.newest == nil) {
		t.Fatalf("%d are in line, %d of them have arrived", length, arrived)
	}
	if length != l.length || (l.routes.turn == nil) != (length == 0) {
		t.Fatalf("%d are in line, %d are counted", length, l.length)
	}
	return length
}

func consistentFlow(t *testing.T, l *line, f *flow) (own int) {
	t.Helper()
	for w := f.head; w != nil; w = w.behind {
		if w.flow != f || w.behind == nil && f.tail != w || w.behind != nil && w.behind.ahead != w {
			t.Fatalf("the line of %+v is torn at %d", f.key, own)
		}
		own++
	}
	if own == 0 || own != f.length || l.flows[f.key] != f || f.next.previous != f {
		t.Fatalf("%+v has %d in line, %d are counted", f.key, own, f.length)
	}
	return own
}

// Once nobody waits, whoever comes has the quick way again, however the line became empty.
func TestTheQuickWayIsOpenAgain(t *testing.T) {
	ends := map[string]func(p *Pool, cancel func()){
		"served":      func(p *Pool, _ func()) { p.Release() },
		"left":        func(_ *Pool, cancel func()) { cancel() },
		"timed out":   func(p *Pool, _ func()) { time.Sleep(time.Second) },
		"more places": func(p *Pool, _ func()) { p.Set(Config{Workers: 2, QueueDepth: 3}) },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := New(Config{Workers: 1, QueueDepth: 3, QueueTimeout: time.Second})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				over(arrive(t.Context(), p, 1))
				out := arrive(ctx, p, 1)
				consistent(t, p)
				end(p, cancel)
				over(out)
				consistent(t, p)
				if p.word.Load()&queued != 0 {
					t.Error("the flag is still up")
				}
			})
		})
	}
}

// A line may be torn by who leaves from its middle, its head or its end.
func TestThoseWhoLeaveFromAnywhere(t *testing.T) {
	for leaving := range 4 {
		synctest.Test(t, func(t *testing.T) {
			p := New(Config{Workers: 1, QueueDepth: 4})
			over(arrive(t.Context(), p, 1))
			ctx, cancel := context.WithCancel(t.Context())
			var stay []<-chan error
			for i := range 4 {
				if i == leaving {
					arrive(ctx, p, 1)
				} else {
					stay = append(stay, arrive(t.Context(), p, 1))
				}
			}
			consistent(t, p)
			cancel()
			consistent(t, p)
			for _, out := range stay {
				p.Release()
				if err := <-out; err != nil {
					t.Error(err)
				}
				consistent(t, p)
			}
			want := Stats{Workers: 1, MinWorkers: 1, MaxWorkers: 1, QueueDepth: 4, Busy: 1, Rejected: Rejected{Canceled: 1}}
			if diff := cmp.Diff(want, p.Stats()); diff != "" {
				t.Errorf("stats (-want +got):\n%s", diff)
			}
		})
	}
}

// The pace is that of hand-overs: neither the time before a line began counts, nor is a hand-over counted twice.
func TestThePaceIsThatOfHandOvers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{Workers: 1, QueueDepth: 100})
		over(arrive(t.Context(), p, 1))
		time.Sleep(time.Hour)
		out := arrive(t.Context(), p, 50)
		for i := range 40 {
			if got := p.RetryAfter(); i >= 8 && got != time.Duration(50-i)*15*ms {
				t.Fatalf("after %d hand-overs: %s for %d in line", i, got, 50-i)
			}
			if i < 8 && p.RetryAfter() != 0 {
				t.Fatalf("after %d hand-overs a pace is known", i)
			}
			time.Sleep(15 * ms)
			p.Release()
			over(out)
		}
		for range 10 {
			p.Release()
			over(out)
		}
		p.Release()
		if got := p.RetryAfter(); got != 0 {
			t.Errorf("with nobody in line, come again in %s", got)
		}
		time.Sleep(time.Hour)
		over(arrive(t.Context(), p, 1))
		arrive(t.Context(), p, 2)
		if got := p.RetryAfter(); got > 30*ms || got < 15*ms {
			t.Errorf("after an hour without a line, two wait for %s", got)
		}
		consistent(t, p)
		p.Release()
		p.Release()
		p.Release()
	})
}

func TestThePaceForgets(t *testing.T) {
	for _, c := range []struct{ workers, window int }{{1, 32}, {8, 32}, {9, 36}, {100, 400}} {
		var p pace
		for i := range c.window {
			if p.grants != i {
				t.Fatalf("%d workers: %d hand-overs are remembered after %d", c.workers, p.grants, i)
			}
			p.observe(time.Duration(i+1)*10*ms, c.workers)
		}
		if p.grants != c.window/2 || p.spent != time.Duration(c.window)*10*ms/2 {
			t.Errorf("%d workers: %d hand-overs in %s are remembered after %d", c.workers, p.grants, p.spent, c.window)
		}
	}
	p := pace{spent: 600 * ms, grants: 100}
	p.scale(3, 3)
	if p.spent != 600*ms {
		t.Errorf("as many workers: %s", p.spent)
	}
	p.scale(2, 3)
	if p.spent != 400*ms {
		t.Errorf("from two workers to three: %s", p.spent)
	}
	p.begin(time.Second)
	if got := p.wait(1, time.Second); got != 4*ms {
		t.Errorf("the interval is %s, want 4ms", got)
	}
	if got := p.wait(2, time.Second+70*ms); got != 74*ms {
		t.Errorf("during a standstill two hand-overs take %s, want 74ms", got)
	}
}

// watched is a context that tells how many watch it.
type watched struct {
	context.Context
	done    chan struct{} // of its own, so that it is not taken for the context inside it
	watches *atomic.Int32
}

func (w watched) Done() <-chan struct{} { return w.done }

func (w watched) AfterFunc(func()) func() bool {
	w.watches.Add(1)
	return func() bool {
		w.watches.Add(-1)
		return true
	}
}

// A job's context is watched while the job waits, and not any more once it runs: such contexts may live for long.
func TestTheWatchOverAJobEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{Workers: 1, QueueDepth: 3})
		var watches atomic.Int32
		var jobs []*Job
		for _, ctx := range []context.Context{t.Context(), watched{t.Context(), make(chan struct{}), &watches}, context.WithoutCancel(t.Context())} {
			job, err := p.Submit(ctx, func(context.Context) error {
				time.Sleep(time.Second)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			jobs = append(jobs, job)
		}
		if watches.Load() != 1 || jobs[0].stop != nil || jobs[2].stop != nil {
			t.Errorf("%d watches, want only that over the one that waits and may end", watches.Load())
		}
		for _, job := range jobs {
			<-job.Done()
		}
		if watches.Load() != 0 {
			t.Error("the context of a job that ran is still watched")
		}
		consistent(t, p)
	})
}

func TestWhatCloseCuts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{Workers: 1, QueueDepth: 3})
		over(arrive(t.Context(), p, 1))
		out := arrive(t.Context(), p, 2)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		err := p.Close(ended)
		if want := "pool: 1 still running and 2 turned away while waiting: context canceled"; err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
		for range 2 {
			if err := <-out; !errors.Is(err, ErrClosed) {
				t.Errorf("error %v, want %v", err, ErrClosed)
			}
		}
		if err := p.Acquire(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("error %v, want %v", err, ErrClosed)
		}
		want := Stats{Workers: 1, MinWorkers: 1, MaxWorkers: 1, QueueDepth: 3, Busy: 1, Rejected: Rejected{Closed: 3}}
		if diff := cmp.Diff(want, p.Stats()); diff != "" {
			t.Errorf("stats (-want +got):\n%s", diff)
		}
		select {
		case <-p.idle:
			t.Error("idle while one runs")
		default:
		}
		p.Release()
		<-p.idle
		if err := p.Close(ended); err != nil {
			t.Errorf("once all are done: %v", err)
		}
	})
}

// A queue's timeout is that of each one in it, and the timer follows the head of the line.
func TestTheTimerFollowsTheHead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{Workers: 1, QueueDepth: 10, QueueTimeout: 100 * ms})
		over(arrive(t.Context(), p, 1))
		start := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		arrive(ctx, p, 1)
		time.Sleep(30 * ms)
		second := arrive(t.Context(), p, 1)
		time.Sleep(30 * ms)
		third := arrive(t.Context(), p, 1)
		cancel() // the head leaves before its time
		for i, out := range []<-chan error{second, third} {
			if err := <-out; !errors.Is(err, ErrQueueTimeout) || time.Since(start) != time.Duration(130+30*i)*ms {
				t.Errorf("error %v after %s", err, time.Since(start))
			}
		}
		consistent(t, p)
		p.Set(Config{Workers: 1, QueueDepth: 10})
		arrive(t.Context(), p, 1)
		time.Sleep(time.Hour)
		if got := p.Stats().Queued; got != 1 {
			t.Errorf("without a timeout, %d wait after an hour", got)
		}
		p.Release()
	})
}

// over waits for an end, whatever it brings.
func over[T any](end <-chan T) { <-end }
