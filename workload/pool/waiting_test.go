// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// place puts somebody in line whose goroutine is elsewhere: the answer stays in the channel.
func place(t *testing.T, ctx context.Context, p *Pool, claim Claim) *waiter {
	t.Helper()
	w := &waiter{ctx: ctx, ready: make(chan error, 1), movable: claim.Movable}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.enqueue(w, claim); err != nil {
		t.Fatal(err)
	}
	return w
}

// answers are what each was told so far.
func answers(all ...*waiter) (texts []string) {
	for _, w := range all {
		select {
		case err := <-w.ready:
			texts = append(texts, textOf(err))
		default:
			texts = append(texts, "waits")
		}
	}
	return texts
}

// busyOne is a pool whose one worker is in use.
func busyOne(t *testing.T, config Config) *Pool {
	t.Helper()
	config.Workers = 1
	p := New(config)
	if !p.TryAcquire() {
		t.Fatal("busy")
	}
	return p
}

// A worker goes to the first whose context has not ended, whether those before have left the line yet or not.
func TestAWorkerIsForWhoeverStillWantsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, c := range map[string]struct {
			give func(p *Pool)
			want []string
			busy int
		}{
			"Release": {(*Pool).Release, []string{"context canceled", "context canceled", "<nil>", "waits"}, 1},
			"Move":    {func(p *Pool) { p.Move(errMoved) }, []string{"context canceled", "context canceled", "moved", "waits"}, 1},
			"Set": {
				func(p *Pool) { p.Set(Config{Workers: 3, QueueDepth: 9}) },
				[]string{"context canceled", "context canceled", "<nil>", "<nil>"}, 3,
			},
		} {
			p := busyOne(t, Config{QueueDepth: 9})
			ctx, cancel := context.WithCancel(t.Context())
			var all []*waiter
			for range 2 {
				all = append(all, place(t, ctx, p, Claim{Movable: true}))
			}
			for range 2 {
				all = append(all, place(t, t.Context(), p, Claim{Movable: true}))
			}
			cancel()
			c.give(p)
			if diff := cmp.Diff(c.want, answers(all...)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			if s := p.Stats(); s.Rejected != (Rejected{Canceled: 2}) || s.Busy != c.busy {
				t.Errorf("%s: %+v", name, s)
			}
			consistent(t, p)
		}
	})
}

// Whoever may move is not moved once their time is up, although nobody has told them yet.
func TestNobodyMovesWhoseTimeIsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := busyOne(t, Config{QueueDepth: 9, QueueTimeout: time.Second})
		w := place(t, t.Context(), p, Claim{Movable: true})
		p.timer.Stop()
		time.Sleep(time.Second)
		if p.Move(errMoved) {
			t.Error("moved")
		}
		if diff := cmp.Diff([]string{textOf(ErrQueueTimeout)}, answers(w)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// One that moves is a hand-over like others: it counts for the pace, passes the turn on, and may leave nobody in line.
func TestAMoveIsAHandOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := busyOne(t, Config{QueueDepth: 9})
		time.Sleep(time.Hour)
		w := place(t, t.Context(), p, Claim{Movable: true})
		time.Sleep(30 * ms)
		if !p.Move(errMoved) || p.Queued() {
			t.Errorf("nobody moved, or somebody is said to wait: %t", p.Queued())
		}
		want := pace{last: time.Hour + 30*ms, spent: 30 * ms, grants: 1}
		if line := p.queue.lines[Normal.class()].pace; p.pace != want || line != want {
			t.Errorf("the pace is %+v, that of the line %+v, want %+v", p.pace, line, want)
		}
		if diff := cmp.Diff([]string{"moved"}, answers(w)); diff != "" || p.queue.grants != 1 {
			t.Errorf("%d hand-overs (-want +got):\n%s", p.queue.grants, diff)
		}
	})
}

func TestTheOldestMayWaitInAnyLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, order := range [][]Priority{{Critical, Normal, Sheddable}, {Sheddable, Normal, Critical}, {Normal, Critical, Sheddable}} {
			p := busyOne(t, Config{QueueDepth: 9})
			time.Sleep(time.Hour)
			for _, priority := range order {
				place(t, t.Context(), p, Claim{Priority: priority})
				time.Sleep(time.Second)
			}
			if waiting, priority, oldest := p.Movable(); waiting != 0 || priority != Normal || oldest != 3*time.Second {
				t.Errorf("%d may move, the first %s; the oldest has waited for %s", waiting, priority, oldest)
			}
			w := place(t, t.Context(), p, Claim{Priority: order[0], Movable: true})
			if waiting, priority, _ := p.Movable(); waiting != 1 || priority != order[0] || w.flow == nil {
				t.Errorf("%d may move, the first %s", waiting, priority)
			}
		}
	})
}

