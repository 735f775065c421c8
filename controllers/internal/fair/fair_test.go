// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package fair

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// work holds a slot of a group for a while.
func work(t *testing.T, s *Scheduler, group string, busy time.Duration) (waited time.Duration) {
	t.Helper()
	release, waited, err := s.Acquire(t.Context(), group)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer release()
	<-time.After(busy)
	return waited
}

func TestAGroupGetsNoMoreThanItsSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewScheduler(Options{Slots: 10, SlotsPerGroup: 3})
		began := time.Now()
		var working sync.WaitGroup
		for range 9 {
			working.Go(func() { work(t, s, "silent", time.Second) })
		}
		synctest.Wait()
		if waited := work(t, s, "other", time.Millisecond); waited != 0 {
			t.Errorf("another group waited %s beside free slots", waited)
		}
		working.Wait()
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("9 seconds of work on 3 slots took %s", took)
		}
	})
}

func TestGroupsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewScheduler(Options{Slots: 1, SlotsPerGroup: 1})
		var mu sync.Mutex
		var order []string
		var working sync.WaitGroup
		for _, group := range []string{"a", "a", "a", "a", "b", "b", "c"} {
			working.Go(func() {
				work(t, s, group, time.Second)
				mu.Lock()
				defer mu.Unlock()
				order = append(order, group)
			})
			synctest.Wait()
		}
		working.Wait()
		if got, want := fmt.Sprint(order), "[a b c a b a a]"; got != want {
			t.Errorf("in the order %s, want %s", got, want)
		}
	})
}

// However many wait, another tenant waits for at most the work that is under way and one turn of everybody.
func TestAThousandWhoWaitDelayNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told atomic.Int64
		s := NewScheduler(Options{Slots: 8, SlotsPerGroup: 4, Waited: func(time.Duration) { told.Add(1) }})
		ctx, cancel := context.WithCancel(t.Context())
		var working sync.WaitGroup
		for range 1000 {
			working.Go(func() {
				release, _, err := s.Acquire(ctx, "silent")
				if err != nil {
					return
				}
				<-time.After(time.Second)
				release()
			})
		}
		synctest.Wait()
		for range 100 {
			if waited := work(t, s, "well-behaved", 5*time.Millisecond); waited != 0 {
				t.Fatalf("waited %s", waited)
			}
		}
		cancel()
		working.Wait()
		if s.used != 0 || len(s.groups) != 0 || s.turns.Len() != 0 {
			t.Errorf("%d slots in use, %d groups, %d turns after all have left", s.used, len(s.groups), s.turns.Len())
		}
		if told.Load() < 100 {
			t.Errorf("told of %d waits", told.Load())
		}
	})
}

func TestWhoGivesUpGetsNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewScheduler(Options{Slots: 1, SlotsPerGroup: 1})
		release, _, err := s.Acquire(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, waited, err := s.Acquire(ctx, "b"); !errors.Is(err, context.DeadlineExceeded) || waited != time.Second {
			t.Errorf("waited %s, error %v", waited, err)
		}
		release()
		if waited := work(t, s, "c", 0); waited != 0 {
			t.Errorf("waited %s for a slot that nobody has", waited)
		}
	})
}

// Whatever comes and goes, the bounds hold and no slot is lost.
func TestSlotsAreNeverLostOrTooMany(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			s := NewScheduler(Options{Slots: 5, SlotsPerGroup: 2})
			var mu sync.Mutex
			using := map[string]int{}
			all := 0
			use := func(group string, n int) {
				mu.Lock()
				defer mu.Unlock()
				using[group] += n
				all += n
				if all > 5 || using[group] > 2 {
					t.Errorf("%d slots at once, %d of one group", all, using[group])
				}
			}
			var working sync.WaitGroup
			for range 200 {
				group := fmt.Sprint(random.IntN(6))
				start, patience, busy := random.IntN(100), random.IntN(20), random.IntN(10)
				working.Go(func() {
					<-time.After(time.Duration(start) * time.Millisecond)
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(patience)*time.Millisecond)
					defer cancel()
					release, _, err := s.Acquire(ctx, group)
					if err != nil {
						return
					}
					use(group, 1)
					<-time.After(time.Duration(busy) * time.Millisecond)
					use(group, -1)
					release()
				})
			}
			working.Wait()
			if s.used != 0 || len(s.groups) != 0 || s.turns.Len() != 0 {
				t.Errorf("%d slots in use, %d groups, %d turns at the end", s.used, len(s.groups), s.turns.Len())
			}
		})
	}
}

func TestBackoff(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var b Backoff
	if !b.Due(now) || b.Silent() {
		t.Error("not due at first")
	}
	var pauses []time.Duration
	for range 9 {
		pauses = append(pauses, b.Failed(now))
	}
	if got, want := fmt.Sprint(pauses), "[0s 2s 4s 8s 16s 32s 1m4s 2m0s 2m0s]"; got != want {
		t.Errorf("pauses %s, want %s", got, want)
	}
	for range 1000 {
		b.Failed(now)
	}
	if !b.Silent() || b.Due(now.Add(MaxPause-1)) || !b.Due(now.Add(MaxPause)) {
		t.Error("not due after the longest pause")
	}
	b.Answered()
	if b.Silent() || !b.Due(now) {
		t.Error("an answer does not count")
	}
}

func BenchmarkAcquire(b *testing.B) {
	s := NewScheduler(Options{Slots: 96, SlotsPerGroup: 16})
	b.ReportAllocs()
	for b.Loop() {
		release, _, err := s.Acquire(b.Context(), "shop")
		if err != nil {
			b.Fatal(err)
		}
		release()
	}
}