// Where there are no neighbors, nobody moves; and neighbors are not told of somebody who has a worker already.
func TestWhoDoesNotMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := busyOne(t, Config{QueueDepth: 9})
		out := make(chan error, 1)
		go func() { out <- p.AcquireFor(t.Context(), Claim{Movable: true}) }()
		synctest.Wait()
		if waiting, _, _ := p.Movable(); waiting != 0 || p.Move(errMoved) {
			t.Errorf("%d may move where there is no neighbor", waiting)
		}
		p.Release()
		if err := <-out; err != nil {
			t.Error(err)
		}

		told := &neighbors{}
		p = New(Config{Workers: 1, QueueDepth: 9})
		p.Share(told)
		p.word.Or(queued) // as if somebody waited
		if err := p.AcquireFor(t.Context(), Claim{Movable: true}); err != nil || len(told.waits) != 0 {
			t.Errorf("error %v, neighbors were told %d times", err, len(told.waits))
		}
	})
}

// A goroutine whose context ended in the moment in which it was answered gives the worker back, or says why there was none.
func TestAnAnswerThatComesTooLate(t *testing.T) {
	for answer, want := range map[error]struct {
		err  error
		busy int
	}{nil: {context.Canceled, 0}, ErrQueueTimeout: {ErrQueueTimeout, 1}} {
		p := busyOne(t, Config{QueueDepth: 9})
		w := &waiter{ctx: ended(), ready: make(chan error, 1)}
		w.ready <- answer
		if err := p.leave(w); !errors.Is(err, want.err) || p.Stats().Busy != want.busy || p.Stats().Rejected != (Rejected{}) {
			t.Errorf("%v: error %v, %+v", answer, err, p.Stats())
		}
	}
}

// A worker that became free between the look for one and the place in line is found.
func TestAWorkerThatBecomesFreeMeanwhileIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p *Pool
		once := false
		p = watchedPool(t, Config{Workers: 1, MinWorkers: 1, MaxWorkers: 9, QueueDepth: 9}, func(time.Duration) reading {
			if !once {
				once = true
				p.Release()
			}
			return reading{processors: 1}
		})
		over(arrive(t.Context(), p, 1))
		p.Release()
		time.Sleep(time.Minute) // until it no longer looks
	})
}

// A worker that became free before the look for one is taken, also where nobody may wait.
func TestAWorkerThatBecameFreeBeforeIsTaken(t *testing.T) {
	for busy := range 3 {
		p := New(Config{Workers: 3})
		for range busy {
			if !p.TryAcquire() {
				t.Fatal("busy")
			}
		}
		p.word.Or(queued) // as if somebody waited
		if err := p.Acquire(t.Context()); err != nil || p.Stats().Busy != busy+1 {
			t.Errorf("with %d of 3 busy: error %v", busy, err)
		}
	}
}

// Each line has a longest wait of its own, whoever came first.
func TestEachLineHasItsOwnTime(t *testing.T) {
	for _, order := range [][]Priority{{Critical, Normal, Sheddable}, {Sheddable, Normal, Critical}} {
		synctest.Test(t, func(t *testing.T) {
			p := busyOne(t, Config{QueueDepth: 9, QueueTimeout: 100 * ms})
			time.Sleep(time.Hour)
			got := make(chan time.Duration, 3)
			var timer *time.Timer
			for i, priority := range order {
				start := time.Now()
				go func() {
					if err := p.AcquireFor(t.Context(), Claim{Priority: priority}); !errors.Is(err, ErrQueueTimeout) {
						t.Errorf("%s: error %v", priority, err)
					}
					got <- time.Since(start)
				}()
				synctest.Wait()
				p.mu.Lock()
				if i > 0 && timer != p.timer {
					t.Errorf("a timer of its own for the one in place %d", i+1)
				}
				timer = p.timer
				p.mu.Unlock()
				time.Sleep(10 * ms)
			}
			var all []time.Duration
			for range order {
				all = append(all, <-got)
			}
			if diff := cmp.Diff([]time.Duration{100 * ms, 100 * ms, 200 * ms}, all); diff != "" {
				t.Errorf("waits (-want +got):\n%s", diff)
			}
		})
	}
}

// A shorter timeout is in force when Set returns.
func TestAShorterTimeoutIsInForceAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := busyOne(t, Config{QueueDepth: 9, QueueTimeout: time.Hour})
		w := place(t, t.Context(), p, Claim{})
		time.Sleep(time.Minute)
		p.Set(Config{Workers: 1, QueueDepth: 9, QueueTimeout: time.Minute})
		if diff := cmp.Diff([]string{textOf(ErrQueueTimeout)}, answers(w)); diff != "" || p.Queued() {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// Where the queue has no places any more, those who are in it stay, and nobody takes theirs.
func TestNobodyMakesRoomInAQueueWithoutPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, Config{Workers: 1, QueueDepth: 3})
		c.come(t, "sheddable", Claim{Priority: Sheddable})
		c.p.Set(Config{Workers: 1})
		c.come(t, "critical", Claim{Priority: Critical})
		if !errors.Is(c.failed["critical"], ErrQueueFull) || c.failed["sheddable"] != nil {
			t.Errorf("turned away: %v", c.failed)
		}
		c.release(2)
	})
}

// A patient caller takes no place of the others, whether it waits or has waited.
func TestPatientCallersHavePlacesOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, Config{Workers: 1, QueueDepth: 2})
		c.come(t, "patient", Claim{Patient: true})
		for _, name := range []string{"first", "second", "third"} {
			c.come(t, name, Claim{})
		}
		if len(c.failed) != 1 || !errors.Is(c.failed["third"], ErrQueueFull) {
			t.Errorf("turned away beside a patient caller: %v", c.failed)
		}
		c.release(3)
		for _, name := range []string{"fourth", "fifth", "sixth"} {
			c.come(t, name, Claim{})
		}
		if len(c.failed) != 2 || !errors.Is(c.failed["sixth"], ErrQueueFull) {
			t.Errorf("turned away after a patient caller: %v", c.failed)
		}
		c.release(3)
		consistent(t, c.p)
	})
}

// A job whose context ends in line leaves nothing behind.
func TestALineIsEmptyOnceItsJobIsCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := busyOne(t, Config{QueueDepth: 9})
		ctx, cancel := context.WithCancel(t.Context())
		job, err := p.Submit(ctx, func(context.Context) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		<-job.Done()
		synctest.Wait()
		if p.Queued() || p.Stats().Queued != 0 {
			t.Error("somebody is said to wait")
		}
	})
}

// A place in line is used again, and keeps nobody's context meanwhile.
func TestAPlaceInLineIsUsedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := busyOne(t, Config{QueueDepth: 9})
		made, again := 0, 0
		p.spare.New = func() any {
			made++
			return &waiter{ready: make(chan error, 1)}
		}
		for range 100 { // the race detector has some of them lost
			ctx, cancel := context.WithTimeout(t.Context(), ms)
			if err := p.Acquire(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
			cancel()
			before := made
			w := p.spare.Get().(*waiter)
			if w.ctx != nil || w.flow != nil || len(w.ready) != 0 {
				t.Fatalf("%+v is kept", w)
			}
			if made == before {
				again++
			}
		}
		if again == 0 {
			t.Error("no place is used again")
		}
	})
}

// Requests are told when to come again in whole seconds, as soon as half a minute at the latest; and for how long they have waited.
func TestWhatMiddlewareSaysOfTime(t *testing.T) {
	for each, want := range map[time.Duration]string{
		10 * ms: "1", time.Second: "1", time.Second + 1: "2", 7 * time.Second: "7", 29*time.Second + 1: "30", 30 * time.Second: "30", time.Hour: "30",
	} {
		synctest.Test(t, func(t *testing.T) {
			p := busyOne(t, Config{QueueDepth: 1})
			w := place(t, t.Context(), p, Claim{Patient: true})
			p.Set(Config{Workers: 1})
			p.pace = pace{spent: 80 * each, grants: 80}
			var waited time.Duration
			h := Middleware(p, WithOnAdmit(func(_ *http.Request, d time.Duration) { waited = d }))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			ask := func() *httptest.ResponseRecorder {
				answer := httptest.NewRecorder()
				h.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
				return answer
			}
			if got := ask().Header().Get("Retry-After"); got != want {
				t.Errorf("come again after %s s, want %s for a wait of %s", got, want, each)
			}
			time.Sleep(time.Hour)
			p.Set(Config{Workers: 1, QueueDepth: 9})
			p.Release()
			over(w.ready)
			go func() {
				time.Sleep(30 * ms)
				p.Release()
			}()
			if ask(); waited != 30*ms {
				t.Errorf("waited for %s", waited)
			}
		})
	}
}
